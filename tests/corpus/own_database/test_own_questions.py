"""``sqlforge synth --db`` on SQLite and DuckDB files; servers: tests/database/test_servers.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from own_shop import SECRET, duckdb_shop, sqlite_shop
from sqlforge.core.config import Recipe
from sqlforge.core.errors import DatabaseError, DataError, UserError
from sqlforge.core.records import Example
from sqlforge.core.run_dir import open_run
from sqlforge.corpus.own_database.dialect import written
from sqlforge.corpus.own_database.folder import open_made
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.corpus.synthetic.generate import is_empty
from sqlforge.database.place import place_of
from sqlforge.database.reading import ReadOnlyDatabase
from sqlforge.stages.prepare import prepare
from sqlforge.stages.synth import suggest_names, synth_database

N = 400
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """The shop's file, what was made about it, and the facts."""
    folder = tmp_path_factory.mktemp("own")
    shop = sqlite_shop(folder / "shop.sqlite")
    before = fingerprints(shop)
    facts = synth_database(str(shop), folder / "out", n=N, seed=3)
    assert fingerprints(shop) == before, "the database, and the folder it is in, stay as they were"
    return shop, folder / "out", facts


def fingerprints(file: Path) -> dict[str, str]:
    """The SHA-256 of everything whose name starts as the database's does."""
    found = sorted(file.parent.glob(f"{file.name}*"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def examples(out: Path) -> list[Example]:
    return [e for part in SPLITS for e in read_examples(out / f"{part}.jsonl")]


def test_every_gold_runs_and_gives_something(made: tuple[Path, Path, dict[str, Any]]) -> None:
    shop, out, _ = made
    with ReadOnlyDatabase(place_of(str(shop))) as database:
        results = list(database.run_many(e.sql for e in examples(out)))
    assert len(results) == N
    assert all(result.ok for result in results)
    assert not any(is_empty(result.rows) for result in results)


def test_every_table_and_column_that_says_something_is_asked_about(
    made: tuple[Path, Path, dict[str, Any]],
) -> None:
    covered = made[2]["covered"]
    assert covered["tables"] == {"asked": 6, "of": 6}
    assert covered["columns"]["asked"] == covered["columns"]["of"]
    assert len(made[2]["kinds"]) == 10


def test_no_secret_leaves_the_database(made: tuple[Path, Path, dict[str, Any]]) -> None:
    shop, out, facts = made
    written_out = "".join(p.read_text("utf-8") for p in out.rglob("*") if p.is_file())
    assert SECRET not in written_out + json.dumps(facts)
    assert not any("pwd_hash" in e.sql for e in examples(out))
    assert shop.exists()


def test_keys_are_not_added_up_and_text_is_not_matched_whole(
    made: tuple[Path, Path, dict[str, Any]],
) -> None:
    queries = " ".join(e.sql for e in examples(made[1]))
    for column in ("cust_id", "mgr_id", "line_no", "birth_year"):
        assert not any(f"{f}({column})" in queries for f in ("SUM", "AVG")), column
    assert "note = " not in queries and "photo" not in queries
    assert "AVG(unit_price)" in queries and "SUM(qty)" in queries


def test_odd_names_are_quoted(made: tuple[Path, Path, dict[str, Any]]) -> None:
    queries = [e.sql for e in examples(made[1])]
    assert any('"order"' in q for q in queries) and any('"größe"' in q for q in queries)
    assert any('"group"' in q for q in queries)


def test_joins_run_along_keys_only(made: tuple[Path, Path, dict[str, Any]]) -> None:
    allowed = {
        "cust_id = cust_id", "id = sold_by", "id = order_id", "sku = sku",
        "sold_by = id", "order_id = id",
    }  # fmt: skip
    for example in examples(made[1]):
        for join in example.sql.split(" ON ")[1:]:
            left, _, right = join.split(" ")[:3]
            pair = f"{left.split('.')[-1]} = {right.split('.')[-1].rstrip(')')}"
            assert pair in allowed, example.sql


def test_a_yes_or_no_is_said_as_people_say_it(made: tuple[Path, Path, dict[str, Any]]) -> None:
    asked = [e for e in examples(made[1]) if "is_active = " in e.sql]
    assert any("marked as active" in e.question for e in asked)
    assert all("is_active = 1" in e.sql or "is_active = 0" in e.sql for e in asked)


def test_the_row_that_refers_belongs_to_the_one_it_refers_to(
    made: tuple[Path, Path, dict[str, Any]],
) -> None:
    asked = [e.question for e in examples(made[1])]
    assert any(re.search(r"\bbelongs? to[.?]", question) for question in asked)
    assert not any("belongs to the" in question for question in asked)


def test_no_split_asks_what_another_asks_with_other_values(
    made: tuple[Path, Path, dict[str, Any]],
) -> None:
    train, *others = (
        {(e.kind, written(e.sql, "sqlite").shape) for e in read_examples(made[1] / f"{p}.jsonl")}
        for p in SPLITS
    )
    for held_out in others:  # one shape may be asked in two patterns of a kind
        assert held_out
        assert len(train & held_out) <= 1 + len(held_out) // 20
    questions = [e.question.lower() for e in examples(made[1])]
    assert len(set(questions)) == len(questions)


def test_what_was_made_is_read_back_with_the_database(
    made: tuple[Path, Path, dict[str, Any]],
) -> None:
    shop, out, _ = made
    (database,) = read_databases(out / "databases.jsonl").values()
    assert database.path == shop.resolve()
    assert {e.db_id for e in examples(out)} == {database.db_id}
    assert database.schema.table("order") is not None


def test_the_same_seed_makes_the_same_questions_in_any_process(
    made: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    words = ["synth", "--db", made[0], "--out", tmp_path / "out", "--n", N, "--seed", 3]
    subprocess.run(
        [sys.executable, "-m", "sqlforge", *map(str, words)],
        env={**os.environ, "PYTHONHASHSEED": "12"},
        capture_output=True,
        check=True,
    )
    for name in (*(f"{part}.jsonl" for part in SPLITS), "names.yaml"):
        assert (tmp_path / "out" / name).read_bytes() == (made[1] / name).read_bytes()


def test_a_names_file_is_suggested_edited_and_used(tmp_path: Path) -> None:
    shop = sqlite_shop(tmp_path / "shop.sqlite")
    file = suggest_names(str(shop), tmp_path / "names.yaml", seed=3, names_file=None)
    said = yaml.safe_load(file.read_text("utf-8"))
    assert said["tables"]["cust"]["singular"][0] == "customer"
    assert said["tables"]["cust"]["columns"]["cust_addr_ln1"][-1] == "customer address line 1"
    said["tables"]["prod"] |= {
        "singular": ["piece of furniture"],
        "plural": ["pieces of furniture"],
    }
    said["tables"]["prod"]["columns"]["unit_price"] = {
        "words": ["sticker price"],
        "description": "VAT in",
    }
    said["tables"]["order"]["columns"]["cust_id"]["verb"] = "placed by"
    said["tables"]["staff"]["skip"] = True
    file.write_text(yaml.safe_dump(said), "utf-8")
    synth_database(str(shop), tmp_path / "out", n=200, seed=3, names_file=file)
    questions = " ".join(e.question for e in examples(tmp_path / "out"))
    for word in ("pieces of furniture", "sticker price", "placed by"):
        assert word in questions
    assert not any("staff" in e.sql for e in examples(tmp_path / "out"))
    (database,) = read_databases(tmp_path / "out" / "databases.jsonl").values()
    table = database.schema.table("prod")
    assert table is not None
    priced = table.column("unit_price")
    assert priced is not None and priced.description == "VAT in"


def test_a_recipe_trains_on_the_folder_that_synth_wrote(
    made: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    part = {"source": "own", "name": "shop", "path": str(made[1])}
    recipe = Recipe.model_validate(
        {
            "name": "mine",
            "model": {"name": "smollm2-135m"},
            "data": {"train": [part], "validation": [part], "test": [part]},
        }
    )
    run = open_run(tmp_path / "run", recipe)
    prepared = prepare(recipe, run, None, lambda _: None, processes=1)
    read = read_examples(run.data_file("train.jsonl"))
    left_out = dict(prepared.dropped["shop"])
    assert len(read) + sum(left_out.values()) == made[2]["examples"]["train"]
    assert {example.source for example in read} == {"shop"}
    assert set(left_out) <= {"near-duplicate"}, left_out
    with pytest.raises(DataError, match=r"without train\.jsonl"):
        open_made(tmp_path, "train", name="shop", licence="")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tables: {nobody: {singular: [x]}}", "nobody"),
        ("tables: {cust: {columns: {nothing: [x]}}}", "cust.nothing"),
        ("tables: {cust: {colour: red}}", "colour"),
        ("tables: [", "not YAML"),
        ("tables: {cust: {singular: [a, b], plural: [as]}}", "different length"),
    ],
)
def test_a_names_file_that_does_not_fit_says_where(text: str, said: str, tmp_path: Path) -> None:
    shop = sqlite_shop(tmp_path / "shop.sqlite")
    names = tmp_path / "names.yaml"
    names.write_text(text, "utf-8")
    with pytest.raises(DataError, match=said):
        synth_database(str(shop), tmp_path / "out", n=20, seed=3, names_file=names)
    assert not (tmp_path / "out").exists()


def test_a_suggestion_overwrites_nobodys_words(tmp_path: Path) -> None:
    shop = sqlite_shop(tmp_path / "shop.sqlite")
    names = tmp_path / "names.yaml"
    names.write_text("mine", "utf-8")
    with pytest.raises(UserError, match="exists"):
        suggest_names(str(shop), names, seed=3, names_file=None)
    assert names.read_text("utf-8") == "mine"


def test_a_duckdb_file_is_asked_in_its_own_dialect_and_stays_as_it_was(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="the extra 'databases' is not installed")
    shop = duckdb_shop(tmp_path / "shop.duckdb")
    before = fingerprints(shop)
    facts = synth_database(str(shop), tmp_path / "out", n=150, seed=3)
    assert fingerprints(shop) == before
    assert facts["dialect"] == "duckdb" and facts["questions"] == 150
    assert any("is_active = TRUE" in e.sql for e in examples(tmp_path / "out"))
    (database,) = read_databases(tmp_path / "out" / "databases.jsonl").values()
    assert database.schema.dialect == "duckdb"
    assert database.path is not None and database.path.is_relative_to(tmp_path / "out")
    with sqlite3.connect(database.path) as copy:
        assert copy.execute('SELECT COUNT(*) FROM "order"').fetchone() == (180,)
        assert copy.execute("SELECT COUNT(pwd_hash) FROM cust").fetchone() == (0,)


def test_a_database_without_rows_is_a_users_mistake(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    with sqlite3.connect(empty) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    with pytest.raises(DatabaseError, match="t: no rows"):
        synth_database(str(empty), tmp_path / "out", n=20, seed=3)
    assert not (tmp_path / "out").exists()


def test_a_tiny_database_gives_what_it_can(tmp_path: Path) -> None:
    tiny = tmp_path / "tiny.sqlite"
    with sqlite3.connect(tiny) as connection:
        connection.execute("CREATE TABLE town (name TEXT)")
        connection.executemany("INSERT INTO town VALUES (?)", [("Oslo",), ("Hamar",)])
    facts = synth_database(str(tiny), tmp_path / "out", n=2000, seed=3)
    assert isinstance(facts["questions"], int) and 10 <= facts["questions"] < 2000


def test_a_large_table_is_not_scanned(tmp_path: Path) -> None:
    large = tmp_path / "large.sqlite"
    with sqlite3.connect(large) as connection:
        connection.execute(
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, page TEXT, seconds INTEGER, day DATE)"
        )
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)"
            " INSERT INTO visit SELECT i, 'page ' || (i % 7), i * 37 % 900,"
            " date('2020-01-01', (i % 900) || ' days') FROM n"
        )
    facts = synth_database(str(large), tmp_path / "out", n=100, seed=3)
    assert facts["executed_on"] == {"database": 0, "sample": 100}
    (database,) = read_databases(tmp_path / "out" / "databases.jsonl").values()
    assert database.path is not None
    with sqlite3.connect(database.path) as copy:
        ids = [row[0] for row in copy.execute("SELECT id FROM visit ORDER BY id")]
    assert len(ids) < 5000 and ids[-1] > 200_000, "rows from all over, and few of them"
    for example in examples(tmp_path / "out"):
        assert "LIMIT" not in example.sql, "a sample cannot show that no two rows tie"


def test_two_tables_of_one_word_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "two.sqlite"
    with sqlite3.connect(file) as connection:
        for table in ("table_1", "table_2"):
            connection.execute(f"CREATE TABLE {table} (city TEXT, people INTEGER)")
            connection.executemany(
                f"INSERT INTO {table} VALUES (?, ?)", [("Oslo", 7), ("Hamar", 3), ("Moss", 5)]
            )
    synth_database(str(file), tmp_path / "out", n=60, seed=3)
    for example in examples(tmp_path / "out"):
        (table,) = written(example.sql, "sqlite").tables
        assert f"in {table}" in example.question
