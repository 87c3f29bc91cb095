import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlforge.core.config import RenameStyle
from sqlforge.core.records import Dataset
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.prompt.augment.names import new_names
from sqlforge.prompt.augment.renaming import draw_renaming, rename_link, rename_schema
from sqlforge.prompt.augment.sql_names import Renaming, depends_on_order, find_names, rename_sql
from sqlforge.prompt.linking import Link

from .queries import SCHEMA, database, queries
from .renamed import outcome, renamed_copy

STYLES: tuple[RenameStyle, ...] = get_args(RenameStyle)
# Swaps names, gives columns what tables were called and the other way round.
CROSSED = Renaming(
    {"person": "city", "city": "visit", "visit": "person"},
    {"name": "city", "city": "name", "id": "age", "age": "id", "home town": "when"}
    | {"when": "select", "group": "Home Town", "person": "mayor", "mayor": "person"},
)
HARD = [
    "SELECT name FROM person WHERE city = (SELECT id FROM city WHERE name = \"Bath\")",
    "SELECT T1.name, T2.name FROM person AS T1 JOIN city AS T2 ON T1.city = T2.id",
    "SELECT p.name FROM person p WHERE EXISTS (SELECT 1 FROM visit WHERE person = p.id)",
    "SELECT count(*) AS name FROM person GROUP BY city ORDER BY name DESC",
    "SELECT age AS name FROM person ORDER BY name",
    "SELECT name FROM (SELECT name FROM city UNION SELECT name FROM person) ORDER BY name",
    "WITH city AS (SELECT name AS id FROM person) SELECT id FROM city",
    "WITH c(a, name) AS (SELECT id, name FROM city) SELECT a, name FROM c WHERE name = \"name\"",
    "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 3) "
    "SELECT n.id, city.name FROM n JOIN city USING (id)",
    "SELECT * FROM person NATURAL JOIN visit",
    "SELECT name, count(*) FROM visit JOIN person USING (name) GROUP BY 1",
    "SELECT PERSON.NAME FROM Person WHERE [Home Town] = 'Bath' OR `home town` = \"city\"",
    'SELECT "name" FROM "person" WHERE "Home Town" = "name" OR "nobody" = "nobody"',
    "SELECT city.* FROM city, person AS name WHERE city.id = name.city",
    "WITH ids AS (SELECT person AS i FROM visit) SELECT name FROM person WHERE id IN ids",
    "SELECT rowid, sum(age) OVER (PARTITION BY city ORDER BY id) FROM person",
    "SELECT name FROM city EXCEPT SELECT \"Home Town\" FROM person",
    "SELECT max(\"group\"), min(\"when\") FROM city, visit WHERE \"when\" LIKE \"2020%\"",
]  # fmt: skip


@pytest.fixture(scope="module")
def people() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("databases")
    made = generate_corpus(folder, seed=3, counts={"train": 300}, max_tables=4)
    return made["train"]


def holds(people: sqlite3.Connection, schema: Schema, sql: str, renaming: Renaming) -> bool:
    """Whether a query that runs was renamed; then it gives the same on the renamed database."""
    rows = outcome(people, sql)
    uses = find_names(sql, schema)
    renamed = rename_sql(sql, uses, renaming) if uses is not None else None
    if renamed is None or rows == "fails":
        return False
    copy = renamed_copy(people, schema, renaming)
    try:
        assert outcome(copy, renamed) == rows, (sql, renamed)
    finally:
        copy.close()
    return True


@pytest.mark.parametrize("sql", HARD)
def test_hard_queries_give_the_same_rows_under_crossed_names(
    sql: str, people: sqlite3.Connection
) -> None:
    assert outcome(people, sql) != "fails"
    assert holds(people, SCHEMA, sql, CROSSED)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(queries(), st.sampled_from(STYLES), st.integers(0, 10_000))
def test_any_query_that_runs_gives_the_same_rows_under_new_names(
    people: sqlite3.Connection, sql: str, style: RenameStyle, seed: int
) -> None:
    holds(people, SCHEMA, sql, draw_renaming(SCHEMA, style, random.Random(seed)))
    holds(people, SCHEMA, sql, CROSSED)


@pytest.mark.soak
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(queries(), st.sampled_from(STYLES), st.integers(0, 10_000))
def test_five_thousand_queries_give_the_same_rows(
    people: sqlite3.Connection, sql: str, style: RenameStyle, seed: int
) -> None:
    holds(people, SCHEMA, sql, draw_renaming(SCHEMA, style, random.Random(seed)))
    holds(people, SCHEMA, sql, CROSSED)


def check_golds(dataset: Dataset, step: int) -> int:
    """Golds of each database under one style each, executed; how many were renamed."""
    checked = 0
    by_database: dict[str, list[str]] = {}
    for example in dataset.examples[::step]:
        by_database.setdefault(example.db_id, []).append(example.sql)
    for number, (db_id, golds) in enumerate(by_database.items()):
        found = dataset.databases[db_id]
        if found.path is None or found.schema.table("sqlite_sequence"):
            continue
        style = STYLES[number % len(STYLES)]
        renaming = draw_renaming(found.schema, style, random.Random(db_id))
        original = sqlite3.connect(f"file:{found.path}?mode=ro", uri=True)
        original.text_factory = lambda raw: raw.decode("utf-8", "ignore")
        copy = renamed_copy(original, found.schema, renaming)
        for sql in golds:
            uses = find_names(sql, found.schema)
            assert uses is not None, sql
            renamed = rename_sql(sql, uses, renaming)
            if renamed is not None:
                assert outcome(copy, renamed) == outcome(original, sql), (sql, renamed)
                checked += 1
        original.close()
        copy.close()
    return checked


