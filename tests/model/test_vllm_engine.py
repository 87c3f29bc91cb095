"""vLLM gives the answers of our own engine; what needs it runs by ``make test-vllm``."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from model.conftest import ASKED, DATABASES
from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.errors import ConstraintError, ModelError, UserError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.model.generate import generate
from sqlforge.model.schema_argument import schema_argument, schema_of_argument
from sqlforge.model.vllm_engine import open_vllm, sampling_arguments
from sqlforge.model.writer import Asked, open_writer
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter

HAS_VLLM = importlib.util.find_spec("vllm") is not None
needs_vllm = pytest.mark.skipif(not HAS_VLLM, reason="vLLM is in .venv-vllm: make test-vllm")
CONSTRAINED = Decoding(constrain="schema")
AWKWARD = Schema(
    (
        Table(
            'a "b" table',
            (Column("sélect ☕", "INT", True), Column("x'y", "")),
            (ForeignKey(("x'y",), "t", ("a",)),),
        ),
    )
)


def test_without_vllm_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"run 'make venv-vllm', then \.venv-vllm/bin/sqlforge"):
        open_writer("smollm2-135m", "vllm")


def test_an_adapter_is_to_be_merged_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    config = {"base_model_name_or_path": "smollm2-135m"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="merge it first"):
        open_writer(str(tmp_path), "vllm")


def test_a_request_ends_at_the_end_token_and_brings_its_schema() -> None:
    asked = Asked((1, 2), "k", AWKWARD)
    (told,) = sampling_arguments(asked, 0, CONSTRAINED, 32, 7)
    assert (told["max_tokens"], told["stop_token_ids"], told["seed"]) == (32, [7], None)
    assert schema_of_argument(told["extra_args"]["sqlforge_schema"]) == AWKWARD
    (told,) = sampling_arguments(asked, 0, GREEDY, 32, 7)
    assert "extra_args" not in told


def test_seeds_differ_by_question_and_by_run() -> None:
    asked = Asked((1,), "k", AWKWARD)

    def seed(number: int, run: int) -> int:
        decoding = Decoding(temperature=1.0, seed=run)
        return int(sampling_arguments(asked, number, decoding, 9, 0)[0]["seed"])

    assert len({seed(0, 0), seed(1, 0), seed(0, 1)}) == 3
    assert seed(1, 0) == seed(1, 0)


@pytest.mark.parametrize("wrong", ["", "{}", '{"tables": 3}', '{"tables": [{"name": "t"}]}', "[1]"])
def test_what_is_no_schema_is_refused(wrong: str) -> None:
    with pytest.raises(ConstraintError, match="sqlforge_schema"):
        schema_of_argument(wrong)


def test_a_schema_is_the_same_after_the_journey() -> None:
    described = Schema((Table("t", (Column("a", "INT", description="x"),), description="y"),))
    plain = Schema((Table("t", (Column("a", "INT"),)),))
    assert schema_of_argument(schema_argument(described)) == plain
    assert schema_argument(described) == schema_argument(plain)


@pytest.fixture(scope="module")
def writer(smol_installed: None) -> Any:
    return open_vllm("smollm2-135m", dtype="float32")


@pytest.fixture(scope="module")
def asked(smol_tokenizer: Any) -> list[Asked]:
    prompter = Prompter(DATABASES, link_values=False)
    return [
        Asked(
            encode_prompt(smol_tokenizer, prompter.ask(db_id, question)),
            db_id,
            DATABASES[db_id].schema,
        )
        for db_id, question, _ in ASKED
    ]


def prepares(asked: Asked, sql: str) -> bool:
    with sqlite3.connect(":memory:") as connection:
        for table in asked.schema.tables:
            columns = ", ".join(f'"{c.name}" TEXT' for c in table.columns)
            connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
        connection.execute(f"EXPLAIN {sql}")
    return True


@needs_vllm
def test_greedy_answers_and_their_probabilities_are_those_of_our_engine(
    writer: Any, smol: Any, smol_tokenizer: Any, asked: list[Asked]
) -> None:
    told: list[tuple[int, int]] = []
    found = writer.write(
        asked, GREEDY, max_new_tokens=24, batch_tokens=0, progress=lambda *p: told.append(p)
    )
    ours = generate(
        smol, smol_tokenizer, [a.prompt for a in asked], [a.schema_key for a in asked],
        max_new_tokens=24, batch_tokens=16_384,
    )  # fmt: skip
    assert [c.text for (c,) in found] == [w.text for w in ours]
    assert [c.tokens for (c,) in found] == [w.tokens for w in ours]
    assert [c.logprob for (c,) in found] == pytest.approx([w.logprob for w in ours], abs=0.01)
    assert told[-1] == (5, 5)


@needs_vllm
def test_constrained_answers_are_those_of_transformers_under_the_same_constraint(
    writer: Any, smol: Any, smol_tokenizer: Any, asked: list[Asked]
) -> None:
    from vllm_engine import constrained  # bench/

    found = writer.write(asked, CONSTRAINED, max_new_tokens=24, batch_tokens=0)
    assert [c.text for (c,) in found] == [constrained(smol, smol_tokenizer, a, 24) for a in asked]


@needs_vllm
def test_constrained_samples_are_valid_end_in_the_budget_and_repeat(
    writer: Any, asked: list[Asked]
) -> None:
    decoding = Decoding(constrain="schema", samples=6, vote=True, temperature=1.5, seed=3)
    found = writer.write(asked, decoding, max_new_tokens=20, batch_tokens=0)
    assert [len(some) for some in found] == [6] * len(asked)
    for one, some in zip(asked, found, strict=True):
        assert all(prepares(one, c.sql) and c.tokens <= 20 and c.logprob < 0 for c in some)
    assert len({c.text for c in found[0]}) > 2
    again = writer.write(asked, decoding, max_new_tokens=20, batch_tokens=0)
    assert [[c.text for c in some] for some in again] == [[c.text for c in some] for some in found]


@needs_vllm
def test_a_samples_probability_is_the_one_at_temperature_1(writer: Any, asked: list[Asked]) -> None:
    """The same text, once drawn at temperature 0.5 and once found greedily, weighs the same."""
    drawn = Decoding(constrain="schema", samples=9, vote=True, temperature=0.3, seed=1)
    seen: dict[tuple[int, str], set[float]] = {}
    for number, some in enumerate(writer.write(asked, drawn, max_new_tokens=20, batch_tokens=0)):
        for c in some:
            seen.setdefault((number, c.text), set()).add(round(c.logprob, 2))
    repeated = [found for found in seen.values() if len(found) > 1]
    assert all(max(found) - min(found) < 0.05 for found in repeated)
    greedy = [some[0] for some in writer.write(asked, drawn, max_new_tokens=20, batch_tokens=0)]
    samples = [c for c in seen if c[1] == greedy[c[0]].text]
    assert samples


@needs_vllm
def test_what_does_not_fit_is_refused_before_anything_is_written(
    writer: Any, asked: list[Asked]
) -> None:
    with pytest.raises(ConstraintError, match="budget of 2 tokens"):
        writer.write(asked, CONSTRAINED, max_new_tokens=2, batch_tokens=0)
    with pytest.raises(ModelError, match="at most"):
        writer.write(asked, GREEDY, max_new_tokens=10**6, batch_tokens=0)
    long = [Asked(asked[0].prompt, "pg", Schema(asked[0].schema.tables, "postgres"))]
    with pytest.raises(ConstraintError, match="postgres"):
        writer.write(long, CONSTRAINED, max_new_tokens=20, batch_tokens=0)


@needs_vllm
def test_constrained_and_free_requests_share_a_batch(writer: Any, asked: list[Asked]) -> None:
    """What vLLM's scheduler mixes, the rows of the mask must tell apart."""
    free = {a: sampling_arguments(a, 0, GREEDY, 16, 2)[0] for a in asked[::2]}
    held = {a: sampling_arguments(a, 0, CONSTRAINED, 16, 2)[0] for a in asked[1::2]}
    order = [a for pair in zip(held, free, strict=False) for a in pair]
    outputs = writer._run([a.prompt for a in order], [(held | free)[a] for a in order], None)
    alone = [writer._run([a.prompt], [(held | free)[a]], None)[0] for a in order]
    ids = [[list(s.token_ids) for s in samples] for samples in outputs]
    assert ids == [[list(s.token_ids) for s in samples] for samples in alone]
