import json
import lzma
import sqlite3
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.errors import DataError
from sqlforge.core.schema import ForeignKey
from sqlforge.corpus.spider import read_spider, spider_databases
from sqlforge.corpus.store import read_databases, write_databases

SHOP: dict[str, Any] = {
    "db_id": "shop",
    "table_names_original": ["Clients", "Bills"],
    "table_names": ["clients", "invoices"],
    "column_names_original": [
        [-1, "*"],
        [0, "cid"],
        [0, "Full_Name"],
        [1, "bid"],
        [1, "cid"],
    ],
    "column_names": [[-1, "*"], [0, "client id"], [0, "full name"], [1, "bid"], [1, "client id"]],
    "column_types": ["text", "number", "text", "number", "number"],
    "primary_keys": [1, 3],
    "foreign_keys": [[4, 1]],
}
ROWS: list[dict[str, Any]] = [
    {"db_id": "shop", "question": "How many clients? ", "query": " SELECT count(*) FROM Clients"},
    {"db_id": "shop", "question": "Names?", "query": "SELECT Full_Name FROM Clients", "sql": {}},
]


def write(folder: Path, *, rows: list[Any] = ROWS, entry: dict[str, Any] = SHOP) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.json").write_text(json.dumps([entry], indent=1))
    (folder / "dev.json").write_text(json.dumps(rows, indent=1))
    return folder


def make_database(folder: Path) -> None:
    path = folder / "shop" / "shop.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE Bills"
            " (bid INTEGER PRIMARY KEY AUTOINCREMENT, cid INT REFERENCES Clients);"
            "CREATE TABLE Clients (cid INT PRIMARY KEY, Full_Name VARCHAR(20));"
            "CREATE TABLE extra (x BLOB);"
        )
    connection.close()


def test_a_database_without_a_file_keeps_the_schema_of_tables_json(tmp_path: Path) -> None:
    reading = read_spider(write(tmp_path), "dev")
    database = reading.dataset.databases["shop"]
    assert database.path is None
    assert [c.type for t in database.schema.tables for c in t.columns] == [
        "number",
        "text",
        "number",
        "number",
    ]
    assert database.schema.tables[1].foreign_keys == (ForeignKey(("cid",), "Clients", ("cid",)),)
    assert reading.notes == (
        "2 of 2 questions of spider-dev have no database file (shop): they can be trained on,"
        " not executed.",
    )


@pytest.mark.parametrize("has_file", [False, True])
def test_the_keys_that_tables_json_lists_are_kept_through_a_run_for_the_scorer(
    tmp_path: Path, has_file: bool
) -> None:
    entry = {**SHOP, "foreign_keys": [[4, 1], [3, 1]]}  # the file knows the first only
    write(tmp_path, entry=entry)
    if has_file:
        make_database(tmp_path / "database")
    database = read_spider(tmp_path, "dev").dataset.databases["shop"]
    assert database.listed_keys == (("Bills.cid", "Clients.cid"), ("Bills.bid", "Clients.cid"))
    write_databases(tmp_path / "databases.jsonl", [database])
    assert read_databases(tmp_path / "databases.jsonl")["shop"] == database
    assert spider_databases(tmp_path, ["shop"]) == {"shop": database}


