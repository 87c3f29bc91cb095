"""Models on running engines behind the real application: SmolLM2-135M, and one that is quick."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from transformers import LlamaConfig, LlamaForCausalLM

from model.conftest import smol, smol_installed, smol_tokenizer
from sqlforge.model.engine import Engine
from sqlforge.serve.app import create_app
from sqlforge.serve.local import LocalModel
from sqlforge.serve.settings import ServeSettings

__all__ = ["smol", "smol_installed", "smol_tokenizer"]


@pytest.fixture(scope="session")
def local(smol: Any, smol_tokenizer: Any) -> Iterator[LocalModel]:
    with Engine(smol, smol_tokenizer, rows=8, width=256) as engine:
        engine.start()
        yield LocalModel(engine, smol_tokenizer)


@pytest.fixture
def client(local: LocalModel) -> TestClient:
    """The application as a test's process sees it; no key, no rate."""
    return TestClient(create_app(ServeSettings("smol"), local))


@pytest.fixture(scope="session")
def quick(smol_tokenizer: Any) -> Iterator[LocalModel]:
    """A random model of one small layer with SmolLM2's tokens, where the words do not matter."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(smol_tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        eos_token_id=smol_tokenizer.eos_token_id,
    )
    with Engine(LlamaForCausalLM(config).eval(), smol_tokenizer, rows=4, width=128) as engine:
        engine.start()
        yield LocalModel(engine, smol_tokenizer)
