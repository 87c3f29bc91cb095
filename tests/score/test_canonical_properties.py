"""Canonical SQL: one form for all spellings of a query, and that form is its own."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlforge.core.records import Database
from sqlforge.score.canonical import canonical_sql, needs_quotes

from .spellings import QUERIES, respelled


@settings(max_examples=150, deadline=None)
@given(query=st.sampled_from(QUERIES), rng=st.randoms(use_true_random=False))
def test_aliases_quotes_letter_case_and_white_space_change_nothing(
    query: str, rng: random.Random, shop: Database
) -> None:
    spelled = respelled(query, rng)
    assert canonical_sql(spelled, shop.schema) == canonical_sql(query, shop.schema)
    assert canonical_sql(spelled) == canonical_sql(query)


@pytest.mark.parametrize("query", QUERIES)
def test_the_canonical_form_is_its_own(query: str, shop: Database) -> None:
    for schema in (shop.schema, None):
        form = canonical_sql(query, schema)
        assert form is not None
        assert canonical_sql(form, schema) == form


@pytest.mark.parametrize("query", QUERIES)
def test_the_canonical_form_has_the_rows_of_the_query(query: str, shop: Database) -> None:
    form = canonical_sql(query, shop.schema)
    assert form is not None
    connection = sqlite3.connect(f"file:{shop.path}?mode=ro", uri=True)
    rows = [connection.execute(sql).fetchall() for sql in (query, form)]
    connection.close()
    assert rows[0] == rows[1]


@settings(max_examples=100, deadline=None)
@given(name=st.text(alphabet="abc_ 1-.\"'é", min_size=1, max_size=8))
def test_any_quoted_name_keeps_its_form(name: str) -> None:
    quoted = name.replace('"', '""')
    form = canonical_sql(f'SELECT "{quoted}" FROM "{quoted}"')
    assert form is not None
    assert canonical_sql(form) == form


@pytest.mark.parametrize(("name", "quoted"), [("shop", False), ("a b", True), ("group", True)])
def test_names_are_quoted_where_they_must_be(name: str, quoted: bool) -> None:
    form: Any = canonical_sql(f'SELECT "{name}" FROM t')
    assert (f'"{name}"' in form) is quoted
    assert needs_quotes(name) is quoted
