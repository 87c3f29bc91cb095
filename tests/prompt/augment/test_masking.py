import random
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.core.schema import Column, Schema, Table
from sqlforge.prompt.augment.masking import Masked, mask_values
from sqlforge.prompt.linking import Link

SCHEMA = Schema(
    (Table("shop", tuple(Column(c, "TEXT") for c in ("name", "city", "open year", "rank"))),)
)


def masked(question: str, sql: str, *links: Link, seed: int = 1) -> Masked:
    return mask_values(question, sql, links, SCHEMA, random.Random(seed))


def test_a_text_is_replaced_in_question_sql_and_link_alike() -> None:
    link = Link("shop", "city", "New York")
    made = masked("Shops in new york?", "SELECT name FROM shop WHERE city = 'New York'", link)
    (new,) = made.links
    first, second = new.value.split()
    assert first.istitle() and second.istitle() and new.value != "New York"
    assert made.question == f"Shops in {new.value.lower()}?"
    assert made.sql == f"SELECT name FROM shop WHERE city = '{new.value}'"


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("Shops in Bath?", "SELECT name FROM shop WHERE city = \"Bath\""),
        ("Shops in Bath or Ayr?", "SELECT name FROM shop WHERE city IN ('Bath', 'Ayr')"),
        ("Shops like 'Bath'?", "SELECT name FROM shop WHERE city LIKE '%Bath%'"),
        ("Rank over 25?", "SELECT name FROM shop WHERE rank > 25"),
        ("Open from 1999 to 2004?", "SELECT name FROM shop WHERE rank BETWEEN 1999 AND 2004"),
        ("Open on 2010-02-03?", "SELECT name FROM shop WHERE city = '2010-02-03'"),
        ("Rank 2.5?", "SELECT name FROM shop WHERE rank = 2.5"),
    ],
)  # fmt: skip
def test_strings_numbers_and_dates_that_both_name_are_replaced(question: str, sql: str) -> None:
    made = masked(question, sql)
    assert made.question != question and made.sql != sql
    new = set(made.sql.replace("'", " ").replace('"', " ").replace("%", " ").replace("(", " ")
              .replace(")", " ").replace(",", " ").split()) - set(sql.split())  # fmt: skip
    new -= {"Bath", "Ayr", "IN", "LIKE"}
    assert new and all(value in made.question for value in new)
    assert len(made.question) < len(question) + 20


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("Show all shops.", "SELECT name FROM shop WHERE city = 'Bath'"),
        ("Bathtubs?", "SELECT name FROM shop WHERE city = 'Bath'"),
        ("The 3 best?", "SELECT name FROM shop ORDER BY rank LIMIT 3"),
        ("The 3 of rank 3?", "SELECT name FROM shop WHERE rank = 3 LIMIT 3"),
        ("Which name is city?", "SELECT name FROM shop WHERE name = 'city'"),
        ("Open year?", 'SELECT name FROM shop WHERE "open year" = name'),
        ("Is 2.51 right?", "SELECT name FROM shop WHERE rank = 2"),
        ("What?", "no sql"),
    ],
)
def test_what_only_one_side_names_or_could_mean_something_else_stays(
    question: str, sql: str
) -> None:
    made = masked(question, sql)
    assert (made.question, made.sql) == (question, sql)


def test_links_that_the_question_no_longer_bears_out_are_dropped() -> None:
    york, ayr = Link("shop", "name", "York"), Link("shop", "city", "Ayr")
    sql = "SELECT name FROM shop WHERE city = 'New York'"
    assert masked("From New York to Ayr?", sql, york, ayr).links == (ayr,)


def test_numbers_that_trade_places_do_not_meet() -> None:
    for seed in range(200):
        sql = "SELECT name FROM shop WHERE rank = 3 OR rank = 5"
        made = masked("Rank 3 or 5?", sql, seed=seed)
        first, second = made.question[5:-1].split(" or ")
        assert made.sql == f"SELECT name FROM shop WHERE rank = {first} OR rank = {second}"
        assert first != second


@given(st.text(min_size=1, max_size=12), st.integers(0, 50))
def test_any_value_is_borne(value: str, seed: int) -> None:
    quoted = value.replace("'", "''")
    sql = f"SELECT name FROM shop WHERE city = '{quoted}'"
    made = mask_values(f"Shops in {value}?", sql, (), SCHEMA, random.Random(seed))
    assert (made.sql == sql) == (made.question == f"Shops in {value}?")
    literal = made.sql.removeprefix("SELECT name FROM shop WHERE city = ")
    if not re.search("[\0\ud800-\udfff]", value):  # SQLite reads no such text
        assert read(literal).strip("%_ ").lower() in made.question.lower()


def read(literal: str) -> str:
    """The value of a string as SQLite reads it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        ((value,),) = connection.execute(f"SELECT {literal}")
    return str(value)


@pytest.mark.parametrize("literal", ["'O''Neil'", '"6"" pipe"', "'%rock ''n'' roll'"])
def test_quotes_in_a_value_stay_doubled(literal: str) -> None:
    start = "SELECT name FROM shop WHERE city LIKE "
    old = read(literal).strip("%")
    made = masked(f"Any {old} here?", start + literal)
    new = read(made.sql.removeprefix(start)).strip("%")
    assert made.question == f"Any {new} here?" and new != old
