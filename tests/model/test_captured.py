"""The step at a fixed shape, as it is recorded on a card, computes the function of the free one.

Graphs need a card; here the same buffers are computed with step by step, and the loop of
``test_varlen`` takes the place of the attention kernel.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
import torch.nn.attention.varlen

from model.test_varlen import PLACEHOLDER, looped_kernel
from model.tiny_llama import made_up_examples, settings, tiny_adapted
from sqlforge.model.fused.captured import CapturedStep, choose_graphs
from sqlforge.model.fused.padded import pad, room_for, size_of
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.pack import IGNORED, Pack, as_row, plan_packs
from sqlforge.model.varlen import VARLEN, sequences_of


def _kernel(query: Any, key: Any, value: Any, asked: Any, seen: Any, *_: int, **more: Any) -> Any:
    """The loop, without sequences that are empty, whose lengths are no longer the largest."""
    kept = [*(asked.diff() > 0).nonzero()[:, 0].tolist(), len(asked) - 1]
    asked, seen = asked[kept], seen[kept]
    longest = int(asked.diff().max()), int(seen.diff().max())
    return looped_kernel(query, key, value, asked, seen, *longest, **more)


@pytest.fixture(autouse=True)
def _looped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", _kernel)
    monkeypatch.setattr("sqlforge.model.varlen.shares_keys", lambda _: {"enable_gqa": True})


def _batch(packs: list[Pack]) -> dict[str, Any]:
    row = as_row(packs[0])
    return row | {"attention_mask": PLACEHOLDER, "sequences": sequences_of(packs[0])}


def _packs(shared: int, budget: int = 220) -> list[Pack]:
    encoded, keys = made_up_examples(60, schemas=4)
    return plan_packs(encoded, keys, budget=budget, questions_per_schema=shared, seed=0)


def _model(dropout: float = 0.0) -> Any:
    model = tiny_adapted(dropout=dropout).train()
    model.set_attn_implementation(VARLEN)
    return model


def _trained(model: Any) -> list[torch.nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


def _gradient(model: Any, loss: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in _trained(model)])


@pytest.mark.parametrize("shared", [1, 6])
def test_what_is_added_changes_neither_loss_nor_gradient(shared: int) -> None:
    model = _model()
    free, fixed = FusedStep(model, 1), CapturedStep(FusedStep(model, 1), _trained(model))
    collate = fixed.collated(_batch)
    for pack in _packs(shared)[:3]:
        batch = collate([pack])
        assert bool(batch["sequences"]["gathered"]) == (shared > 1)
        wanted = free.loss(batch)
        wanted_gradient = _gradient(model, wanted)
        got = fixed.loss(batch)
        got_gradient = _gradient(model, got / 3)
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
        error = (3 * got_gradient - wanted_gradient).norm() / wanted_gradient.norm()
        assert error < 1e-5


def test_buffers_are_the_step_of_the_same_batch_bit_by_bit() -> None:
    model = _model(dropout=0.3)
    free, fixed = FusedStep(model, False), CapturedStep(FusedStep(model, False), _trained(model))
    collate = fixed.collated(_batch)
    for number, pack in enumerate(_packs(6)[:2]):
        given = collate([pack])["fixed"]
        torch.manual_seed(number)
        hidden = free.hidden(given)
        wanted = free.summed(hidden, given["positions"], given["targets"], given["weights"])
        wanted_gradient = _gradient(model, wanted)
        torch.manual_seed(number)
        got = fixed.loss(collate([pack]))
        assert torch.equal(got, wanted)
        assert torch.equal(_gradient(model, got), wanted_gradient)


def test_prompts_weigh_what_they_weigh() -> None:
    model = _model()
    (pack,) = _packs(1, budget=900)[:1]
    batch = _batch([pack])
    batch["prompt_labels"] = torch.where(batch["labels"] == IGNORED, 7, IGNORED)
    batch["prompt_weight"] = torch.tensor(0.25)
    fixed = CapturedStep(FusedStep(model, False), _trained(model))
    got = fixed.loss(fixed.collated(lambda _: batch)([pack]))
    torch.testing.assert_close(got, FusedStep(model, False).loss(batch), rtol=1e-5, atol=1e-5)


def test_a_batch_that_outgrows_the_shape_makes_it_larger_and_others_keep_it() -> None:
    fixed = CapturedStep(FusedStep(_model(), False), [])
    collate = fixed.collated(_batch)
    small, large = _packs(6, budget=90)[0], _packs(6, budget=900)[0]
    assert len(large) > 256 > len(small)
    first, grown, kept = (collate([pack])["room"] for pack in (small, large, small))
    assert grown.tokens > first.tokens and grown.holds(first) and kept == grown


def test_no_sequence_has_fewer_keys_than_queries_and_all_tokens_are_in_one() -> None:
    sizes = [(shared, budget) for shared in (1, 2, 6) for budget in (60, 200, 700)]
    batches = [_batch([_packs(shared, budget=budget)[0]]) for shared, budget in sizes]
    rooms = [room_for(size_of(batch), spare) for batch in batches for spare in (0, 0.5)]
    # Rooms that have grown by batches of another kind, too.
    rooms += [one.joined(other) for one in rooms for other in rooms]
    tried = [(b, r) for b in batches for r in rooms if r.holds(size_of(b))]
    assert len(tried) > 500
    for batch, room in tried:
        found = pad(batch, room)["sequences"]
        queries, keys = found["query_ends"].diff(), found["key_ends"].diff()
        assert len(queries) == room.all_sequences
        assert int(found["query_ends"][-1]) == room.all_tokens
        assert int(found["key_ends"][-1]) == len(found["key_index"]) == room.all_keys
        assert bool((keys >= queries).all()) and bool((keys[queries == 0] == 0).all())
        assert int(queries.max()) <= room.longest_query and int(keys.max()) <= room.longest_key


def test_without_a_card_training_goes_on_without_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = _model()
    with caplog.at_level(logging.WARNING):
        step = FusedStep(model, False)
        assert choose_graphs(step, model, settings(1, graphs=True), _batch) == (step, _batch)
        choose_graphs(step, model, settings(1, graphs=True), _batch, processes=2)
    assert "goes on without: it is for the fused step of adapters on a card" in caplog.text
    assert "several processes train" in caplog.text


def test_a_graph_that_cannot_be_recorded_gives_way_to_the_free_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = _model()
    fixed = CapturedStep(FusedStep(model, False), _trained(model))
    batch = fixed.collated(_batch)(_packs(1)[:1])

    def refused(_: Any) -> None:
        raise torch.OutOfMemoryError("no room for a graph")

    monkeypatch.setattr(fixed, "_record", refused)
    with caplog.at_level(logging.WARNING):
        got = fixed.loss(batch)
    assert torch.equal(got, FusedStep(model, False).loss(batch))
    assert "no room for a graph" in caplog.text
