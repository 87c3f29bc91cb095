"""Instances keep to what their database keeps to."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database, Example
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.score.suite import build_suite
from sqlforge.score.suite.files import write_instance, write_shadow
from sqlforge.score.suite.hints import Hints, merged_hints, parsed, query_hints
from sqlforge.score.suite.perturb import perturbed_rows
from sqlforge.score.suite.profile import DatabaseProfile, profile_database
from sqlforge.score.suite.style import random_style

GOLDS = (
    "SELECT name FROM member WHERE age > 40 AND town = 'Chur'",
    "SELECT word FROM tag WHERE word LIKE '%alk%' ORDER BY word LIMIT 1",
    "SELECT count(*) FROM loan WHERE back IS NULL GROUP BY isbn HAVING count(*) > 4",
    "SELECT title FROM book WHERE price = 12.25 AND isbn IN (SELECT isbn FROM tag)",
)
SEEDS = range(30)


def hints_of(database: Database, golds: tuple[str, ...]) -> list[Hints]:
    trees = [parsed(gold) for gold in golds]
    return [query_hints(tree, database.schema) for tree in trees if tree is not None]


def made(database: Database, golds: tuple[str, ...], path: Path, seed: int) -> DatabaseProfile:
    rng = random.Random(seed)
    each = hints_of(database, golds)
    hints = merged_hints(each)
    profile = profile_database(database, hints)
    focus = rng.choice([None, *each])
    rows = perturbed_rows(profile, hints, focus, random_style(rng), rng)
    write_instance(path, profile, rows)
    return profile


def database_of(path: Path, ddl: str) -> Database:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ddl)
    return Database(path.stem, schema_from_sqlite(path), path)


def column(path: Path, query: str) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute(query)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_declared_constraint_holds(library: Database, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "instance.sqlite"
    made(library, GOLDS, path, seed)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM overdue").fetchone() is not None
    assert min(column(path, "SELECT age FROM member"), default=6) > 5
    assert all(v is not None for v in column(path, "SELECT isbn FROM book"))
    rows = column(path, "SELECT isbn || word FROM tag")
    assert len(set(rows)) == len(rows), "rows without a key stay distinct"


def test_nulls_stand_only_where_they_were_seen_or_are_asked_for(
    library: Database, tmp_path: Path
) -> None:
    seen = {"back": 0, "fine": 0, "card": 0}
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        made(library, GOLDS, path, seed)
        assert None not in column(path, "SELECT title FROM book UNION ALL SELECT word FROM tag")
        assert None not in column(path, "SELECT since FROM loan UNION ALL SELECT age FROM member")
        seen["back"] += column(path, "SELECT back FROM loan").count(None)
        seen["fine"] += column(path, "SELECT fine FROM loan").count(None)
    assert seen["back"] and seen["fine"]
    asked = (*GOLDS, "SELECT title FROM book WHERE year IS NOT NULL")
    years: list[object] = []
    for seed in SEEDS:
        path = tmp_path / f"asked-{seed}.sqlite"
        made(library, asked, path, seed)
        years += column(path, "SELECT year FROM book")
    assert None in years


def test_values_at_and_beside_the_literals_occur(library: Database, tmp_path: Path) -> None:
    ages, towns, words, prices = set(), set(), set(), set()
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        made(library, GOLDS, path, seed)
        ages |= set(column(path, "SELECT age FROM member"))
        towns |= set(column(path, "SELECT town FROM member"))
        words |= set(column(path, "SELECT word FROM tag"))
        prices |= set(column(path, "SELECT price FROM book"))
    assert ages >= {39, 40, 41} and len(ages) > 20
    assert "Chur" in towns and any(str(t).startswith("C") and t != "Chur" for t in towns)
    assert any(str(w).startswith("alk") for w in words) and any(
        str(w).endswith("alk") for w in words
    )
    assert {12.25, 11.75, 12.75} <= prices
    assert all(4 * float(str(p)) % 1 == 0 for p in prices), "sums are exact in every order"


def test_no_two_spellings_differ_in_case_only(library: Database, tmp_path: Path) -> None:
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        made(library, GOLDS, path, seed)
        for query in ("SELECT title FROM book", "SELECT name FROM town", "SELECT word FROM tag"):
            values = {str(value) for value in column(path, query)}
            assert len({value.lower() for value in values}) == len(values)


def test_a_shadow_holds_the_same_rows_in_another_order(library: Database, tmp_path: Path) -> None:
    path, shadow = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    profile = made(library, GOLDS, path, 4)
    write_shadow(shadow, path, profile, random.Random(1))
    query = "SELECT quote(member_id) || quote(isbn) || quote(since) || quote(back) FROM loan"
    assert len(column(path, query)) > 5
    assert column(path, query) != column(shadow, query)
    assert sorted(map(str, column(path, query))) == sorted(map(str, column(shadow, query)))
    same = "SELECT count(*) FROM town WHERE name = 'CHUR'"
    assert column(path, same) == column(shadow, same), "the collation goes along"
    assert column(shadow, "SELECT count(*) FROM pragma_index_list('loan')") == [0]


def test_enumerations_stay_closed_and_long_unique_names_stay_keys(tmp_path: Path) -> None:
    rows = ", ".join(f"({i}, 'Name {i}', '{'FM'[i % 2]}', {i % 7})" for i in range(120))
    database = database_of(
        tmp_path / "people.sqlite",
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, sex TEXT, grade INTEGER);"
        f"INSERT INTO person VALUES {rows};",
    )
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        made(database, ("SELECT name FROM person WHERE grade = 3",), path, seed)
        assert set(column(path, "SELECT sex FROM person")) <= {"F", "M"}
        names = column(path, "SELECT name FROM person")
        assert len(set(names)) == len(names)


def test_an_undeclared_reference_that_always_holds_is_kept(tmp_path: Path) -> None:
    database = database_of(
        tmp_path / "shop.sqlite",
        "CREATE TABLE shop (code TEXT PRIMARY KEY, city TEXT);"
        "CREATE TABLE sale (id INTEGER PRIMARY KEY, shop TEXT, pay INTEGER);"
        "INSERT INTO shop VALUES ('A1', 'Oslo'), ('B2', 'Bergen');"
        "INSERT INTO sale VALUES (1, 'A1', 5), (2, 'A1', 7), (3, 'B2', 7);",
    )
    gold = (
        "SELECT s.city, count(*) FROM sale AS l JOIN shop AS s ON l.shop = s.code GROUP BY s.city"
    )
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        made(database, (gold,), path, seed)
        assert column(
            path, "SELECT count(*) FROM sale WHERE shop NOT IN (SELECT code FROM shop)"
        ) in ([0],)


ODD = """
CREATE TABLE plain (a, b BLOB, c TEXT GENERATED ALWAYS AS (a || '!') VIRTUAL);
CREATE TABLE wide (k TEXT, n INTEGER, v REAL, PRIMARY KEY (k, n)) WITHOUT ROWID;
CREATE TABLE child (k TEXT NOT NULL, n INTEGER NOT NULL, d DATE,
  FOREIGN KEY (k, n) REFERENCES wide (k, n));
