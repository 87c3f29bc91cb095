import sqlite3

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from sqlforge.core.names import sql_name

WORDS = """
    abort action add after all alter always analyze and as asc attach autoincrement before begin
    between by cascade case cast check collate column commit conflict constraint create cross
    current current_date current_time current_timestamp database default deferrable deferred
    delete desc detach distinct do drop each else end escape except exclude exclusive exists
    explain fail filter first following for foreign from full generated glob group groups having
    if ignore immediate in index indexed initially inner insert instead intersect into is isnull
    join key last left like limit match materialized natural no not nothing notnull null nulls of
    offset on or order others outer over partition plan pragma preceding primary query raise range
    recursive references regexp reindex release rename replace restrict returning right rollback
    row rows savepoint select set table temp temporary then ties to transaction trigger unbounded
    union unique update using vacuum values view virtual when where window with within without
    true false
""".split()


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_sqlites_grammar_names_a_column(word: str) -> None:
    name = sql_name(word)
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({name} TEXT, other TEXT)")
    connection.execute("INSERT INTO t VALUES ('m', 'z')")
    query = f"SELECT {name}, MAX({name}) FROM t WHERE other = 'z' AND {name} = 'm'"
    assert connection.execute(query).fetchone() == ("m", "m")
    assert len(list(sqlglot.parse_one(query, dialect="sqlite").find_all(exp.Column))) == 4
    connection.close()


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12))
def test_any_text_names_a_column(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({sql_name(name)} TEXT)")
    assert [row[1] for row in connection.execute("PRAGMA table_info(t)")] == [name]
    connection.close()
