"""The variable-length attention of packs computes what the mask says.

The kernel runs on CUDA cards only. Without one its place is taken by a loop over the sequences that
follows its published contract; with one the kernel itself is held against the mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.attention.varlen

from model.tiny_llama import made_up_examples, tiny_adapted
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.pack import Pack, as_row, collate, plan_packs
from sqlforge.model.train import supervised_loss
from sqlforge.model.varlen import VARLEN, can_run, sequences_of, shares_keys

PLACEHOLDER = torch.ones(1, 1, 1, 1, dtype=torch.bool)


def looped_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    query_ends: torch.Tensor,
    key_ends: torch.Tensor,
    longest_query: int,
    longest_key: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int],
    enable_gqa: bool = False,
) -> torch.Tensor:
    """What the kernel computes, one sequence after the other."""
    assert window_size == (-1, 0)
    assert longest_query == int(query_ends.diff().max())
    assert longest_key == int(key_ends.diff().max())
    pieces = []
    for i in range(len(query_ends) - 1):
        asked = query[query_ends[i] : query_ends[i + 1]].transpose(0, 1)
        seen = slice(int(key_ends[i]), int(key_ends[i + 1]))
        shape = (asked.shape[1], seen.stop - seen.start)
        mask = torch.ones(shape, dtype=torch.bool).tril(shape[1] - shape[0])  # to the last key
        mixed = torch.nn.functional.scaled_dot_product_attention(
            asked,
            key[seen].transpose(0, 1),
            value[seen].transpose(0, 1),
            mask,
            scale=scale,
            enable_gqa=enable_gqa,
        )
        pieces.append(mixed.transpose(0, 1))
    return torch.cat(pieces)


def loss_and_gradients(model: Any, inputs: dict[str, Any], way: str) -> tuple[float, torch.Tensor]:
    model.set_attn_implementation(way)
    model.zero_grad()
    loss = supervised_loss(model, inputs)
    loss.backward()
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return loss.item(), torch.cat(gradients)


def varlen_inputs(pack: Pack, device: str) -> dict[str, Any]:
    found = as_row(pack) | {"attention_mask": PLACEHOLDER, "sequences": sequences_of(pack)}
    found["sequences"] = moved(found["sequences"], device)
    return moved(found, device)


def moved(values: dict[str, Any], device: str) -> dict[str, Any]:
    return {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in values.items()}


@pytest.mark.parametrize("budget", [60, 4_000])
def test_packs_as_sequences_have_the_loss_and_gradients_of_packs_under_their_mask(
    budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", looped_kernel)
    model = tiny_adapted()
    encoded, keys = made_up_examples(20, schemas=4)
    for pack in plan_packs(encoded, keys, budget=budget, questions_per_schema=3, seed=1):
        masked = loss_and_gradients(model, collate(pack), "sdpa")
        assert sequences_of(pack)["query_ends"][-1] == len(pack)
        as_sequences = loss_and_gradients(model, varlen_inputs(pack, "cpu"), VARLEN)
        assert as_sequences[0] == pytest.approx(masked[0], rel=1e-5)
        assert (as_sequences[1] - masked[1]).norm() <= 1e-5 * masked[1].norm()


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize("questions", [1, 3], ids=["as they lie", "gathered"])
def test_the_fused_step_attends_to_sequences_as_under_their_mask(
    questions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", looped_kernel)
    model = tiny_adapted()
    encoded, keys = made_up_examples(20, schemas=4)
    (pack,) = plan_packs(encoded, keys, budget=4_000, questions_per_schema=questions, seed=1)
    assert sequences_of(pack)["gathered"] == (questions > 1)
    masked = loss_and_gradients(model, collate(pack), "sdpa")
    model.set_attn_implementation(VARLEN)
    model.zero_grad()
    loss = FusedStep(model, True).loss(varlen_inputs(pack, "cpu"))
    loss.backward()
    gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert loss.item() == pytest.approx(masked[0], rel=1e-5)
    assert (gradients - masked[1]).norm() <= 1e-5 * masked[1].norm()


def unasked(*given: Any, window_size: tuple[int, int]) -> torch.Tensor:
    """An earlier kernel, which lets heads share keys without a flag."""
    return looped_kernel(*given, window_size=window_size, enable_gqa=True)


def crossed(query: torch.Tensor, key: torch.Tensor, *given: Any, **more: Any) -> torch.Tensor:
    """One that gives heads the wrong keys."""
    return unasked(query, key if key.shape[1] == query.shape[1] else key.flip(1), *given, **more)


def refusing(query: torch.Tensor, key: torch.Tensor, *given: Any, **more: Any) -> torch.Tensor:
    if key.shape[1] < query.shape[1]:
        raise RuntimeError("Number of heads in key/value must be that of the query")
    return unasked(query, key, *given, **more)


def short_of_memory(query: torch.Tensor, key: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    if key.shape[1] < query.shape[1]:
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return unasked(query, key, *_, **__)


@pytest.fixture
def asked_anew() -> Iterator[None]:
    shares_keys.cache_clear()
    yield
    shares_keys.cache_clear()


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize(
    ("kernel", "found", "told"),
    [
        (looped_kernel, {"enable_gqa": True}, None),
        (unasked, {}, None),
        (crossed, None, "its results differ"),
        (refusing, None, "must be that of the query"),
    ],
)
def test_keys_are_copied_and_it_is_said_where_the_kernel_lets_no_heads_share_them(
    kernel: Any,
    found: dict[str, Any] | None,
    told: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", kernel)
    torch.manual_seed(9)
    assert shares_keys(torch.device("cpu")) == found
    drawn = torch.rand(())
    torch.manual_seed(9)
    assert drawn == torch.rand(()), "training's random numbers are as before"
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == (told is not None)
    assert all(told is not None and told in message for message in messages)


@pytest.mark.usefixtures("asked_anew")
def test_memory_that_is_short_says_nothing_about_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", short_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        shares_keys(torch.device("cpu"))
    monkeypatch.setattr(torch.nn.attention.varlen, "varlen_attn", unasked)
    assert shares_keys(torch.device("cpu")) == {}


def test_a_lone_example_after_a_group_does_not_see_the_groups_trunk() -> None:
    encoded, keys = made_up_examples(3, schemas=2)  # two questions of one schema, one of another
    (pack,) = plan_packs(encoded, keys, budget=4_000, questions_per_schema=3, seed=1)
    found = sequences_of(pack)
    for sequence in range(len(found["query_ends"]) - 1):
        own = range(int(found["query_ends"][sequence]), int(found["query_ends"][sequence + 1]))
        seen = found["key_index"][found["key_ends"][sequence] : found["key_ends"][sequence + 1]]
        assert {pack.groups[t] for t in seen.tolist()} == {pack.groups[own[0]]}
        assert seen[-len(own) :].tolist() == list(own)


def test_the_kernel_is_not_tried_where_it_does_not_run() -> None:
    assert not can_run(torch.device("cpu"), torch.bfloat16)
    assert not can_run(torch.device("cuda"), torch.float32)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_kernel_errs_no_more_in_bf16_than_plain_attention_does() -> None:
    model = tiny_adapted().to("cuda")
    encoded, keys = made_up_examples(40, schemas=6)
    (pack,) = plan_packs(encoded, keys, budget=9_000, questions_per_schema=5, seed=1)
    masked = moved(collate(pack), "cuda")
    exact = loss_and_gradients(model, masked, "sdpa")[1]
    with torch.autocast("cuda", torch.bfloat16):
        plain = loss_and_gradients(model, masked, "sdpa")[1]
        kernel = loss_and_gradients(model, varlen_inputs(pack, "cuda"), VARLEN)[1]
    assert (kernel - exact).norm() <= 1.25 * (plain - exact).norm()
