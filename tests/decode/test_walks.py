"""Random walks over schemas that break careless grammars, held against SQLite and the names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from decode_schemas import awkward_schemas
from decode_walks import (
    allowed_next,
    byte_vocabulary,
    first_refused,
    oracle,
    walk,
    weights_of,
    word_vocabulary,
)
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import constraint_for, fill_masks, mask_words
from sqlforge.decode.vocabulary import Vocabulary

AWKWARD = awkward_schemas()
BYTES = byte_vocabulary()


def walk_all(schema: Schema, vocabulary: Vocabulary, seed: int, walks: int) -> None:
    """Walks of every budget, from the least to more than they need."""
    constraint = constraint_for(schema, vocabulary)
    rng = np.random.default_rng(seed)
    least = constraint.least_tokens
    for end in (3.0, 30.0):
        weights = weights_of(vocabulary, schema, end)
        for _ in range(walks):
            budget = least + int(rng.choice([0, rng.integers(1, 12), rng.integers(12, 60), 180]))
            sql = walk(constraint, weights, budget, rng).decode()
            assert oracle(sql, schema) is None, sql


@pytest.mark.parametrize("name", AWKWARD)
def test_walks_of_words_end_within_any_budget_and_prepare(name: str) -> None:
    walk_all(AWKWARD[name], word_vocabulary(AWKWARD[name]), 1, 15)


@pytest.mark.parametrize("name", AWKWARD)
def test_walks_of_bytes_end_within_any_budget_and_prepare(name: str) -> None:
    walk_all(AWKWARD[name], BYTES, 2, 15)


@pytest.mark.parametrize(
    ("tokenizer", "name"),
    [
        ("smollm2", "emoji"),
        ("smollm2", "same columns"),
        ("smollm2", "cases"),
        ("mistral", "quotes"),
    ],
)
def test_walks_of_real_tokens_end_within_any_budget_and_prepare(
    name: str, tokenizer: str, request: pytest.FixtureRequest
) -> None:
    walk_all(AWKWARD[name], request.getfixturevalue(tokenizer), 3, 3)


def test_a_way_out_stays_open_within_names_whose_tokens_depend_on_their_case(
    smollm2: Vocabulary, smollm2_tokenizer: Any
) -> None:
    constraint = constraint_for(AWKWARD["cases"], smollm2)
    sql = "SELECT T1.GENDER_MF, T2.Date_of_Enrolment FROM Student_Course_Enrolment AS T2 JOIN"
    tokens = smollm2_tokenizer(sql, add_special_tokens=False)["input_ids"]
    cursor = constraint.start(len(tokens) + 200)
    for token in tokens:
        cursor.advance(token)
    cursor = constraint.start(len(tokens) + cursor.tokens_needed)  # not one token to spare
    for token in tokens:
        cursor.advance(token)
    rng = np.random.default_rng(5)
    weights = weights_of(smollm2, AWKWARD["cases"], 30.0)
    sql = walk(constraint, weights, cursor.tokens_left, rng, cursor).decode()
    assert oracle(sql, AWKWARD["cases"]) is None


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", AWKWARD)
def test_many_more_walks_prepare(name: str, seed: int, request: pytest.FixtureRequest) -> None:
    walk_all(AWKWARD[name], word_vocabulary(AWKWARD[name]), 100 + seed, 100)
    walk_all(AWKWARD[name], BYTES, 200 + seed, 100)
    walk_all(AWKWARD[name], request.getfixturevalue("smollm2"), 300 + seed, 20)


@pytest.mark.parametrize("name", ["same columns", "keywords", "prefixes"])
def test_the_mask_holds_exactly_the_tokens_that_are_taken(name: str) -> None:
    constraint = constraint_for(AWKWARD[name], word_vocabulary(AWKWARD[name]))
    vocabulary = constraint.vocabulary
    rng = np.random.default_rng(4)
    tokens: list[int] = []
    cursor = constraint.start(4_100)
    for _ in range(25):
        inside = set(allowed_next(constraint, tokens))
        for token, written in enumerate(vocabulary.tokens):
            if written is not None:
                taken = _takes(cursor.copy(), token)
                if written in inside:
                    assert taken, (cursor.text, written)
                elif not _LONG_NAME.search(cursor.text + written):
                    assert not taken, (cursor.text, written)
        choices = [i for i, t in enumerate(vocabulary.tokens) if t is not None and t in inside]
        tokens.append(int(rng.choice(choices)))
        cursor.advance(tokens[-1])


def test_a_short_name_may_begin_right_after_a_sign_and_grow_by_any_letter() -> None:
    vocabulary = Vocabulary((*BYTES.tokens[:256], b"AT", b"at", None), (258,))
    constraint = constraint_for(AWKWARD["same columns"], vocabulary)
    assert {b"AT", b"at"} <= set(allowed_next(constraint, list(b"SELECT id <")))
    assert {b"T", b"t", b"1"} <= set(allowed_next(constraint, list(b"SELECT x")))


def test_a_text_in_double_quotes_fits_by_its_own_way_out_where_a_name_has_a_shorter_one() -> None:
    constraint = constraint_for(AWKWARD["quotes"], BYTES)
    text = b'SELECT MIN("o\'brien"."][" < CASE AS1."it\'s" NOTNULL IN("'
    cursor = constraint.start(4_000)
    for byte in text:
        cursor.advance(byte)
    out = np.zeros((1, mask_words(BYTES)), np.int32)
    for budget in range(cursor.tokens_needed, cursor.tokens_needed + 24):
        shortened = cursor.copy()
        shortened.shorten(budget)
        fill_masks([shortened], out, threads=1)
        bits = np.unpackbits(out.view(np.uint8), bitorder="little")
        assert all(_takes(shortened.copy(), int(token)) for token in np.flatnonzero(bits))


_LONG_NAME = re.compile(rb"\w{24}\Z")  # of new names, masks hold those of up to 23 letters


def _takes(cursor: Any, token: int) -> bool:
    from sqlforge.core.errors import ConstraintError

    try:
        cursor.advance(token)
    except ConstraintError:
        return False
    return True


GOLDS = [
    ("same columns", "SELECT T1.name FROM new_staff AS T1 JOIN old_staff AS T2 ON T1.id = T2.id"),
    ("same columns", "select count(*), city from old_staff group by city having count(*) > 2"),
    ("same columns", "SELECT name FROM old_staff UNION SELECT name FROM new_staff ORDER BY name"),
    ("spaces", 'SELECT "line no" FROM "order lines" WHERE "unit price" > 1.5'),
    ("same columns", "WITH recent AS (SELECT name FROM new_staff) SELECT name FROM recent"),
    ("same columns", "SELECT count(*) AS total FROM new_staff ORDER BY total"),
    ("quotes", 'SELECT "say ""hi""", "it\'s" FROM "the ""big"" table"'),
    ("keywords", 'SELECT "from" FROM "select" WHERE "where" = \'a\' ORDER BY "order"'),
    ("emoji", 'SELECT "😀", "größe" FROM "🚀"'),
    ("no tables", "SELECT 1"),
    ("case", "SELECT users.id FROM USERS JOIN posts ON users.ID = POSTS.UserId"),
    ("2,000 columns", "SELECT c1999 FROM wide WHERE c0 IN (SELECT c7 FROM thin)"),
    ("one letter", "SELECT x FROM e WHERE E5 = 1.5"),
]


