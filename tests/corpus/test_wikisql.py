import json
import lzma
import sqlite3
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.corpus.wikisql_rows import exact_number, number_in

TABLE: dict[str, Any] = {
    "id": "7-42-1",
    "header": ["Ship", "Crew (max)", "Built", "", "ship", "Order"],
    "types": ["text", "real", "real", "text", "text", "text"],
    "rows": [
        ["Ånderk", "1,200", "1999", "a", "x", "3"],
        ["Öland", "80", "-5.5", "B", "y", "12"],
        ["Mary's Hope", "", "2001", "b", "z", "2"],
    ],
    "page_title": "Ships  of\nthe line",
}


def ask(sel: int, agg: int = 0, *conds: list[Any], table: str = "7-42-1") -> dict[str, Any]:
    return {
        "table_id": table,
        "question": " Which\xa0one?  ",
        "sql": {"sel": sel, "agg": agg, "conds": list(conds)},
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "wikisql"


def write(folder: Path, *questions: object, tables: tuple[object, ...] = (TABLE,)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("dev.jsonl", questions), ("dev.tables.jsonl", tables)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def answers(dataset: Dataset) -> list[list[Any]]:
    results = []
    for example in dataset.examples:
        path = dataset.databases[example.db_id].path
        assert path is not None
        connection = sqlite3.connect(path)
        results.append([row[0] for row in connection.execute(example.sql)])
        connection.close()
    return results


def test_a_structured_query_becomes_sql_over_the_real_names(folder: Path) -> None:
    dataset = read_wikisql(write(folder, ask(1, 1, [0, 0, "MARY'S hope"])), "dev").dataset
    (example,) = dataset.examples
    assert example.sql == "SELECT MAX(\"Crew (max)\") FROM table_7_42_1 WHERE Ship = 'Mary''s Hope'"
    assert (example.id, example.db_id) == ("wikisql-dev-00000", "7-42-1")
    assert example.question == "Which one?"
    assert (example.source, example.licence) == ("wikisql", "BSD-3-Clause")


def test_headers_become_unique_names_quoted_where_sql_needs_it(folder: Path) -> None:
    questions = [ask(3), ask(4), ask(5, 3)]
    dataset = read_wikisql(write(folder, *questions), "dev").dataset
    assert [e.sql for e in dataset.examples] == [
        "SELECT column_4 FROM table_7_42_1",
        'SELECT "ship 2" FROM table_7_42_1',
        'SELECT COUNT("Order") FROM table_7_42_1',
    ]
    (table,) = dataset.databases["7-42-1"].schema.tables
    assert [c.name for c in table.columns][3:] == ["column_4", "ship 2", "Order"]
    assert [c.type for c in table.columns][:2] == ["TEXT", "REAL"]
    assert table.description == "Ships of the line"


def test_text_compares_without_case_and_keeps_its_spelling(folder: Path) -> None:
    questions = [
        ask(3, 0, [3, 0, "B"]),
        ask(0, 0, [0, 0, "ånderk"]),  # beyond ASCII: the cell's spelling goes into the SQL
        ask(0, 0, [0, 0, "ärendel"]),
        ask(3, 2),
        ask(3, 0, [3, 1, "A"]),
    ]
    dataset = read_wikisql(write(folder, *questions), "dev").dataset
    assert answers(dataset) == [["B", "b"], ["Ånderk"], [], ["a"], ["B", "b"]]
    assert "'Ånderk'" in dataset.examples[1].sql


def test_real_columns_compare_as_numbers_and_text_columns_as_text(folder: Path) -> None:
    questions = [
        ask(0, 0, [1, 0, "1,200"]),
        ask(0, 0, [1, 0, "some 80 men"]),
        ask(0, 0, [2, 2, 1999.5]),
        ask(5, 1),  # text: '3' is the greatest of '12', '2', '3'
        ask(0, 0, [5, 0, 12]),
        ask(2, 4),
        ask(0, 0, [1, 0, "none"]),
    ]
    dataset = read_wikisql(write(folder, *questions), "dev").dataset
    assert answers(dataset) == [
        ["Ånderk"],
        ["Öland"],
        ["Ånderk", "Öland"],
        ["3"],
        ["Öland"],
        [1999 - 5.5 + 2001],
        [],
    ]
    assert '"Crew (max)" = 1200' in dataset.examples[0].sql
    assert "Built < 1999.5" in dataset.examples[2].sql


@pytest.mark.parametrize(
    ("text", "whole", "within"),
    [
        ("1,234,567", 1234567, 1234567),
        ("0,2", 2, 2),
        ("-3 up", None, 3),
        ("-3.5 up", None, -3.5),
        (".5", 0.5, 0.5),
        ("nan", None, None),
        ("1e999", None, 1),
        ("", None, None),
    ],
)
def test_numbers_are_read_as_officially(
    text: str, whole: float | None, within: float | None
) -> None:
    assert exact_number(text) == whole
    assert number_in(text) == within


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (ask(0, table="0-0-0"), "the table '0-0-0' is unknown"),
        (ask(6), "a column number outside 0 to 5"),
        (ask(0, 0, [-1, 0, "x"]), "a column number outside 0 to 5"),
        (ask(0, 6), "the aggregate 6"),
        (ask(0, 0, [0, 3, "x"]), "unknown operator"),
        (ask(0, 0, [0, 0]), "not .column, operator, value."),
        (ask(0, 0, [0, 0, None]), "without a value"),
        ({"table_id": "7-42-1", "question": "?"}, "the field 'sql' is missing"),
    ],
)
def test_a_malformed_question_stops_by_line_or_is_skipped_and_listed(
    folder: Path, question: object, said: str
) -> None:
    write(folder, ask(0), question, ask(1))
    with pytest.raises(DataError, match=rf"dev\.jsonl, line 2 \(.*{said}"):
        read_wikisql(folder, "dev")
    reading = read_wikisql(folder, "dev", on_bad_row="skip")
    ids = [e.id for e in reading.dataset.examples]
    assert ids == ["wikisql-dev-00000", "wikisql-dev-00002"]
    assert [s.line for s in reading.skipped] == [2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"types": ["text"]}, "6 headers but 1 types"),
        ({"types": ["text"] * 5 + ["date"]}, "not text or real"),
        ({"rows": [["too short"]]}, "more or fewer cells"),
        ({"header": [], "types": []}, "0 columns, not 1 to 2000"),
        ({"rows": None}, "the field 'rows' is a NoneType"),
        ({"id": "7-42-2"}, "the table '7-42-2' occurs twice"),
        ({"id": "7_42_2"}, "the table '7_42_2' occurs twice"),
    ],
)
def test_a_malformed_table_is_named_also_when_the_rows_come_from_the_cache(
    folder: Path, change: dict[str, Any], said: str
) -> None:
    other = {**TABLE, "id": "7-42-2"}
    write(folder, ask(0), tables=(TABLE, other, {**TABLE, "id": "9-9-9", **change}))
    with pytest.raises(DataError, match=rf"dev\.tables\.jsonl, line 3 \(.*{said}"):
        read_wikisql(folder, "dev")
    for _ in range(2):
        reading = read_wikisql(folder, "dev", on_bad_row="skip")
        assert [(s.file.name, s.line) for s in reading.skipped] == [("dev.tables.jsonl", 3)]
    with pytest.raises(DataError, match=said):
        read_wikisql(folder, "dev")


