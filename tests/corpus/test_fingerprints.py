"""What makes two examples the same: question, canonical SQL, signatures."""

from __future__ import annotations

import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.core.records import Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.fingerprints import (
    Fingerprint,
    fingerprint,
    normal_question,
    table_shapes,
    table_signature,
)
from sqlforge.corpus.folding import fold

LETTERS = st.text(st.characters(categories=["L", "N", "Zs", "P"]), max_size=30)


def asked(question: str, sql: str, schema: Schema | None = None) -> Fingerprint:
    return fingerprint(Example("x", question, sql, "d", "mine", "MIT"), schema)


@given(st.text(max_size=40))
def test_case_does_not_change_a_folded_text(text: str) -> None:
    assert fold(text) == fold(text.upper()) == fold(text.lower()) == fold(text.casefold())


@given(LETTERS, st.lists(st.sampled_from(string.punctuation + string.whitespace), min_size=1))
def test_blanks_and_punctuation_do_not_change_a_folded_text(text: str, noise: list[str]) -> None:
    parts = [text[i::7] for i in range(7)]
    glued = "".join(part + noise[i % len(noise)] for i, part in enumerate(parts))
    assert fold(glued) == fold("".join(parts))


@given(st.text(max_size=40))
def test_normalising_a_question_twice_changes_nothing(text: str) -> None:
    once = normal_question(text)
    assert normal_question(once) == once
    assert once == once.strip() and "  " not in once


def test_a_question_of_signs_only_has_an_empty_key() -> None:
    assert asked("?!", "SELECT 1").key == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("t", "id name"), ("T", "NAME Id")),
        (("head_of_state", "Born_State"), ("HeadOfState", "bornState")),
        (("table_1_10015132_11", "Player Country"), ("table_name_77", "country player")),
    ],
)
def test_order_case_and_opaque_names_do_not_change_a_signature(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert table_signature(table(*one)) == table_signature(table(*other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("shop", "id name"), ("bank", "id name")),
        (("shop", "id name"), ("shop", "id name city")),
        (("shop", "id name"), ("shop", "idname")),
    ],
)
def test_other_names_change_a_signature(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert table_signature(table(*one)) != table_signature(table(*other))


def test_the_order_of_tables_does_not_change_a_schema_signature() -> None:
    a, b = table("a", "x y"), table("b", "z")
    one, other = (asked("?", "SELECT 1", Schema(tables)) for tables in ((a, b), (b, a)))
    assert one.schema_signature == other.schema_signature is not None
    assert asked("?", "SELECT 1").schema_signature is None


def test_a_quoted_word_that_is_no_column_is_a_value() -> None:
    schema = Schema((table("country", "name continent"),))
    found = asked("?", 'SELECT name FROM country WHERE continent = "Asia"', schema)
    assert found.masked == "SELECT name FROM country WHERE continent = ?"
    assert found.literals == ("asia",)
    kept = asked("?", 'SELECT name FROM country WHERE "Continent" = "NAME"', schema)
    assert kept.literals == ()


def test_duplicates_have_the_same_question_and_the_same_sql_up_to_spelling() -> None:
    one = asked("How many shops in Bath?", "SELECT count(*) FROM shop WHERE city = 'Bath'")
    same = asked("how many shops in bath", 'select COUNT(*) from Shop where city="bath"')
    value = asked("How many shops in Bath?", "SELECT count(*) FROM shop WHERE city = 'Ayr'")
    worded = asked("Shops in Bath: how many?", "SELECT count(*) FROM shop WHERE city = 'Bath'")
    assert one.duplicate_key == same.duplicate_key and one.scope == same.scope
    assert one.duplicate_key != value.duplicate_key and one.scope != value.scope
    assert one.duplicate_key != worded.duplicate_key and one.scope == worded.scope


def test_sql_that_does_not_parse_still_has_a_key() -> None:
    one, other = asked("Q", "SELEC ((name"), asked("Q", "SELEC ((city")
    assert one.canonical is one.masked is None
    assert one.duplicate_key != other.duplicate_key


def test_fingerprints_are_the_same_in_every_process() -> None:
    code = (
        "from sqlforge.core.records import Example; from sqlforge.core.schema import *;"
        "from sqlforge.corpus.fingerprints import fingerprint as f;"
        "s=Schema((Table('t', (Column('é', ''), Column('b', ''), Column('c', ''))),));"
        "p=f(Example('x', 'Ça va?', 'SELECT b FROM t', 'd', 's', 'MIT'), s);"
        "print(p.duplicate_key, p.scope, p.schema_signature)"
    )
    lines = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(lines) == 1


def table(name: str, columns: str) -> Table:
    return Table(name, tuple(Column(c, "TEXT") for c in columns.split()))


def test_shapes_tell_named_tables_from_opaque_ones() -> None:
    schema = Schema((table("shop", "id"), table("table_2_15_1", "rank")))
    assert [shape.named for shape in table_shapes(schema)] == [True, False]