@pytest.mark.parametrize(("name", "sql"), GOLDS)
def test_queries_on_awkward_names_are_taken(name: str, sql: str) -> None:
    assert oracle(sql, AWKWARD[name]) is None
    assert first_refused(constraint_for(AWKWARD[name], BYTES), list(sql.encode())) is None


@pytest.mark.parametrize(("name", "sql"), GOLDS)
def test_the_masks_along_a_query_hold_its_tokens(
    name: str, sql: str, smollm2_tokenizer: Any, smollm2: Vocabulary
) -> None:
    constraint = constraint_for(AWKWARD[name], smollm2)
    tokens = smollm2_tokenizer(sql, add_special_tokens=False)["input_ids"]
    for i, token in enumerate(tokens):
        written = smollm2.tokens[token]
        assert written in set(allowed_next(constraint, tokens[:i])), (sql, written)
    assert b"<end>" in set(allowed_next(constraint, tokens))


OTHER_SPELLINGS = [
    ("spaces", 'SELECT [line no] FROM "order lines"'),
    ("spaces", 'SELECT `line no` FROM "order lines"'),
    ("emoji", 'SELECT größe FROM "🚀"'),
    ("one letter", "SELECT x FROM e WHERE E5 = 1e5"),
]


@pytest.mark.parametrize(("name", "sql"), OTHER_SPELLINGS)
def test_some_spellings_of_sqlite_are_left_out(name: str, sql: str) -> None:
    assert oracle(sql, AWKWARD[name]) is None
    assert first_refused(constraint_for(AWKWARD[name], BYTES), list(sql.encode())) is not None


REFUSED = [
    ("same columns", "SELECT nam FROM new_staff"),
    ("same columns", 'SELECT "nam" FROM new_staff'),
    ("same columns", "SELECT name FROM new_staff JOIN old_staff ON new_staff.id = old_staff.id"),
    ("same columns", "SELECT id FROM new_staff UNION SELECT id, name FROM old_staff"),
    ("same columns", "SELECT id FROM new_staff WHERE count(*) > 1"),
    ("same columns", "SELECT T1.id FROM new_staff AS T2"),
    ("spaces", "SELECT line no FROM `order lines`"),
    ("no tables", "SELECT * FROM t"),
    ("one column", "DELETE FROM t"),
    ("one column", "SELECT a FROM t; SELECT a FROM t"),
]


@pytest.mark.parametrize(("name", "sql"), REFUSED)
def test_queries_that_sqlite_or_the_names_refuse_are_not_taken(name: str, sql: str) -> None:
    assert oracle(sql, AWKWARD[name]) is not None
    assert first_refused(constraint_for(AWKWARD[name], BYTES), list(sql.encode())) is not None