def test_golds_of_the_embedded_corpus_give_the_same_rows(corpus: Dataset) -> None:
    assert check_golds(corpus, step=1) == len(corpus.examples)


def test_golds_of_spider_give_the_same_rows(published_data: Path, own_cache: Path) -> None:
    assert check_golds(read_spider(published_data, "dev").dataset, step=4) >= 200


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=12), st.sampled_from(STYLES), st.integers(0, 99))
def test_new_names_differ_whatever_the_old_ones_are(
    names: list[str], style: RenameStyle, seed: int
) -> None:
    for of_tables in (False, True):
        found = new_names(names, style, random.Random(seed), of_tables=of_tables)
        assert found.keys() == {name.lower() for name in names}
        assert len({name.lower() for name in found.values()}) == len(found)
        assert not {"rowid", "oid", "_rowid_"} & set(found.values())


@pytest.mark.parametrize(
    ("style", "table", "column"),
    [
        ("snake", "customer_order", "first_name"),
        ("camel", "CustomerOrder", "firstName"),
        ("opaque", "tbl_1", "col_1"),
    ],
)
def test_styles_spell_names_as_they_say(style: RenameStyle, table: str, column: str) -> None:
    schema = Schema((Table("Customer Order", (Column("FirstName", "TEXT"),)),))
    renaming = draw_renaming(schema, style, random.Random(1))
    assert (renaming.table("customer order"), renaming.column("FIRSTNAME")) == (table, column)


def test_a_word_is_abbreviated_alike_wherever_it_stands() -> None:
    found = new_names(
        ["customer_name", "customer_city"], "abbreviate", random.Random(2), of_tables=False
    )
    first, second = found["customer_name"].split("_"), found["customer_city"].split("_")
    assert first[0] == second[0] and len(first[0]) < len("customer")


def test_keys_and_links_follow_their_columns() -> None:
    renaming = Renaming({"person": "human", "city": "town"}, {"city": "town_no", "id": "no"})
    (key,) = rename_schema(SCHEMA, renaming).tables[0].foreign_keys
    assert (key.columns, key.ref_table, key.ref_columns) == (("town_no",), "town", ("no",))
    assert rename_link(Link("Person", "City", "1"), renaming) == Link("human", "town_no", "1")


def test_a_name_that_would_meet_an_alias_is_not_given() -> None:
    sql = "SELECT count(*) AS total FROM person ORDER BY total"
    uses = find_names(sql, SCHEMA)
    assert uses is not None
    assert rename_sql(sql, uses, Renaming({}, {"age": "total"})) is None
    assert rename_sql(sql, uses, Renaming({}, {"age": "years"})) == sql


def test_a_selected_word_is_a_string_although_an_alias_bears_it(people: sqlite3.Connection) -> None:
    sql = 'SELECT "name" AS "name" FROM (SELECT id FROM person) WHERE "id" > 1 OR "name" = "x"'
    assert holds(people, SCHEMA, sql, Renaming({"person": "p"}, {"id": "no", "name": "label"}))


def test_a_string_that_names_a_result_column_leaves_the_query_alone() -> None:
    assert find_names('SELECT x.* FROM (SELECT "nobody" FROM person) AS x', SCHEMA) is None


def test_a_name_that_would_turn_a_string_into_a_column_is_not_given() -> None:
    sql = 'SELECT name FROM person WHERE "Home Town" = "Bath"'
    uses = find_names(sql, SCHEMA)
    assert uses is not None
    assert rename_sql(sql, uses, Renaming({}, {"age": "bath"})) is None


@pytest.mark.parametrize(
    "sql", ["", "SELECT", "no sql", "SELECT 1; SELECT 2", "DROP TABLE person", "SELECT " + "(" * 99]
)
def test_what_is_no_single_query_is_left_alone(sql: str) -> None:
    assert find_names(sql, SCHEMA) is None


def test_all_but_the_names_keeps_its_spelling() -> None:
    sql = "select  DISTINCT T1.name ,count( * ) from PERSON as T1 -- name\n where T1.age!=3 ;"
    uses = find_names(sql, SCHEMA)
    assert uses is not None
    assert rename_sql(sql, uses, Renaming({"person": "p"}, {"name": "n", "age": "a"})) == (
        "select  DISTINCT T1.n ,count( * ) from p as T1 -- name\n where T1.a!=3 ;"
    )


@pytest.mark.parametrize(
    ("sql", "depends"),
    [
        ("SELECT * FROM person", False),
        ("SELECT count(*) FROM person UNION SELECT 1", False),
        ("SELECT * FROM visit UNION SELECT * FROM visit", True),
        ("SELECT name FROM person WHERE id IN (SELECT * FROM city)", True),
        ("INSERT INTO person VALUES (1)", True),
        ("INSERT INTO person (id) VALUES (1)", False),
        ("SELECT", True),
    ],
)
def test_queries_that_read_columns_by_their_order_are_known(sql: str, depends: bool) -> None:
    assert depends_on_order(sql, "sqlite") is depends
