"""Packs become batches one ahead of the step that reads them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

from model.tiny_llama import tiny_packs
from sqlforge.model.batches import Ahead
from sqlforge.model.pack import Pack, collate


def test_batches_come_as_asked_for_whatever_was_put_together_ahead() -> None:
    packs = tiny_packs()[:5]
    ahead = Ahead(packs, lambda packs: collate(packs[0]))
    assert len(ahead) == 5
    for index in (0, 1, 3, 4, 0, 2, 2):
        ahead.begin()
        batch = ahead[index]
        assert batch.pop("pack") is packs[index]
        for name, value in collate(packs[index]).items():
            assert torch.equal(batch[name], value), name


def test_the_next_batches_are_put_together_once_a_pass_was_started() -> None:
    packs, made, begun = tiny_packs()[:4], [], threading.Event()

    def collated(given: list[Pack]) -> dict[str, Any]:
        made.append(given[0])
        if len(made) == 3:
            begun.set()
        return {}

    ahead = Ahead(packs, collated, window=2)
    ahead[0]
    assert made == packs[:1]  # nothing yet that the card's work would wait for
    ahead.begin()
    ahead.begin()
    assert begun.wait(timeout=30)
    assert made == packs[:3]
    assert [ahead[index]["pack"] for index in (1, 2)] == packs[1:3]
    assert made == packs[:3]


def test_what_fails_ahead_is_raised_where_it_is_asked_for() -> None:
    packs = tiny_packs()[:2]

    def collated(given: list[Pack]) -> dict[str, Any]:
        if given[0] is packs[1]:
            raise ValueError("broken")
        return {}

    ahead = Ahead(packs, collated)
    assert ahead[0]["pack"] is packs[0]
    ahead.begin()
    with pytest.raises(ValueError, match="broken"):
        ahead[1]
