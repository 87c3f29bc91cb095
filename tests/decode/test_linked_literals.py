"""Text columns compared with the values that a question names, where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from decode_walks import byte_vocabulary, oracle, walk, weights_of, word_vocabulary
from sqlforge.core.errors import ConstraintError
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.decode.constrain import constraint_for, fill_masks, mask_words

BYTES = byte_vocabulary()
PEOPLE = Schema(
    (
        Table(
            "person",
            (
                Column("id", "INTEGER"),
                Column("name", "TEXT"),
                Column("city", "varchar(20)"),
                Column("born", "date"),
            ),
        ),
        Table("pet", (Column("owner", "int"), Column("kind", "text"))),
    )
)
VALUES = ("Bath", "O'Neil", "O''", "", "Bad 😀", "Bathurst")


def taken(sql: str, values: tuple[str, ...] | None = VALUES) -> str:
    """The part of ``sql`` that is taken, with ``$`` if it may end there."""
    cursor = constraint_for(PEOPLE, BYTES).start(4000, values)
    for index, byte in enumerate(sql.encode()):
        try:
            cursor.advance(byte)
        except ConstraintError:
            return sql.encode()[:index].decode("utf-8", "ignore")
    return sql + ("$" if cursor.may_end else "")


@pytest.mark.parametrize(
    "condition",
    [
        "city = 'Bath'",
        "city == 'Bathurst' AND name != 'O''Neil'",
        "p.name <> 'O'''''",
        "p.city IN ('Bath', 'Bad 😀') OR name NOT IN ('')",
        "name = city",
        "name = 7 AND city IS NULL",
        # What is no text column, or no equality, takes any literal.
        "id = 'anything' AND born = '2001-02-03'",
        "name LIKE '%x%' AND city > 'M' AND city BETWEEN 'A' AND 'B'",
        "lower(name) = 'anything'",
        "name || city = 'anything'",
        "id IN (SELECT owner FROM pet WHERE kind = 'Bath' AND p.city = 'Bath')",
        "name = (SELECT max(city) FROM person WHERE id = 'x')",
    ],
)
def test_values_of_the_question_are_taken(condition: str) -> None:
    sql = f"SELECT name FROM person AS p WHERE {condition}"
    assert taken(sql) == sql + "$"


@pytest.mark.parametrize(
    ("condition", "until"),
    [
        ("city = 'Bathe'", "'Bath"),
        ("city = 'bath'", "'"),
        ("city = 'Bat'", "'Bat"),
        ("city = 'O'''", "'O'''"),  # the beginning of another value
        ('city = "Bath"', '"B'),  # the beginning of a name
        ("city != 'x'", "'"),
        ("city <> 'x'", "'"),
        ("p.city IN ('Bath', 'x')", "'Bath', '"),
        ("city NOT IN ('x')", "'"),
        ("id IN (SELECT owner FROM pet WHERE p.city = 'x')", "'"),
        ("id IN (SELECT owner FROM pet WHERE kind = 'x')", "'"),
    ],
)
def test_other_literals_are_refused_beside_text_columns(condition: str, until: str) -> None:
    sql = f"SELECT name FROM person AS p WHERE {condition}"
    assert taken(sql).endswith(until)
    assert taken(sql) != sql + "$"
    assert taken(sql, None) == sql + "$"


def test_without_values_a_text_column_is_compared_with_no_literal() -> None:
    assert taken("SELECT id FROM person WHERE city = 'Bath'", ()).endswith("= ")
    assert taken("SELECT id FROM person WHERE city = name", ()).endswith("$")


@pytest.mark.parametrize("vocabulary", ["words", "bytes", "smollm2"])
def test_random_walks_end_in_their_budget_and_prepare(
    vocabulary: str, request: pytest.FixtureRequest
) -> None:
    chosen = {"words": word_vocabulary(PEOPLE), "bytes": BYTES}.get(vocabulary)
    constraint = constraint_for(PEOPLE, chosen or request.getfixturevalue(vocabulary))
    rng = np.random.default_rng(6)
    weights = weights_of(constraint.vocabulary, PEOPLE, 3.0)
    for n in range(24 if vocabulary == "smollm2" else 120):
        budget = constraint.least_tokens + (0, 7, 30, 120)[n % 4]
        cursor = constraint.start(budget, VALUES if n % 3 else ())
        sql = walk(constraint, weights, budget, rng, cursor).decode()
        assert oracle(sql, PEOPLE) is None, sql


def test_the_mask_holds_exactly_the_tokens_that_are_taken() -> None:
    constraint = constraint_for(PEOPLE, word_vocabulary(PEOPLE))
    written = "SELECT name FROM person WHERE city = 'O''Neil' AND name IN ('Bath"
    for end in range(written.index(" ="), len(written) + 1):
        cursor = constraint.start(4_000, VALUES)
        for byte in written[:end].encode():
            cursor.advance(byte)
        out = np.zeros((1, mask_words(constraint.vocabulary)), np.int32)
        fill_masks([cursor], out)
        allowed = np.unpackbits(out.view(np.uint8), bitorder="little")
        for token in range(len(constraint.vocabulary.tokens)):
            trial = cursor.copy()
            try:
                trial.advance(token)
            except ConstraintError:
                assert not allowed[token]
            else:
                assert allowed[token]
