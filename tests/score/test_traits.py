"""What makes a question hard, told from its gold and its schema."""

from __future__ import annotations

import pytest

from sqlforge.core.records import Database, Example, Verdict
from sqlforge.core.schema import Schema
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.score.breakdown import break_down, breakdown_json
from sqlforge.score.traits import traits_of

SCHEMA = schema_from_ddl("""
CREATE TABLE singer (Singer_ID INT, "Home town" TEXT, age INT);
CREATE TABLE concert (concert_id INT, singer_id INT, year INT);
CREATE TABLE stadium (id INT, name TEXT);
""")
SMALL = "schema of up to 10 columns"
SPELT, UNSPELT = "columns spelt in the question", "columns not spelt in the question"


@pytest.mark.parametrize(
    ("question", "sql", "traits"),
    [
        ("How many?", "SELECT count(*) FROM singer", ("one table", SMALL)),
        ("Ages?", "SELECT age FROM singer", ("one table", SMALL, SPELT)),
        ("How old?", "SELECT age FROM singer", ("one table", SMALL, UNSPELT)),
        ("Home towns?", 'SELECT T1."Home town" FROM singer T1', ("one table", SMALL, SPELT)),
        (
            "Which year?",
            "SELECT T2.year FROM singer AS T1 JOIN concert T2 ON T1.Singer_ID = T2.singer_id",
            ("two tables", SMALL, SPELT),
        ),
        (
            "Towns in the year?",
            "SELECT a.`Home town` FROM singer a WHERE a.singer_id IN "
            "(SELECT singer_id FROM concert WHERE year = 'age') EXCEPT SELECT name FROM stadium",
            ("three or more tables", SMALL, UNSPELT),
        ),
        ("Ages?", "SELECT age FROM nowhere", (SMALL,)),
    ],
)
def test_traits_are_told_by_tables_columns_and_words(
    question: str, sql: str, traits: tuple[str, ...]
) -> None:
    assert traits_of(question, sql, SCHEMA) == traits


@pytest.mark.parametrize(
    ("columns", "trait"), [(10, SMALL), (11, "11 to 20 columns"), (41, "more than 40 columns")]
)
def test_the_size_of_a_schema_is_all_its_columns(columns: int, trait: str) -> None:
    names = ", ".join(f"c{number} INT" for number in range(columns))
    assert trait in traits_of("?", "SELECT c0 FROM t", schema_from_ddl(f"CREATE TABLE t ({names})"))


def test_a_breakdown_has_traits_where_the_schemas_are_at_hand() -> None:
    def one(schema: Schema) -> dict[str, object]:
        example = Example("1", "Ages?", "SELECT age FROM singer", "d", "test", "CC0-1.0")
        verdict = Verdict("1", "d", "easy", True, False, True, True)
        return breakdown_json(break_down([example], [verdict], {"d": Database("d", schema)}))

    found = one(SCHEMA)["by_trait"]
    assert isinstance(found, dict)
    assert list(found) == ["one table", SMALL, SPELT]
    assert found[SPELT]["correct"] == 1
