import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sqlforge.core.errors import DataError
from sqlforge.corpus.files import OnBadRow, SkippedRow
from sqlforge.corpus.rows import Columns, count_rows, read_rows

COLUMNS = Columns(("question", "sql"), ("kind",))
ROWS = [
    {"question": "Wie heißt der Laden?", "sql": "SELECT name\nFROM shop", "kind": "a", "more": "x"},
    {"question": "Who, exactly?", "sql": 'SELECT "name" FROM shop', "kind": None, "more": "y"},
]
EXPECTED = [
    (i, {name: row[name] for name in ("question", "sql", "kind")}) for i, row in enumerate(ROWS)
]


def as_jsonl(rows: list[dict[str, str | None]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(rows: list[dict[str, str | None]], delimiter: str = ",") -> bytes:
    def cell(value: str | None) -> str:
        return '"' + (value or "").replace('"', '""') + '"'

    lines = [delimiter.join(rows[0])]
    lines += [delimiter.join(cell(value) for value in row.values()) for row in rows]
    return "\r\n".join(lines).encode()


def as_parquet(path: Path, rows: list[dict[str, str | None]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path, compression="snappy", row_group_size=1)


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


def read(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    return [(place, dict(row)) for place, row in read_rows(path, COLUMNS)]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstd)],
)
@pytest.mark.parametrize("layout", ["jsonl", "ndjson", "json", "lines.json", "csv", "tsv"])
def test_every_layout_gives_the_same_rows_plain_and_packed(
    layout: str, suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = {
        "json": json.dumps(ROWS, indent=1).encode(),
        "csv": as_csv(ROWS),
        "tsv": as_csv(ROWS, "\t"),
    }.get(layout, as_jsonl(ROWS))
    path = tmp_path / f"rows.{layout}{suffix}"
    path.write_bytes(pack(content))
    found = [(place, {**row, "kind": row["kind"] or None}) for place, row in read(path)]
    assert found == EXPECTED


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    as_parquet(tmp_path / "rows.snappy.parquet", ROWS)
    assert read(tmp_path / "rows.snappy.parquet") == EXPECTED


@pytest.mark.parametrize("layout", ["jsonl", "json", "csv", "parquet"])
def test_a_renamed_column_is_named_with_what_was_expected(layout: str, tmp_path: Path) -> None:
    renamed = [{"question": row["question"], "sql_query": row["sql"]} for row in ROWS]
    path = tmp_path / f"rows.{layout}"
    if layout == "parquet":
        as_parquet(path, renamed)
    else:
        make = {"jsonl": as_jsonl, "csv": as_csv}.get(layout, lambda r: json.dumps(r).encode())
        path.write_bytes(make(renamed))
    with pytest.raises(DataError) as caught:
        list(read_rows(path, COLUMNS, on_bad_row="skip"))
    sentence = str(caught.value)
    assert str(path) in sentence and "the columns 'question', 'sql_query'" in sentence
    assert "expected the columns 'question', 'sql'" in sentence
    assert "rename 'sql_query' to 'sql'" in sentence


def test_a_missing_column_that_nothing_resembles_is_to_be_added(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,question,when\n1,Who?,now\n")
    with pytest.raises(DataError, match="add the column 'sql'"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        (
            "a.jsonl",
            as_jsonl(ROWS)[:-1] + b'\n{"question": "caf\xe9"}\n',
            3,
            "not UTF-8 .byte 0xe9",
        ),
        ("b.csv", as_csv(ROWS) + b'\r\n"caf\xe9",b,c,d', 5, "'question' is not UTF-8"),
        ("c.jsonl", as_jsonl(ROWS) + b'{"question": "x"}', 3, "the field 'sql' is missing"),
        ("d.jsonl", as_jsonl(ROWS) + b'{"question": "x", "sql": 3}', 3, "'sql' is a int"),
        ("e.csv", as_csv(ROWS) + b"\r\nonly,two", 5, "2 cells under 4 columns"),
        ("f.jsonl", as_jsonl(ROWS) + b'["a", "b"]', 3, "a list instead of an object"),
        ("g.csv", as_csv(ROWS) + b"\r\na\x00,b,c,d", 5, "NUL"),
    ],
)
def test_a_malformed_row_stops_the_reading_by_its_line_or_is_left_out(
    name: str, content: bytes, line: int, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{name}, line {line} .*{reason}"):
        read(path)
    skipped: list[SkippedRow] = []
    rows = list(read_rows(path, COLUMNS, on_bad_row="skip", skipped=skipped))
    assert len(rows) == 2
    assert [(row.file, row.line) for row in skipped] == [(path, line)]


def test_a_broken_cell_of_parquet_is_one_row_and_not_the_file(tmp_path: Path) -> None:
    binary = pa.array([b"good", b"caf\xe9", b"good"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, binary.buffers())
    table = pa.table({"question": text, "sql": pa.array(["SELECT 1"] * 3)})
    pq.write_table(table, tmp_path / "a.parquet")
    skipped: list[SkippedRow] = []
    path = tmp_path / "a.parquet"
    rows = list(read_rows(path, COLUMNS, on_bad_row="skip", skipped=skipped))
    assert [place for place, _ in rows] == [0, 2]
    assert [(row.line, row.reason) for row in skipped] == [
        (2, "the column 'question' is not UTF-8")
    ]


def test_a_truncated_file_is_one_sentence(tmp_path: Path) -> None:
    many = as_jsonl(ROWS * 2_000)
    as_parquet(tmp_path / "whole.parquet", ROWS)
    for name, content in (
        ("a.jsonl.gz", gzip.compress(many)[:-50]),
        ("a.jsonl.xz", lzma.compress(many)[:-50]),
        ("a.jsonl.zst", zstd(many)[:-50]),
        ("b.jsonl.zst", b"no archive at all"),
        ("a.parquet", (tmp_path / "whole.parquet").read_bytes()[:-30]),
        ("b.parquet", b"no Parquet at all"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="truncated or ") as caught:
            read(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_cell_of_fifty_megabytes_is_read_in_every_layout(tmp_path: Path) -> None:
    rows = [{"question": "x" * 50_000_000, "sql": "SELECT 1"}]
    (tmp_path / "a.jsonl").write_bytes(as_jsonl(rows))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "a.csv").write_bytes(as_csv(rows))
    as_parquet(tmp_path / "a.parquet", rows)
    for name in ("a.jsonl", "a.json", "a.csv", "a.parquet"):
        ((_, row),) = read(tmp_path / name)
        assert len(row["question"] or "") == 50_000_000


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.parquet.gz", "rows.xz"])
def test_a_name_that_does_not_say_how_to_read_it_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="whose name does not say"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet", "a.jsonl.zst"])
def test_a_file_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file .*" + name):
        read(tmp_path / name)


def test_a_json_list_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlforge.corpus.files._BLOCK", 7)
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=1))
    assert read(tmp_path / "a.json") == EXPECTED
    (tmp_path / "b.json").write_text(
        '[\n{"question": "a", "sql": "b"},\n{"question" oops},\n{"question": "c", "sql": "d"}\n]'
    )
    skipped: list[SkippedRow] = []
    path = tmp_path / "b.json"
    rows = list(read_rows(path, COLUMNS, on_bad_row="skip", skipped=skipped))
    assert [row["question"] for _, row in rows] == ["a", "c"]
    assert [row.line for row in skipped] == [3]


def test_rows_are_counted_without_parsing_where_that_can_be_done(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(as_jsonl(ROWS * 3)))
    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    as_parquet(tmp_path / "a.parquet", ROWS)
    (tmp_path / "b.parquet").write_bytes(b"no Parquet at all")
    counts = [count_rows(tmp_path / f"{name}") for name in ("a.jsonl.gz", "a.json", "a.parquet")]
    assert counts == [6, None, 2]
    assert count_rows(tmp_path / "b.parquet") is None


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 100_000], ids=["digits", "brackets"])
@pytest.mark.parametrize("layout", ["json", "jsonl"])
def test_json_that_python_does_not_read_is_one_malformed_row(
    layout: str, value: str, tmp_path: Path
) -> None:
    rows = [f'{{"question": "a", "sql": "b", "more": {value}}}', '{"question": "c", "sql": "d"}']
    text = f"[{', '.join(rows)}]" if layout == "json" else "\n".join(rows)
    (tmp_path / f"rows.{layout}").write_text(text)
    skipped: list[SkippedRow] = []
    read = read_rows(tmp_path / f"rows.{layout}", COLUMNS, on_bad_row="skip", skipped=skipped)
    assert [(position, row["question"]) for position, row in read] == [(1, "c")]
    assert [(row.line, row.reason[:13]) for row in skipped] == [(1, "no valid JSON")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("question,sql\na,b\n".encode("utf-16"), "which is not UTF-8"),
        ("question,größe,sql\na,1,b\n".encode("latin-1"), "which is not UTF-8"),
        (b"question,sql\ra,b\r", "line 1 .new-line character seen"),
        (b"", "expected the columns 'question', 'sql'"),
    ],
    ids=["UTF-16", "Latin-1", "carriage returns", "empty"],
)
def test_a_broken_first_line_of_csv_is_one_sentence(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(read_rows(tmp_path / "rows.csv", COLUMNS))
    assert str(caught.value).encode()  # it can be printed


@pytest.mark.parametrize("on_bad_row", ["stop", "skip"])
@pytest.mark.parametrize("rest", ["", "\nc,d\ne,f\n"], ids=["truncated", "never closed"])
def test_a_csv_file_that_ends_within_a_quoted_cell_is_not_read_as_a_shorter_one(
    rest: str, on_bad_row: OnBadRow, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text(f'question,sql\n"a\nb",c\nd,"SELECT a FROM{rest}')
    with pytest.raises(DataError, match="ends within the quoted cell of line 4"):
        list(read_rows(tmp_path / "rows.csv", COLUMNS, on_bad_row=on_bad_row))
