from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.corpus.own_database.words import column_words, row_words, singular, words_of
from sqlforge.corpus.synthetic.phrases import plural

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "own_database"
NAMES = json.loads((FIXTURES / "names.json").read_text(encoding="utf-8"))
ROWS = json.loads((FIXTURES / "rows.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "said"), NAMES)
def test_a_name_becomes_the_words_that_people_say(name: str, said: str) -> None:
    assert " ".join(words_of(name)) == said


@pytest.mark.parametrize(("table", "one", "many"), ROWS)
def test_a_tables_name_says_what_its_rows_are(table: str, one: str, many: str) -> None:
    assert row_words(table, known=("countrylanguage",)) == (one, many)


@pytest.mark.parametrize(
    ("column", "row", "table", "plainest"),
    [
        ("dog_name", "dog", "dogs", "name"),
        ("dname", "department", "department", "name"),
        ("LName", "student", "Student", "last name"),
        ("max_wind_speed_mph", "weather", "weather", "maximum wind speed in mph"),
        ("abandoned_yn", "dog", "dogs", "abandoned"),
        ("treatment_type_code", "treatment", "treatments", "type code"),
        ("price", "product", "products", "price"),
        ("order_id", "order", "orders", "id"),
        ("Pay_per_view_PPV", "tv channel", "TV_Channel", "pay per view"),
        ("price_p", "tv channel", "TV_Channel", "price p"),
    ],
)
def test_a_columns_plainest_words_leave_out_what_the_table_says(
    column: str, row: str, table: str, plainest: str
) -> None:
    assert column_words(column, row, table)[0] == plainest


@given(st.text(min_size=1, max_size=40))
def test_any_name_at_all_has_words(name: str) -> None:
    assert all(words_of(name)) and row_words(name)[0] and column_words(name, "row", "rows")


@pytest.mark.parametrize("word", "city box person status house match address key process".split())
def test_the_singular_of_a_plural_is_the_word_again(word: str) -> None:
    assert singular(plural(word)) == word
