"""The engine writes what the model alone would write, whoever comes and goes meanwhile.

A random model in fp32: its choices are as sensitive to a wrong mask, position or row as a trained
one's, and it writes long texts that rarely end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from model.test_generate import _Ids, _one_by_one, _prompts
from model.tiny_llama import END, VOCABULARY, tiny_adapted, tiny_llama
from sqlforge.core.errors import UserError
from sqlforge.model.attention import PACKED
from sqlforge.model.engine import Completion, Engine, Request, Ticket
from sqlforge.model.engine.memory import uncapturable
from sqlforge.model.engine.sampling import choose
from sqlforge.model.engine.statement import ends_statement

NEW = 12


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_llama(spread=0.3)


class Only:
    """A cursor of a constraint's interface that allows a few tokens, then wants the end."""

    def __init__(self, allowed: Sequence[int], most: int) -> None:
        self.allowed, self.left = set(allowed), most

    def now(self) -> list[int]:
        return sorted(self.allowed) if self.left > 1 else [END]

    @property
    def tokens_left(self) -> int:
        return self.left

    def shorten(self, tokens: int) -> None:
        self.left = min(self.left, tokens)

    def advance(self, token: int) -> None:
        assert token in self.now(), "the engine took a token that the mask did not allow"
        self.left -= 1


def fill(cursors: Sequence[Any], tokens: Sequence[int], out: np.ndarray) -> None:
    """What ``advance_and_fill`` promises, row by row."""
    for n, (cursor, token) in enumerate(zip(cursors, tokens, strict=True)):
        if cursor is None:
            out[n] = -1
            continue
        if token >= 0:
            cursor.advance(token)
        bits = np.zeros(out.shape[1] * 32, dtype=np.uint8)
        bits[cursor.now()] = 1
        out[n] = np.packbits(bits, bitorder="little").view(np.int32)


def engine_of(model: Any, **options: Any) -> Engine:
    return Engine(model, _Ids(), fill=fill, **options)