def test_only_tables_that_are_asked_about_become_databases(folder: Path) -> None:
    write(folder, ask(0), tables=(TABLE, {**TABLE, "id": "7-42-2"}))
    assert list(read_wikisql(folder, "dev").dataset.databases) == ["7-42-1"]


@pytest.mark.parametrize("packed", [True, False])
def test_the_official_layout_is_read_packed_and_unpacked(
    folder: Path, tmp_path: Path, packed: bool
) -> None:
    data = write(folder / "data", ask(0))
    if packed:
        with tarfile.open(folder / "data.tar.bz2", "w:bz2") as tar:
            tar.add(data, "data")
        for path in data.iterdir():
            path.unlink()
        data.rmdir()
    assert len(read_wikisql(tmp_path, "dev").dataset.examples) == 1


def test_a_missing_split_names_what_was_looked_for(folder: Path) -> None:
    write(folder, ask(0))
    with pytest.raises(DataError, match=r"without test\.tables\.jsonl, .*data\.tar\.bz2"):
        read_wikisql(folder, "test")
    (folder / "dev.jsonl").unlink()
    with pytest.raises(DataError, match=r"without dev\.jsonl"):
        read_wikisql(folder, "dev")


@pytest.mark.parametrize(("count", "name"), [(1, "wikisql-held-out-tables"), (2, "wikisql-test")])
def test_only_the_official_test_split_goes_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, name: str
) -> None:
    monkeypatch.setattr("sqlforge.corpus.wikisql._OFFICIAL_TEST", 2)
    write(folder, *[ask(0)] * count)
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("dev", "test"))
    reading = read_wikisql(folder, "test")
    assert reading.dataset.name == name
    assert [note for note in reading.notes if "held-out" in note] == list(reading.notes)
    assert bool(reading.notes) == (count == 1)
    assert reading.dataset.examples[0].id == "wikisql-test-00000"


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("split", "examples", "null", "empty"), [("test", 5554, 458, 22), ("train", 42136, 3207, 133)]
)
def test_every_published_gold_executes(
    published_data: Path, split: Any, examples: int, null: int, empty: int
) -> None:
    dataset = read_wikisql(published_data, split).dataset
    found: Counter[str] = Counter()
    open_files: dict[Path, sqlite3.Connection] = {}
    for example in dataset.examples:
        path = dataset.databases[example.db_id].path
        assert path is not None
        if path not in open_files:
            open_files[path] = sqlite3.connect(path)
        rows = open_files[path].execute(example.sql).fetchall()
        found["empty" if not rows else "null" if rows == [(None,)] else "rows"] += 1
    for connection in open_files.values():
        connection.close()
    assert found == {"rows": examples - null - empty, "null": null, "empty": empty}


