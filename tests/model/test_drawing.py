"""Samples are drawn as the model says, and carry the probability that it gives them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from model.test_generate import _Ids, _prompts
from model.tiny_llama import END, tiny_llama
from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.schema import Schema
from sqlforge.model.generate import generate
from sqlforge.model.writer import Asked, TransformersWriter

EIGHT = Decoding(samples=8, vote=True, seed=3)


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_llama(spread=0.3)


def asked(count: int) -> list[Asked]:
    prompts, keys = _prompts(4, schemas=2, count=count)
    return [Asked(p, key, Schema(())) for p, key in zip(prompts, keys, strict=True)]


def logprob(model: Any, prompt: tuple[int, ...], answer: list[int]) -> float:
    """By one forward pass over both."""
    ids = torch.tensor([[*prompt, *answer]])
    with torch.inference_mode():
        told = torch.log_softmax(model(input_ids=ids).logits[0].float(), dim=-1)
    start = len(prompt) - 1
    return sum(float(told[start + n, token]) for n, token in enumerate(answer))


@pytest.mark.parametrize("batch_tokens", [1, 100_000], ids=["alone", "all at once"])
def test_the_probability_is_that_of_the_whole_text_and_its_end(
    model: Any, batch_tokens: int
) -> None:
    prompts, keys = _prompts(3, schemas=3, count=9)
    temperatures = [0.0, 1.0, 3.0] * 3
    found = generate(
        model, _Ids(), prompts, keys, max_new_tokens=9, batch_tokens=batch_tokens,
        temperatures=temperatures, keys=[str(n) for n in range(9)],
    )  # fmt: skip
    ended = 0
    for prompt, written in zip(prompts, found, strict=True):
        ids = [int(word) for word in written.text.split()]
        assert written.tokens == min(9, len(ids) + 1)
        ended += len(ids) < 9
        whole = ids if len(ids) == 9 else [*ids, END]
        assert written.logprob == pytest.approx(logprob(model, prompt, whole), abs=1e-3)
    assert ended, "no text ended by itself: another seed"


def test_one_sample_at_temperature_0_is_the_greedy_answer(model: Any) -> None:
    writer = TransformersWriter(model, _Ids())
    greedy = writer.write(asked(5), GREEDY, max_new_tokens=9, batch_tokens=10_000)
    eight = writer.write(asked(5), EIGHT, max_new_tokens=9, batch_tokens=10_000)
    assert [some[0].text for some in eight] == [only.text for (only,) in greedy]
    assert all(len({candidate.text for candidate in some}) > 2 for some in eight)


def test_samples_depend_on_the_seed_and_not_on_the_batch(model: Any) -> None:
    writer = TransformersWriter(model, _Ids())

    def texts(decoding: Decoding, batch_tokens: int) -> list[list[str]]:
        written = writer.write(asked(4), decoding, max_new_tokens=6, batch_tokens=batch_tokens)
        return [[candidate.text for candidate in some] for some in written]

    first = texts(EIGHT, 100_000)
    assert texts(EIGHT, 60) == first
    assert texts(Decoding(samples=8, vote=True, seed=4), 100_000) != first


def test_tokens_are_drawn_as_often_as_the_model_says(model: Any) -> None:
    (one, *_), draws = asked(2), 3000
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([one.prompt])).logits[0, -1].float()
    for temperature in (1.0, 0.5):
        likely = torch.softmax(logits / temperature, dim=-1)
        found = generate(
            model, _Ids(), [one.prompt] * draws, ["one"] * draws, max_new_tokens=1,
            batch_tokens=10**7, temperatures=[temperature] * draws,
            keys=[str(n) for n in range(draws)],
        )  # fmt: skip
        counts = Counter(int(written.text or END) for written in found)
        for token in likely.topk(5).indices.tolist():
            expected = float(likely[token])
            spread = (expected * (1 - expected) / draws) ** 0.5
            assert abs(counts[token] / draws - expected) < 4.5 * spread