CREATE TABLE egg (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL REFERENCES hen (id));
CREATE TABLE hen (id INTEGER PRIMARY KEY, egg INTEGER REFERENCES egg (id));
CREATE TABLE exact (i INTEGER, t TEXT) STRICT;
CREATE TABLE blank (id INTEGER PRIMARY KEY, day DATE, pay DECIMAL(9, 2), word VARCHAR(4));
CREATE TABLE `odd ``name` ("a column" INTEGER);
CREATE UNIQUE INDEX low ON plain (lower(a));
CREATE TRIGGER watch AFTER INSERT ON plain BEGIN DELETE FROM exact; END;
CREATE VIEW lost AS SELECT * FROM gone;
CREATE VIRTUAL TABLE search USING fts5 (body);
INSERT INTO plain (a, b) VALUES ('x', x'00ff'), (3, NULL), (2.5, x'01');
INSERT INTO wide VALUES ('p', 1, 0.1), ('p', 2, 0.2), ('q', 1, 1e300);
INSERT INTO child VALUES ('p', 1, '2020-01-31'), ('p', 2, '2020-02-29'), ('q', 1, 'unknown');
INSERT INTO hen VALUES (1, NULL); INSERT INTO egg VALUES (7, 1);
INSERT INTO exact VALUES (1, 'one'), (2, 'two');
INSERT INTO `odd ``name` VALUES (1), (2);
"""


def test_every_odd_database_has_instances(tmp_path: Path) -> None:
    database = database_of(tmp_path / "odd.sqlite", ODD)
    golds = (
        "SELECT count(*) FROM plain",
        "SELECT v FROM wide WHERE k = 'p' AND n > 1",
        "SELECT d FROM child WHERE d > '2020-02-01'",
        "SELECT count(*) FROM egg AS e JOIN hen AS h ON e.hen = h.id",
        "SELECT t FROM exact WHERE i = 2",
        "SELECT word FROM blank WHERE day > '2020-05-05' AND pay < 10.5",
        'SELECT "a column" FROM "odd `name" WHERE "a column" > 1',
        "this is no query",
    )
    filled: set[str] = set()
    for seed in SEEDS:
        path = tmp_path / f"{seed}.sqlite"
        made(database, golds, path, seed)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for table in ("plain", "wide", "child", "egg", "hen", "exact", "blank", "`odd ``name`"):
            if column(path, f"SELECT count(*) FROM {table}") != [0]:
                filled.add(table)
    assert len(filled) == 8, filled
    examples = [Example(g, "?", g, "odd", "test", "CC0-1.0") for g in golds]
    suite = build_suite(examples, {"odd": database}, folder=tmp_path / "kept")
    used = {gold for kept in suite.instances["odd"] for gold in kept.golds}
    assert used == set(golds) - {"this is no query"}


def test_a_file_that_is_no_database_is_named(tmp_path: Path, library: Database) -> None:
    path = tmp_path / "broken.sqlite"
    path.write_text("no database at all, but long enough for a header" * 9)
    broken = Database("broken", library.schema, path)
    example = Example("1", "?", "SELECT 1", "broken", "test", "CC0-1.0")
    with pytest.raises(DatabaseError, match=r"broken\.sqlite"):
        build_suite([example], {"broken": broken}, folder=tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("declared", ["INT", "REAL", "TEXT", ""])
def test_the_largest_numbers_are_no_obstacle(declared: str, tmp_path: Path) -> None:
    extremes = ["9223372036854775807", "-9223372036854775808", "1e308", "-1e308", "1e999", "-1e999"]
    cells = [*extremes, "'99999999999999999999'", "'1e400'"]
    for number, cell in enumerate(cells):
        ddl = f"CREATE TABLE t (id INTEGER PRIMARY KEY, a {declared} UNIQUE, b {declared});"
        ddl += f"INSERT INTO t (a, b) VALUES ({cell}, {cell}), (1, {cells[number - 1]});"
        database = database_of(tmp_path / f"{number}.sqlite", ddl)
        golds = tuple(f"SELECT b FROM t WHERE a > {other}" for other in cells)
        for seed in range(10):
            path = tmp_path / f"{number}-{seed}.sqlite"
            made(database, golds, path, seed)
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("SELECT count(*) FROM t").fetchone() > (0,)
