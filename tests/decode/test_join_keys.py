"""Joins along the schema's keys, where that is asked for."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from decode_walks import byte_vocabulary, oracle, walk, weights_of, word_vocabulary
from sqlforge.core.errors import ConstraintError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.decode.constrain import constraint_for, fill_masks, mask_words
from sqlforge.decode.vocabulary import Vocabulary

BYTES = byte_vocabulary()
PAIR = r'(?i)\bon\s*("?\w+"?\s*\.\s*)?"?\w+"?\s*==?\s*("?\w+"?\s*\.\s*)?"?\w+'


def _table(name: str, columns: str, *keys: ForeignKey) -> Table:
    return Table(name, tuple(Column(column, "TEXT") for column in columns.split()), keys)


SHOP = Schema(
    (
        _table("customer", "id name city"),
        _table("orders", "id buyer total", ForeignKey(("buyer",), "customer", ("id",))),
        _table("item", "order_id product", ForeignKey(("order_id",), "ORDERS", ("ID",))),
        _table("staff", "id boss", ForeignKey(("boss",), "staff", ("id",))),
        _table("note", "text"),
    )
)


def taken(sql: str, schema: Schema = SHOP, *, join_on_keys: bool = True) -> str:
    """The part of ``sql`` that is taken, with ``$`` if it may end there."""
    cursor = constraint_for(schema, BYTES, join_on_keys=join_on_keys).start(4000)
    for index, byte in enumerate(sql.encode()):
        try:
            cursor.advance(byte)
        except ConstraintError:
            return sql[:index]
    return sql + ("$" if cursor.may_end else "")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM customer JOIN orders ON customer.id = orders.buyer",
        "SELECT name FROM customer AS T1 JOIN orders AS T2 ON T1.id == T2.buyer WHERE total > 3",
        "SELECT name FROM customer AS T1 JOIN orders AS T2 ON T2.buyer = T1.id AND total > 3",
        "SELECT name FROM customer AS T1 JOIN orders AS T2 ON buyer = T1.id OR T1.id = 4",
        "SELECT name FROM item i JOIN orders o ON i.order_id = o.id "
        "LEFT JOIN customer c ON c.id = o.buyer",
        "SELECT 1 FROM staff a JOIN staff b ON a.boss = b.id",
        # No key joins these two: any condition will do, and none at all.
        "SELECT name FROM customer JOIN note ON note.text LIKE customer.name",
        "SELECT name FROM customer JOIN orders",
        "SELECT name FROM customer WHERE id IN "
        "(SELECT buyer FROM orders AS o JOIN item ON item.order_id = o.id)",
    ],
)
def test_joins_along_keys_are_taken(sql: str) -> None:
    assert taken(sql) == sql + "$"


@pytest.mark.parametrize(
    ("sql", "until"),
    [
        ("SELECT 1 FROM customer JOIN orders ON customer.name = ", "customer.n"),
        ("SELECT 1 FROM customer JOIN orders ON customer.id = orders.id", "orders.i"),
        ("SELECT 1 FROM customer JOIN orders ON customer.id = customer.id", "= c"),
        ("SELECT 1 FROM customer JOIN orders ON customer.id < orders.buyer", "id <"),
        ("SELECT 1 FROM customer JOIN orders ON customer.id;", "id;"),
        ("SELECT 1 FROM customer JOIN orders ON customer.id IN (1)", "id I"),
        ("SELECT 1 FROM customer JOIN orders ON 1 = 1", "ON 1"),
        ("SELECT 1 FROM customer JOIN orders ON -1 = 1", "ON -"),
        ("SELECT 1 FROM customer JOIN orders ON NOT buyer", "ON N"),
        ("SELECT 1 FROM customer JOIN orders ON (customer.id = buyer)", "ON ("),
        ("SELECT 1 FROM customer JOIN orders ON lower(buyer) = 'a'", "ON l"),
        ("SELECT 1 FROM customer JOIN orders ON 'a' = buyer", "ON '"),
        # The pair belongs to the table just joined.
        (
            "SELECT 1 FROM customer c JOIN orders o ON c.id = o.buyer JOIN item i ON c.id",
            "JOIN item i ON c",
        ),
        ("SELECT 1 FROM staff a JOIN staff b ON a.id = b.id", "= b.i"),
    ],
)
def test_other_conditions_are_refused_where_keys_join(sql: str, until: str) -> None:
    assert (taken(sql) + sql[len(taken(sql))]).endswith(until)
    assert taken(sql, join_on_keys=False).removesuffix("$") == sql


@pytest.mark.parametrize("vocabulary", ["words", "bytes", "smollm2"])
def test_random_walks_end_in_their_budget_and_prepare(
    vocabulary: str, request: pytest.FixtureRequest
) -> None:
    chosen = {"words": word_vocabulary(SHOP), "bytes": BYTES}.get(vocabulary)
    constraint = constraint_for(
        SHOP, chosen or request.getfixturevalue(vocabulary), join_on_keys=True
    )
    rng = np.random.default_rng(5)
    weights = weights_of(constraint.vocabulary, SHOP, 3.0)
    _prefer(weights, constraint.vocabulary, "JOIN ON customer orders")
    joined = 0
    for n in range(30 if vocabulary == "smollm2" else 150):
        budget = constraint.least_tokens + (0, 7, 30, 120)[n % 4]
        sql = walk(constraint, weights, budget, rng).decode()
        assert oracle(sql, SHOP) is None, sql
        joined += len(re.findall(PAIR, sql))
    assert joined > 3 or vocabulary != "words"  # the others join too seldom to count on


def test_the_mask_holds_exactly_the_tokens_that_are_taken() -> None:
    constraint = constraint_for(SHOP, word_vocabulary(SHOP), join_on_keys=True)
    written = "SELECT name FROM customer AS x JOIN orders AS T1 ON T1.buyer = "
    for end in range(written.index(" ON"), len(written) + 1):
        cursor = constraint.start(4_000)
        for byte in written[:end].encode():
            cursor.advance(byte)
        allowed = _allowed(constraint, cursor)
        for token in range(len(constraint.vocabulary.tokens)):
            trial = cursor.copy()
            try:
                trial.advance(token)
            except ConstraintError:
                assert token not in allowed
            else:
                assert token in allowed


def _prefer(weights: Any, vocabulary: Vocabulary, words: str) -> None:
    for i, token in enumerate(vocabulary.tokens):
        if (token or b"").strip().decode("utf-8", "replace") in words.split():
            weights[i] *= 8


def _allowed(constraint: Any, cursor: Any) -> set[int]:
    out = np.zeros((1, mask_words(constraint.vocabulary)), np.int32)
    fill_masks([cursor], out)
    return set(np.flatnonzero(np.unpackbits(out.view(np.uint8), bitorder="little")).tolist())
