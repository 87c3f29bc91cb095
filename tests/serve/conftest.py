"""Models on running engines behind the real application: SmolLM2-135M, and one that is quick."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model.conftest import smol, smol_installed, smol_tokenizer
from sqlforge.model.engine import Engine
from sqlforge.serve.app import create_app
from sqlforge.serve.local import LocalModel
from sqlforge.serve.settings import ServeSettings
from tiny_base import tiny_llama

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
    """A random model of two small layers with SmolLM2's tokens, where the words do not matter."""
    model = tiny_llama(smol_tokenizer).eval()
    with Engine(model, smol_tokenizer, rows=4, width=128) as engine:
        engine.start()
        yield LocalModel(engine, smol_tokenizer)
