"""Guesses change how many passes a text takes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from model.test_engine import Only, fill
from model.test_generate import _Ids, _one_by_one, _prompts
from model.tiny_llama import END, tiny_llama
from sqlforge.model.engine import Completion, Engine, Request
from sqlforge.model.engine.drafts import MOST, Drafts

NEW = 24


class Ahead(Only):
    """A cursor that can be looked ahead with."""

    def copy(self) -> Ahead:
        return Ahead(tuple(self.allowed), self.left)


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_llama(spread=0.3)


@pytest.fixture(scope="module")
def engine(model: Any) -> Iterator[Engine]:
    with Engine(model, _Ids(), rows=4, drafts=True, fill=fill) as found:
        yield found


@pytest.fixture(scope="module")
def plain(model: Any) -> Iterator[Engine]:
    with Engine(model, _Ids(), rows=4, fill=fill) as found:
        yield found


def steps_of(engine: Engine, request: Request) -> tuple[Completion, int]:
    engine.profile.clear()
    return engine.submit(request).result(), engine.profile.steps


def test_what_came_before_is_guessed_to_come_again_longest_match_first() -> None:
    drafts, one, other = Drafts(), object(), object()
    assert drafts.guess(one, (1, 2, 3, 4, 5, 2), [3]) == [4, 5, 2]
    assert drafts.guess(one, (1, 2, 3, 4, 5, 2), [3, 9, 4]) == [5, 2, 3]
    assert drafts.guess(one, (1, 2, 3, 4, 5, 2), [3, 9, 4, 7, 7, 9, 4]) == [7, 7, 9]
    assert drafts.guess(other, (1, 9), [4]) == [7, 7, 9], "as in the text before"
    assert drafts.guess(other, (1, 9), [4, 50]) == []


def test_texts_are_the_models_own_in_fewer_passes(model: Any, engine: Engine) -> None:
    prompts, keys = _prompts(1, schemas=4, count=8)
    wanted = _one_by_one(model, prompts, NEW)
    steps = tokens = 0
    for _ in range(2):  # the second time all of it was said before
        for prompt, key, text in zip(prompts, keys, wanted, strict=True):
            done, taken = steps_of(engine, Request(prompt, NEW, key))
            assert done.text == text
            steps, tokens = steps + taken, tokens + done.tokens
    assert steps < 0.7 * tokens


def test_under_a_constraint_too_with_the_same_probability_and_the_cursor_at_the_same_place(
    engine: Engine, plain: Engine
) -> None:
    allowed, fewer = (5, 6, 7, 8, 9), 0
    for prompt in _prompts(3, schemas=2, count=4)[0]:
        one, other = Ahead(allowed, NEW), Ahead(allowed, NEW)
        drafted, taken = steps_of(engine, Request((*prompt, *allowed), NEW, constraint=one))
        single, most = steps_of(plain, Request((*prompt, *allowed), NEW, constraint=other))
        assert (drafted.ids, drafted.finish) == (single.ids, single.finish) == (drafted.ids, "stop")
        assert drafted.logprob == pytest.approx(single.logprob, abs=1e-3)
        assert one.tokens_left == other.tokens_left
        fewer += most - taken
    assert fewer > 4


@pytest.mark.parametrize("limit", range(1, 8))
def test_a_limit_holds_to_the_token(engine: Engine, plain: Engine, limit: int) -> None:
    prompt = _prompts(5, schemas=1, count=1)[0][0]
    for _ in range(2):
        got = engine.submit(Request(prompt, limit)).result()
        assert got.ids == plain.submit(Request(prompt, limit)).result().ids


def test_texts_together_and_texts_that_are_drawn_are_written_token_by_token(
    model: Any, engine: Engine
) -> None:
    prompts, keys = _prompts(7, schemas=2, count=3)
    tickets = [engine.submit(Request(p, NEW, k)) for p, k in zip(prompts, keys, strict=True)]
    assert [t.result().text for t in tickets] == _one_by_one(model, prompts, NEW)
    drawn = Request(prompts[0], NEW, temperature=1.0, seed=4)
    done, steps = steps_of(engine, drawn)
    assert steps >= done.tokens - 1


def test_a_dead_end_in_the_middle_of_guesses_ends_the_text_where_it_stands(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    class Stops(Ahead):
        def now(self) -> list[int]:
            return sorted(self.allowed) if self.left > 1 else []

        def copy(self) -> Stops:
            return Stops(tuple(self.allowed), self.left)

    prompt = (*([5] * 8), 6)
    done = engine.submit(Request(prompt, NEW, constraint=Stops((5,), 6))).result()
    assert (done.ids, done.finish) == ((5,) * 5, "stuck")
    assert "no token could follow" in caplog.text


def test_a_window_is_looked_through_by_guesses_as_by_tokens() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=97, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, sliding_window=5, initializer_range=0.3,
        eos_token_id=END, pad_token_id=0, max_position_embeddings=256,
    )  # fmt: skip
    model: Any = MistralForCausalLM(config).eval()
    prompt = tuple([7, 8, 9, 10] * 5)
    texts: list[Sequence[int]] = []
    for drafts in (True, False):
        with Engine(model, _Ids(), rows=2, drafts=drafts, width=128) as engine:
            texts += [engine.submit(Request(prompt, NEW)).result().ids for _ in range(2)]
    assert len(set(map(tuple, texts))) == 1


def test_no_more_is_guessed_than_masks_have_room_for(model: Any) -> None:
    assert MOST > 1
    with Engine(model, _Ids(), rows=1, drafts=True, fill=fill) as engine:
        done = engine.submit(Request((5, 5, 5, 5, 5), 6, constraint=Ahead((5,), 6))).result()
    assert np.array_equal(done.ids, [5] * 5)
