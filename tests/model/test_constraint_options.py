"""What narrows the constraint reaches it on every engine."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.config import PromptPart
from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import ConstraintError
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.database.sandbox import Sandbox
from sqlforge.model.answer import answer, linked_values
from sqlforge.model.engine import Engine
from sqlforge.model.load import load_model
from sqlforge.model.online import OnlineModel
from sqlforge.model.schema_argument import (
    JOIN_ON_KEYS,
    VALUES,
    constraint_arguments,
    values_of_argument,
)
from sqlforge.model.writer import Asked, TransformersWriter
from sqlforge.prompt.linking import Link
from sqlforge.prompt.prompter import Prompter

SHOP = Schema(
    (
        Table("customer", (Column("id", "INTEGER"), Column("city", "TEXT"))),
        Table(
            "orders",
            (Column("buyer", "INTEGER"), Column("total", "REAL")),
            (ForeignKey(("buyer",), "customer", ("id",)),),
        ),
    )
)
NARROW = Decoding(constrain="schema", join_on_keys=True, linked_literals=True)
BATH = (Link("customer", "city", "Bath"), Link("customer", "city", "Bath"))


def test_values_are_those_of_the_question_or_any() -> None:
    assert linked_values(BATH, NARROW) == ("Bath",)
    assert linked_values((), NARROW) is None
    assert linked_values(BATH, replace(NARROW, linked_literals=False)) is None


def test_vllm_gets_both_as_strings() -> None:
    asked = Asked((1, 2), "k", SHOP, ("O'Neil", "naïve"))
    told = constraint_arguments(asked, NARROW)
    assert told[JOIN_ON_KEYS] == "true"
    assert values_of_argument(told[VALUES]) == ["O'Neil", "naïve"]
    plain = constraint_arguments(replace(asked, values=None), Decoding(constrain="schema"))
    assert not {JOIN_ON_KEYS, VALUES} & set(plain)
    assert values_of_argument(plain.get(VALUES)) is None


@pytest.mark.parametrize("wrong", ["", "{}", "[1]", "Bath"])
def test_what_is_no_list_of_values_is_refused(wrong: str) -> None:
    with pytest.raises(ConstraintError, match="sqlforge_values"):
        values_of_argument(wrong)


def test_what_a_real_model_writes_under_both_is_executed(
    smol_installed: None, smol_tokenizer: Any, tmp_path: Path
) -> None:
    file = tmp_path / "shop.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "CREATE TABLE customer (id INTEGER, city TEXT);"
            "CREATE TABLE orders (buyer INTEGER, total REAL);"
            "INSERT INTO customer VALUES (1, 'Bath'), (2, 'York');"
        )
    database = Database("shop", SHOP, file)
    model = load_model("smollm2-135m", dtype="float32", device="cpu")
    example = Example("q", "How many customers live in bath?", "SELECT 1", "shop", "own", "own")
    samples = replace(NARROW, samples=6, vote=True, temperature=1.5)
    (written,) = answer(
        TransformersWriter(model, smol_tokenizer),
        Prompter({"shop": database}, link_values=True),
        [example],
        samples,
        max_new_tokens=40,
        batch_tokens=4096,
    )
    with Sandbox() as sandbox:
        assert all(sandbox.run(database, candidate.sql).ok for candidate in written)


def test_both_of_our_engines_keep_to_the_values(smol: Any, smol_tokenizer: Any) -> None:
    prompt = tuple(smol_tokenizer.encode("SELECT id FROM customer WHERE city = 'York'\n" * 3))
    asked = Asked(prompt, "k", SHOP, ("Bath",))
    samples = replace(NARROW, samples=4, vote=True, temperature=0.5)
    writer = TransformersWriter(smol, smol_tokenizer)
    (written,) = writer.write([asked], samples, max_new_tokens=30, batch_tokens=4096)
    with Engine(smol, smol_tokenizer, rows=4, width=256) as engine:
        engine.start()
        online = OnlineModel("smol", engine, smol_tokenizer, part=PromptPart(), style="plain")
        written += online.write(asked, samples, 30)
    compared = [c.sql.split("city = ")[1] for c in written if "city = '" in c.sql]
    assert len(compared) > 4 and all(rest.startswith("'Bath'") for rest in compared), compared