def logprob(
    model: Any, prompt: Sequence[int], ids: Sequence[int], allowed: Sequence[Sequence[int]] | None
) -> float:
    """Of all of ``ids``, by one plain forward pass, among ``allowed`` at each step."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[*prompt, *ids]])).logits[0].double()
    total = 0.0
    for n, token in enumerate(ids):
        scores = logits[len(prompt) - 1 + n]
        if allowed is not None:
            kept = torch.full_like(scores, -torch.inf)
            kept[list(allowed[n])] = scores[list(allowed[n])]
            scores = kept
        total += float(torch.log_softmax(scores, dim=-1)[token])
    return total


@pytest.mark.parametrize("rows", [1, 3, 16])
@pytest.mark.parametrize("prefill_tokens", [1, 64, 4096])
def test_greedy_texts_are_the_models_own(model: Any, rows: int, prefill_tokens: int) -> None:
    prompts, keys = _prompts(1, schemas=4, count=14)
    with engine_of(model, rows=rows, prefill_tokens=prefill_tokens) as engine:
        tickets = [
            engine.submit(Request(p, NEW, key)) for p, key in zip(prompts, keys, strict=True)
        ]
        assert [t.result().text for t in tickets] == _one_by_one(model, prompts, NEW)


def test_what_prompts_share_is_computed_once(model: Any) -> None:
    trunk = tuple(range(3, 43))
    prompts = [(*trunk, 50 + n, 60 + n) for n in range(10)]
    with engine_of(model, rows=5) as engine:
        for prompt in prompts:
            engine.submit(Request(prompt, 3, "one schema"))
        while engine.step():
            pass
        assert engine.prefilled == len(trunk) + 2 * len(prompts)


def test_arrivals_do_not_change_what_others_write(model: Any) -> None:
    prompts, keys = _prompts(8, schemas=3, count=12)
    tickets: list[Ticket] = []
    with engine_of(model, rows=4) as engine:
        for n, (prompt, key) in enumerate(zip(prompts, keys, strict=True)):
            tickets.append(engine.submit(Request(prompt, NEW, key)))
            for _ in range(n % 4):
                engine.step()
        assert [t.result().text for t in tickets] == _one_by_one(model, prompts, NEW)


def test_a_stream_yields_the_tokens_one_by_one(model: Any) -> None:
    prompts, _ = _prompts(2, schemas=2, count=3)
    with engine_of(model, rows=2) as engine:
        tickets = [engine.submit(Request(prompt, NEW)) for prompt in prompts]
        seen: list[int] = []
        early = 0
        for token in tickets[1].stream():
            seen.append(token)
            early += not tickets[1].done
        assert tuple(seen) == tickets[1].result().ids
        assert early > NEW // 2, "the tokens came all at once"
        assert tuple(tickets[0].stream()) == tickets[0].result().ids


def test_a_thread_of_its_own_serves_requests_of_others(model: Any) -> None:
    prompts, keys = _prompts(3, schemas=2, count=6)
    with engine_of(model, rows=3) as engine:
        engine.start()
        tickets = [
            engine.submit(Request(p, NEW, key)) for p, key in zip(prompts, keys, strict=True)
        ]
        streamed = " ".join(map(str, tickets[5].stream()))
        texts = [ticket.result().text for ticket in tickets]
        assert texts == _one_by_one(model, prompts, NEW)
        assert streamed == texts[5]


def test_cancelling_frees_the_row_for_the_next(model: Any) -> None:
    prompts, _ = _prompts(4, schemas=2, count=3)
    with engine_of(model, rows=1) as engine:
        first, second, third = (engine.submit(Request(prompt, 200)) for prompt in prompts)
        for _ in range(4):
            engine.step()
        assert not first.done
        third.cancel()
        first.cancel()
        engine.step()
        assert first.done and third.done and not second.done
        ended = first.result()
        assert ended.finish == "cancelled" and 1 <= len(ended.ids) <= 4
        assert third.result().ids == ()
        assert second.result().text == _one_by_one(model, prompts[1:2], 200)[0]


def test_closing_cancels_and_leaves_the_model_as_it_was() -> None:
    model = tiny_llama(spread=0.3)
    model.set_attn_implementation(PACKED)
    with engine_of(model, rows=1) as engine:
        running, waiting = (engine.submit(Request((5, 6, 7), 50)) for _ in range(2))
        engine.step()
    assert [running.result().finish, waiting.result().finish] == ["cancelled"] * 2
    assert model.config._attn_implementation == PACKED
    with pytest.raises(UserError, match="closed engine"):
        engine.submit(Request((5,), 1))


@pytest.mark.parametrize("constrained", [False, True])
def test_draws_depend_on_the_seed_and_not_on_the_batch(model: Any, constrained: bool) -> None:
    prompts, keys = _prompts(5, schemas=2, count=8)

    def written(rows: int, seeds: Sequence[int]) -> list[tuple[int, ...]]:
        with engine_of(model, rows=rows) as engine:
            tickets = [
                engine.submit(
                    Request(
                        p, NEW, key, 1.0, seed, Only(range(3, 60), NEW) if constrained else None
                    )
                )
                for p, key, seed in zip(prompts, keys, seeds, strict=True)
            ]
            # A greedy companion does not disturb them.
            engine.submit(Request(prompts[0], NEW))
            return [ticket.result().ids for ticket in tickets]

    alone = written(1, range(8))
    assert written(9, range(8)) == alone
    assert written(3, range(8)) == alone
    other = written(9, range(8, 16))
    assert sum(a != b for a, b in zip(alone, other, strict=True)) >= 6


def test_the_log_probability_is_that_of_a_plain_forward_pass(model: Any) -> None:
    prompts, keys = _prompts(6, schemas=3, count=9)
    with engine_of(model, rows=4) as engine:
        tickets = [
            engine.submit(Request(p, NEW, key, heat, n))
            for n, (p, key, heat) in enumerate(zip(prompts, keys, [0.0, 1.0, 2.5] * 3, strict=True))
        ]
        for prompt, ticket in zip(prompts, tickets, strict=True):
            done = ticket.result()
            whole = [*done.ids, END] if done.finish == "stop" else done.ids
            assert done.tokens == len(whole)
            assert done.logprob == pytest.approx(logprob(model, prompt, whole, None), abs=1e-3)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_masks_are_obeyed_and_probabilities_are_among_what_they_allow(
    model: Any, temperature: float
) -> None:
    prompts, keys = _prompts(7, schemas=3, count=10)
    allowed = [range(10 + n, 14 + n) for n in range(len(prompts))]
    with engine_of(model, rows=4) as engine:
        tickets = [
            engine.submit(
                Request(p, NEW, key, temperature, n, Only(allowed[n], 5 + n % 3) if n % 4 else None)
            )
            for n, (p, key) in enumerate(zip(prompts, keys, strict=True))
        ]
        done = [ticket.result() for ticket in tickets]
    for n, (prompt, found) in enumerate(zip(prompts, done, strict=True)):
        if n % 4 == 0:
            if temperature == 0:
                assert found.text == _one_by_one(model, [prompt], NEW)[0]
            continue
        assert found.finish == "stop" and len(found.ids) == 4 + n % 3
        assert set(found.ids) <= set(allowed[n])
        steps = [*[list(allowed[n])] * len(found.ids), [END]]
        wanted = logprob(model, prompt, [*found.ids, END], steps)
        assert found.logprob == pytest.approx(wanted, abs=1e-3)


def test_a_draw_never_lands_on_a_token_of_no_probability() -> None:
    logits = torch.tensor([[0.0, 5.0, 1.0, 0.0]]).repeat(4, 1)
    bits = torch.full((4, 1), 0b0101, dtype=torch.int32)
    edges = torch.tensor([0.0, 0.2, 0.9999, 1 - 2**-53], dtype=torch.float64)
    tokens, told = choose(logits, bits, torch.ones(4), edges)
    assert tokens.tolist() == [0, 0, 2, 2]
    assert torch.isfinite(told).all()


@pytest.mark.parametrize(
    ("prompt", "new", "constraint"),
    [((5,) * 600, 1, None), ((), 5, None), ((5,), 0, None), ((5,) * 505, 50, Only([5], 50))],
    ids=["longer than the window", "empty", "no new tokens", "no room for the constraint"],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    model: Any, prompt: tuple[int, ...], new: int, constraint: Any
) -> None:
    with engine_of(model, rows=2) as engine, pytest.raises(UserError, match="tokens"):
        engine.submit(Request(prompt, new, constraint=constraint))


def test_the_window_ends_a_text_that_would_grow_beyond_it() -> None:
    prompt = tuple(3 + n % 90 for n in range(60))
    model = tiny_llama(spread=0.3)
    model.config.max_position_embeddings = 66
    with engine_of(model, rows=1) as engine:
        done = engine.submit(Request(prompt, 50)).result()
    assert done.tokens == 6 and done.finish == "length"
    assert done.text == _one_by_one(model, [prompt], done.tokens)[0]


def test_out_of_memory_halves_the_rows_and_every_text_is_still_right(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = tiny_llama(spread=0.3)
    steps = 0

    def tight(module: Any, arguments: Any, options: Any) -> None:
        # A device that holds eight texts for a while, then three: the CPU has no such error.
        nonlocal steps
        steps += 1
        if options["input_ids"].shape[0] > (8 if steps < 6 else 3):
            raise torch.OutOfMemoryError("a made-up limit")

    hook = model.register_forward_pre_hook(tight, with_kwargs=True)
    prompts, keys = _prompts(9, schemas=3, count=12)
    with engine_of(model, rows=12) as engine, caplog.at_level(logging.WARNING):
        tickets = [
            engine.submit(Request(p, NEW, key, 1.0 if n % 2 else 0.0, n, Only(range(3, 60), NEW)))
            for n, (p, key) in enumerate(zip(prompts, keys, strict=True))
        ]
        got = [ticket.result() for ticket in tickets]
        assert engine.rows == 3
    hook.remove()
    assert [r.message for r in caplog.records] == [
        "out of memory with 12 texts at once: going on with 6",
        "out of memory with 6 texts at once: going on with 3",
    ]
    with engine_of(model, rows=12) as engine:
        tickets = [
            engine.submit(Request(p, NEW, key, 1.0 if n % 2 else 0.0, n, Only(range(3, 60), NEW)))
            for n, (p, key) in enumerate(zip(prompts, keys, strict=True))
        ]
        wanted = [ticket.result() for ticket in tickets]
    assert [g.ids for g in got] == [w.ids for w in wanted]
    assert [g.logprob for g in got] == pytest.approx([w.logprob for w in wanted], abs=1e-3)


def test_a_text_that_never_fits_is_an_error_of_whoever_waits(model: Any) -> None:
    def full(module: Any, arguments: Any) -> None:
        raise torch.OutOfMemoryError("a made-up limit")

    with engine_of(model, rows=2) as engine:
        ticket = engine.submit(Request((5, 6), 3))
        hook = model.register_forward_pre_hook(full)
        with pytest.raises(UserError, match="does not fit into memory"):
            ticket.result()
        hook.remove()
        assert ticket.done


def test_running_out_of_memory_twice_at_arrivals_loses_no_token_of_those_who_ran(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = tiny_llama(spread=0.3)
    prompts, _ = _prompts(9, schemas=3, count=8)
    failing = 0

    def tight(module: Any, arguments: Any) -> None:
        nonlocal failing
        if failing:
            failing -= 1
            raise torch.OutOfMemoryError("a made-up limit")

    model.register_forward_pre_hook(tight)
    with engine_of(model, rows=8) as engine, caplog.at_level(logging.WARNING):
        tickets = []
        for n, prompt in enumerate(prompts):
            if n == 4:
                for _ in range(3):
                    engine.step()
            script = _Script(*range(5, 16), END)
            tickets.append(engine.submit(Request(prompt, NEW, constraint=script)))
        failing = 2  # the arrivals' pass, then the one over all that had been written
        assert [ticket.result().ids for ticket in tickets] == [tuple(range(5, 16))] * 8
    assert [r.message for r in caplog.records] == [
        "out of memory with 8 texts at once: going on with 4",
        "out of memory with 4 texts at once: going on with 2",
    ]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("rows", [2, 16])
def test_a_dead_end_ends_that_text_alone(model: Any, rows: int, temperature: float) -> None:
    prompts, keys = _prompts(13, schemas=3, count=9)

    def asked(n: int) -> Request:
        # Every third allows nothing after some tokens, the first of these from its beginning.
        script = _Script(*range(5, 5 + n)) if n % 3 == 0 else _Script(*range(5, 5 + n), END)
        return Request(prompts[n], NEW, keys[n], temperature, n, script)

    with engine_of(model, rows=rows) as engine:
        tickets = [engine.submit(asked(n)) for n in range(len(prompts))]
        free = engine.submit(Request(prompts[0], NEW))
        done = [ticket.result() for ticket in tickets]
        assert free.result().text == _one_by_one(model, prompts[:1], NEW)[0]
    assert [d.finish for d in done] == ["stuck", "stop", "stop"] * 3
    assert [d.ids for d in done] == [tuple(range(5, 5 + n)) for n in range(len(done))]
    assert [d.logprob for d in done] == pytest.approx([0] * len(done), abs=1e-5)


def test_a_model_whose_numbers_are_not_finite_is_told_by_how_its_texts_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = tiny_llama(spread=0.3)
    model.get_input_embeddings().weight.data[9] = torch.nan
    with engine_of(model, rows=2) as engine:
        good, bad = (engine.submit(Request((5, last), 1)) for last in (8, 9))
        assert (good.result().finish, bad.result().finish) == ("length", "stuck")
        assert bad.result().ids == ()
    assert "no token could follow" in caplog.text


def test_a_failure_in_the_engines_thread_reaches_all_who_wait_and_later_requests_are_served(
    model: Any,
) -> None:
    faults = [ValueError("whatever a model may raise")]

    def broken(module: Any, arguments: Any) -> None:
        if faults:
            raise faults.pop()

    with engine_of(model, rows=1) as engine:
        running, waiting = (engine.submit(Request((5, 6, 7), NEW)) for _ in range(2))
        hook = model.register_forward_pre_hook(broken)
        engine.start()
        for ticket in (running, waiting):
            with pytest.raises(ValueError, match="may raise"):
                ticket.result()
        hook.remove()
        later = engine.submit(Request((5, 6, 7), NEW))
        assert later.result().text == _one_by_one(model, [(5, 6, 7)], NEW)[0]


def test_a_failure_in_a_step_reaches_all_who_wait(model: Any) -> None:
    def broken(module: Any, arguments: Any) -> None:
        raise ValueError("whatever a model may raise")

    with engine_of(model, rows=1) as engine:
        running, waiting = (engine.submit(Request((5, 6, 7), NEW)) for _ in range(2))
        hook = model.register_forward_pre_hook(broken)
        with pytest.raises(ValueError, match="may raise"):
            engine.step()
        hook.remove()
        for ticket in (running, waiting):
            with pytest.raises(ValueError, match="may raise"):
                ticket.result()


class _Spelled(_Ids):
    """A few tokens write SQL, the others their number."""

    def decode(self, ids: Sequence[int]) -> str:
        pieces = {3: "SELECT", 4: " ';'", 5: ";", 6: " a"}
        return "".join(pieces.get(token, str(token)) for token in ids)


class _Script:
    """A cursor that allows one token after the other."""

    def __init__(self, *tokens: int) -> None:
        self.tokens = list(tokens)

    def now(self) -> list[int]:
        return self.tokens[:1]

    def advance(self, token: int) -> None:
        assert self.tokens.pop(0) == token


@pytest.mark.parametrize("constrained", [True, False])
def test_a_text_that_is_late_ends_as_its_constraint_wants_and_others_write_on(
    model: Any, constrained: bool
) -> None:
    prompts, _ = _prompts(3, schemas=2, count=3)
    with engine_of(model, rows=4) as engine:
        alone = [engine.submit(Request(prompt, NEW)).result() for prompt in prompts]
        tickets = [
            engine.submit(
                Request(
                    prompt,
                    NEW,
                    constraint=Only(range(END), NEW) if constrained else None,
                    deadline=time.monotonic() + ahead,
                    certain_tokens=5,
                )
            )
            for prompt, ahead in ((prompts[0], -1.0), (prompts[1], 3600.0))
        ]
        tickets.append(engine.submit(Request(prompts[2], NEW)))
        late, early, free = [ticket.result() for ticket in tickets]
    assert (late.tokens, len(late.ids)) == ((5, 4) if constrained else (5, 5))
    assert late.finish == ("stop" if constrained else "length")
    assert early.tokens == NEW or early.ids == alone[1].ids
    assert free.ids == alone[2].ids


@pytest.mark.parametrize("stop", [True, False])
def test_the_semicolon_that_ends_a_statement_ends_the_text_if_asked(model: Any, stop: bool) -> None:
    with Engine(model, _Spelled(), rows=2, stop_at_semicolon=stop, fill=fill) as engine:
        sql, prose = (
            engine.submit(Request((9, 8, 7), 6, constraint=_Script(*ids)))
            for ids in ((3, 4, 6, 5, 6, END), (6, 5, 6, 5, 6, END))
        )
        assert sql.result().text == ("SELECT ';' a;" if stop else "SELECT ';' a; a")
        assert prose.result().text == "a; a; a"
        assert sql.result().logprob == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("SELECT 1;", True),
        ("  with a AS (SELECT 1) SELECT 2 ;", True),
        ("SELECT 'it''s; fine'", False),
        ('SELECT "a;b", [c;d], `e;f`', False),
        ("SELECT 1 -- ;\n", False),
        ("SELECT 1 /* ; */", False),
        ("SELECT 1 /* ; */;", True),
        ("SELECT 'open;", False),
        ("Here is the query; look", False),
        ("selection;", False),
    ],
)
def test_a_semicolon_ends_a_statement_only_outside_of_what_is_quoted(text: str, ends: bool) -> None:
    assert ends_statement(text) is ends


def test_an_adapted_model_writes_as_by_itself() -> None:
    adapted = tiny_adapted()
    prompts, keys = _prompts(10, schemas=2, count=6)
    with engine_of(adapted, rows=4) as engine:
        tickets = [
            engine.submit(Request(p, NEW, key)) for p, key in zip(prompts, keys, strict=True)
        ]
        assert [t.result().text for t in tickets] == _one_by_one(adapted, prompts, NEW)


def _small(kind: str) -> Any:
    import transformers

    torch.manual_seed(1)
    shape = {
        "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "initializer_range": 0.3, "pad_token_id": 0,
        "bos_token_id": 1, "eos_token_id": END,
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**shape, sliding_window=16)
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


@pytest.fixture(params=["Mistral", "Phi3"])
def windowed(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield _small(request.param)


def test_layers_that_look_back_a_window_see_no_further(windowed: Any) -> None:
    prompts, keys = _prompts(11, schemas=2, count=6)
    with engine_of(windowed, rows=4) as engine:
        tickets = [
            engine.submit(Request(p, NEW, key)) for p, key in zip(prompts, keys, strict=True)
        ]
        assert [t.result().text for t in tickets] == _one_by_one(windowed, prompts, NEW)


def test_rotary_embeddings_that_change_with_length_do_not_ask_for_it_where_none_is_long() -> None:
    import transformers

    torch.manual_seed(1)
    rope = {
        "rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * 8,
        "long_factor": [4.0] * 8, "original_max_position_embeddings": 128,
    }  # fmt: skip
    config = transformers.Phi3Config(
        vocab_size=VOCABULARY, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        original_max_position_embeddings=128, initializer_range=0.3, pad_token_id=0,
        bos_token_id=1, eos_token_id=END, rope_parameters=rope,
    )  # fmt: skip
    model = transformers.Phi3ForCausalLM(config).eval()
    prompts, _ = _prompts(12, schemas=2, count=4)
    wanted = _one_by_one(model, prompts, NEW)
    with engine_of(model, rows=4, width=100) as engine:
        assert uncapturable(model) is None
        tickets = [engine.submit(Request(p, NEW)) for p in prompts]
        assert [t.result().text for t in tickets] == wanted
    with engine_of(model, rows=4, width=200):
        assert "longest text" in str(uncapturable(model))


@pytest.mark.xdist_group("smollm2")
def test_smollm2_writes_what_transformers_writes(
    smol: Any, smol_tokenizer: Any, conversations: Any
) -> None:
    encoded, keys = (some[1:4] for some in conversations)  # of both schemas
    with Engine(smol, smol_tokenizer, rows=2, width=600) as engine:
        tickets = [
            engine.submit(Request(tuple(e.prompt), 8, key))
            for e, key in zip(encoded, keys, strict=True)
        ]
        found: list[Completion] = [ticket.result() for ticket in tickets]
    for example, done in zip(encoded, found, strict=True):
        ids = torch.tensor([list(example.prompt)])
        output = smol.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False
        )[0, ids.shape[1] :]
        assert done.text == smol_tokenizer.decode(output, skip_special_tokens=True).strip()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs want a GPU with CUDA")
def test_steps_captured_as_graphs_write_the_same() -> None:
    model = tiny_llama(spread=0.3).cuda()
    prompts, keys = _prompts(1, schemas=4, count=14)
    wanted = _one_by_one(tiny_llama(spread=0.3), prompts, NEW)
    with engine_of(model, rows=8) as engine:
        tickets = [
            engine.submit(Request(p, NEW, key)) for p, key in zip(prompts, keys, strict=True)
        ]
        assert [t.result().text for t in tickets] == wanted
