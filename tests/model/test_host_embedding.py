"""Training with the table of embeddings in the computer's memory is the same training."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from model.tiny_llama import settings, tiny_adapted, tiny_packs
from sqlforge.model.train import train


def _trained(folder: Path, **changes: Any) -> Any:
    model = tiny_adapted(dropout=0.1)
    train(model, tiny_packs()[:6], settings(3, accumulation=2, step="fused", **changes), folder)
    return model


def test_the_same_weights_come_out_and_the_table_is_where_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card, host = _trained(tmp_path / "card"), _trained(tmp_path / "host", embedding="host")
    assert not [record for record in caplog.records if "stays on the card" in record.message]
    for one, other in zip(card.parameters(), host.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.device == other.device


def test_where_something_else_reads_the_table_it_stays_which_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        train(tiny_adapted(), tiny_packs()[:1], settings(1, embedding="host"), tmp_path / "plain")
        tied = tiny_adapted()
        tied.config.tie_word_embeddings = True
        train(
            tied, tiny_packs()[:1], settings(1, embedding="host", step="fused"), tmp_path / "tied"
        )
    told = [r.message for r in caplog.records if "table of embeddings" in r.message]
    assert ["transformers' layers" in told[0], "output layer too" in told[1]] == [True, True]