@pytest.mark.usefixtures("own_cache")
def test_results_equal_an_execution_over_lower_cased_tables(published_data: Path) -> None:
    dataset = read_wikisql(published_data, "test").dataset
    folder = published_data / "wikisql"
    with lzma.open(folder / "test.tables.jsonl.xz", "rt", encoding="utf-8") as file:
        tables = {table["id"]: table for table in map(json.loads, file)}
    with lzma.open(folder / "test.jsonl.xz", "rt", encoding="utf-8") as file:
        questions = [json.loads(line) for line in file]
    files: dict[Path, sqlite3.Connection] = {}
    lowered: dict[str, sqlite3.Connection] = {}
    for example, question in zip(dataset.examples, questions, strict=True):
        table = tables[question["table_id"]]
        if table["id"] not in lowered:
            for old in lowered.values():
                old.close()
            lowered = {table["id"]: _lowered(table)}
        expected = _official(lowered[table["id"]], question["sql"], table["types"])
        path = dataset.databases[example.db_id].path
        assert path is not None
        if path not in files:
            files[path] = sqlite3.connect(path)
        rows = [value for (value,) in files[path].execute(example.sql)]
        assert [v.lower() if isinstance(v, str) else v for v in rows] == expected, example
    for connection in (*files.values(), *lowered.values()):
        connection.close()


def _lowered(table: dict[str, Any]) -> sqlite3.Connection:
    """The table as officially stored: numbered columns, text in lower case."""
    connection = sqlite3.connect(":memory:")
    declared = ", ".join(f"col{i} {kind}" for i, kind in enumerate(table["types"]))
    connection.execute(f"CREATE TABLE t ({declared})")
    rows = [
        [
            _number(cell) if kind == "real" else cell.lower()
            for cell, kind in zip(row, table["types"], strict=True)
        ]
        for row in table["rows"]
    ]
    connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(table['types']))})", rows)
    return connection


def _number(cell: str) -> float | str:
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        return cell.lower()


def _official(connection: sqlite3.Connection, query: dict[str, Any], types: list[str]) -> list[Any]:
    selected = f"col{query['sel']}"
    if query["agg"]:
        selected = f"{('', 'MAX', 'MIN', 'COUNT', 'SUM', 'AVG')[query['agg']]}({selected})"
    conditions = [f"col{column} {'=><'[op]} ?" for column, op, _ in query["conds"]]
    values = [
        float(value.replace(",", "")) if types[column] == "real" else value.lower()
        for column, _, value in query["conds"]
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return [value for (value,) in connection.execute(f"SELECT {selected} FROM t{where}", values)]
