"""Golds written without aliases stay the same queries."""

from __future__ import annotations

import pytest

from sqlforge.database.ddl import schema_from_ddl
from sqlforge.prompt.answers import plain_answer

SCHEMA = schema_from_ddl("""
CREATE TABLE Singer (Singer_ID INT, Name TEXT, "Home town" TEXT);
CREATE TABLE concert (id INT, singer_id INT, year INT);
""")


@pytest.mark.parametrize(
    ("sql", "plain"),
    [
        (
            "SELECT T1.name ,  t2.YEAR FROM singer AS T1 JOIN concert t2 "
            "ON T1.singer_id  =  t2.singer_id;",
            "SELECT Singer.Name, concert.year FROM Singer JOIN concert "
            "ON Singer.singer_id = concert.singer_id",
        ),
        (
            "select name from SINGER where name = 'T1  ,  x'",
            "select Name from Singer where Name = 'T1  ,  x'",
        ),
        ('SELECT T1."home town" FROM singer T1', 'SELECT Singer."Home town" FROM Singer'),
        (
            "SELECT T1.year FROM concert T1 UNION SELECT T1.name FROM singer T1",
            "SELECT concert.year FROM concert UNION SELECT Singer.Name FROM Singer",
        ),
        (
            "SELECT a.name FROM singer a WHERE EXISTS "
            "(SELECT 1 FROM concert b WHERE b.id = a.name)",
            "SELECT Singer.Name FROM Singer WHERE EXISTS "
            "(SELECT 1 FROM concert WHERE concert.id = Singer.Name)",
        ),
    ],
)  # fmt: skip
def test_tables_go_by_their_own_names_spelled_as_in_the_schema(sql: str, plain: str) -> None:
    assert plain_answer(sql, SCHEMA) == plain


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.id FROM concert a JOIN concert b ON a.id = b.id",
        "SELECT a.id FROM concert a WHERE a.year > (SELECT avg(b.year) FROM concert b "
        "WHERE b.singer_id = a.singer_id)",
        "SELECT a.name FROM Nowhere a",
        "WITH a AS (SELECT id FROM concert) SELECT a.id FROM a",
        "SELECT x.n FROM (SELECT count(*) AS n FROM concert) AS x",
        "SELECT FROM",
    ],
)
def test_where_a_tables_name_would_mean_something_else_the_alias_stays(sql: str) -> None:
    assert plain_answer(sql, SCHEMA) == sql