def test_with_a_file_its_types_and_keys_count_and_the_order_is_the_published_one(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    make_database(tmp_path / "database")
    reading = read_spider(tmp_path, "dev")
    clients, bills, extra = reading.dataset.databases["shop"].schema.tables
    assert (clients.name, bills.name, extra.name) == ("Clients", "Bills", "extra")
    assert clients.columns[1].type == "VARCHAR(20)"
    assert bills.foreign_keys == (ForeignKey(("cid",), "Clients", ("cid",)),)
    assert clients.columns[0].primary_key
    assert clients.columns[0].description == "client id"
    assert clients.columns[1].description is None, "underscores are no difference"
    assert (clients.description, bills.description) == (None, "invoices")
    assert reading.notes == ()


def test_examples_carry_their_place_source_and_licence(tmp_path: Path) -> None:
    first, second = read_spider(write(tmp_path), "dev").dataset.examples
    assert (first.id, second.id) == ("spider-dev-0000", "spider-dev-0001")
    assert first.question == "How many clients?"
    assert first.sql == "SELECT count(*) FROM Clients"
    assert (first.source, first.licence, first.kind) == ("spider", "CC-BY-SA-4.0", None)


def test_the_folder_above_packed_files_and_a_packed_database_are_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", str(tmp_path / "cache"))
    folder = write(tmp_path / "spider")
    for name in ("tables.json", "dev.json"):
        (folder / f"{name}.xz").write_bytes(lzma.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    make_database(tmp_path / "outside")
    with tarfile.open(folder / "database.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "outside", "database")
    database = read_spider(tmp_path, "dev").dataset.databases["shop"]
    assert database.path is not None
    assert database.path.is_relative_to(tmp_path / "cache")


def test_the_other_questions_join_train_on_request(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "train_spider.json").write_text(json.dumps(ROWS[:1]))
    (tmp_path / "train_others.json").write_text(json.dumps(ROWS[1:]))
    assert len(read_spider(tmp_path, "train").dataset.examples) == 1
    ids = [e.id for e in read_spider(tmp_path, "train", others=True).dataset.examples]
    assert ids == ["spider-train-0000", "spider-others-0000"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"db_id": "shop", "question": "q"}, "the field 'query' is missing"),
        ({"db_id": "shop", "question": 3, "query": "q"}, "the field 'question' is a int"),
        ({"db_id": "shoop", "question": "q", "query": "q"}, "'shoop' is not in tables.json"),
        ("text", "a str instead of an object"),
    ],
)
def test_a_malformed_row_stops_by_line_or_is_skipped_and_listed(
    tmp_path: Path, row: object, said: str
) -> None:
    write(tmp_path, rows=[ROWS[0], row, ROWS[1]])
    with pytest.raises(DataError, match=rf"dev\.json, line 7 \(.*{said}"):
        read_spider(tmp_path, "dev")
    reading = read_spider(tmp_path, "dev", on_bad_row="skip")
    assert [e.id for e in reading.dataset.examples] == ["spider-dev-0000", "spider-dev-0002"]
    assert [(s.file.name, s.line) for s in reading.skipped] == [("dev.json", 7)]
    assert said in reading.skipped[0].reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"column_types": ["text"]}, "do not fit together"),
        ({"primary_keys": [99]}, "do not fit together"),
        ({"table_names": ["one"]}, "do not fit together"),
        ({"foreign_keys": [[1]]}, "is malformed"),
        ({"column_names": [3, 4]}, "is malformed"),
        ({"column_names_original": None}, "the field 'column_names_original' is a NoneType"),
    ],
)
def test_a_malformed_description_of_a_database_is_named(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    write(tmp_path, entry={**SHOP, **change})
    with pytest.raises(DataError, match=rf"tables\.json, line 2 \(.*{said}"):
        read_spider(tmp_path, "dev")


def test_spoken_names_in_another_order_than_the_tables_are_not_used(tmp_path: Path) -> None:
    entry = {**SHOP, "table_names": ["bills", "clients"]}
    schema = read_spider(write(tmp_path, entry=entry), "dev").dataset.databases["shop"].schema
    assert all(t.description is None for t in schema.tables)
    assert all(c.description is None for t in schema.tables for c in t.columns)


def test_a_composite_key_may_be_a_list(tmp_path: Path) -> None:
    entry = {**SHOP, "primary_keys": [1, [3, 4]]}
    schema = read_spider(write(tmp_path, entry=entry), "dev").dataset.databases["shop"].schema
    assert [c.primary_key for c in schema.tables[1].columns] == [True, True]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "database" / "shop" / "shop.sqlite"
    path.parent.mkdir(parents=True)
    path.write_text("no database, but long enough for SQLite to look at its header" * 20)
    with pytest.raises(DataError, match=r"shop\.sqlite"):
        read_spider(tmp_path, "dev")


def test_a_missing_benchmark_names_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"without tables\.json, .* or spider/tables\.json"):
        read_spider(tmp_path, "dev")
    write(tmp_path)
    with pytest.raises(DataError, match=r"without train_spider\.json, "):
        read_spider(tmp_path, "train")


@pytest.mark.usefixtures("own_cache")
def test_the_published_spider_is_read_whole(published_data: Path) -> None:
    dev = read_spider(published_data, "dev")
    train = read_spider(published_data, "train")
    assert (len(dev.dataset.examples), len(train.dataset.examples)) == (1034, 7000)
    assert (len(dev.dataset.databases), len(train.dataset.databases)) == (20, 140)
    assert dev.notes == ()
    assert train.notes[0].startswith("96 of 7000 questions")
    assert dev.skipped == train.skipped == ()
    declared = Counter(
        column.type
        for database in dev.dataset.databases.values()
        for table in database.schema.tables
        for column in table.columns
    )
    assert declared["INTEGER"] > 50
    assert not declared["number"]


@pytest.mark.usefixtures("own_cache")
def test_published_gold_queries_execute_but_for_three_that_fail_in_the_original(
    published_data: Path,
) -> None:
    failed: list[str] = []
    for split in ("train", "dev"):
        dataset = read_spider(published_data, split).dataset
        open_files: dict[str, sqlite3.Connection] = {}
        for example in dataset.examples:
            path = dataset.databases[example.db_id].path
            if path is None:
                continue
            if example.db_id not in open_files:
                open_files[example.db_id] = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
            try:  # prepared, not run: names and syntax are what the reader answers for
                open_files[example.db_id].execute(f"EXPLAIN {example.sql}")
            except sqlite3.Error:
                failed.append(example.id)
        for connection in open_files.values():
            connection.close()
    assert len(failed) <= 3
    assert all(name.startswith("spider-train") for name in failed)
