import json
import lzma
from pathlib import Path

import pytest

from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.schema import Schema
from sqlforge.score.predictions_file import read_predictions

DATASET = Dataset(
    "demo",
    tuple(Example(f"x{i}", "?", "SELECT 1", db, "s", "l") for i, db in enumerate("aab")),
    {name: Database(name, Schema(())) for name in "ab"},
)


def read(folder: Path, text: str) -> list[tuple[str, str]]:
    path = folder / "predictions.txt"
    path.write_text(text)
    return [(p.id, p.sql) for p in read_predictions(path, DATASET)]


def test_one_sql_a_line_answers_in_order_and_an_empty_line_is_an_empty_answer(
    tmp_path: Path,
) -> None:
    expected = [("x0", "SELECT 1"), ("x1", ""), ("x2", "SELECT 3")]
    assert read(tmp_path, "SELECT 1\n\nSELECT 3\n") == expected
    assert read(tmp_path, "SELECT 1\r\n\r\nSELECT 3\r\n\r\n") == expected


def test_empty_answers_at_the_end_still_count(tmp_path: Path) -> None:
    assert read(tmp_path, "SELECT 1\n\n\n")[2] == ("x2", "")


def test_a_line_ends_at_its_first_tab_and_a_database_after_it_is_checked(tmp_path: Path) -> None:
    rows = read(tmp_path, "SELECT 1\ta\nSELECT\t2\ta\nSELECT\t3\n")
    assert [sql for _, sql in rows] == ["SELECT 1", "SELECT", "SELECT"]
    with pytest.raises(DataError, match=r"the database 'a' in .* line 3, expected 'b'"):
        read(tmp_path, "SELECT 1\ta\nSELECT 2\ta\nSELECT 3\ta\n")


def test_jsonl_is_matched_by_id_in_any_order_and_keeps_the_raw_text(tmp_path: Path) -> None:
    rows = [{"id": f"x{i}", "sql": f"SELECT {i}"} for i in (2, 0, 1)]
    rows[0]["text"] = "Sure! SELECT 2"
    path = tmp_path / "p.jsonl.xz"
    path.write_bytes(lzma.compress("\n".join(map(json.dumps, rows)).encode()))
    found = read_predictions(path, DATASET)
    assert [(p.id, p.sql) for p in found] == [(f"x{i}", f"SELECT {i}") for i in range(3)]
    assert [p.text for p in found] == ["SELECT 0", "SELECT 1", "Sure! SELECT 2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1\n", r"1 predictions in .* \(none from x1 on\), expected 3"),
        ("", r"0 predictions in .* \(none from x0 on\)"),
        ("a\nb\nc\nd\n", "4 predictions in .*, expected 3, one for each example of demo"),
        ('{"id": "x0", "sql": "s"}\n', r"1 predictions in .* \(no x1, x2\)"),
        ('{"id": "y", "sql": "s"}\n', "line 1 .no example 'y' in demo"),
        ('{"id": "x0", "sql": "s"}\n{"id": "x0", "sql": "s"}\n', "line 2 .a second prediction"),
        ('{"id": "x0"}\n', "line 1 .the field 'sql' is missing"),
        ('{"id": "x0", \n', "line 1 .no valid JSON"),
        ('{"id": ' * 100_000, "line 1 .no valid JSON: nested too deeply"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_what_is_wrong(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, text)


FENCED = "Sure!\n```sql\nSELECT {} FROM t;\n```\nThat is all of them."


def test_fences_and_prose_are_left_alone_unless_extraction_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    rows = [{"id": f"x{i}", "sql": FENCED.format(i)} for i in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [p.sql for p in read_predictions(path, DATASET)] == [FENCED.format(i) for i in range(3)]
    found = read_predictions(path, DATASET, extract=True)
    assert [p.sql for p in found] == [f"SELECT {i} FROM t" for i in range(3)]
    assert [p.text for p in found] == [FENCED.format(i) for i in range(3)]


def test_extraction_reads_the_text_of_a_row_before_its_sql(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    rows = [{"id": f"x{i}", "text": FENCED.format(i)} for i in range(3)]
    rows[1]["sql"] = "SELECT 9"
    path.write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    found = read_predictions(path, DATASET, extract=True)
    assert [p.sql for p in found] == [f"SELECT {i} FROM t" for i in range(3)]
    with pytest.raises(DataError, match="the field 'sql' is missing"):
        read_predictions(path, DATASET)
    path.write_text('{"id": "x0"}\n')
    with pytest.raises(DataError, match="the field 'sql' is missing"):
        read_predictions(path, DATASET, extract=True)


def test_extraction_takes_the_query_out_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "predictions.txt"
    path.write_text("SQL: SELECT 1; it returns one\n`SELECT 2`\nI do not know.\n")
    found = [p.sql for p in read_predictions(path, DATASET, extract=True)]
    assert found == ["SELECT 1", "SELECT 2", "I do not know."]
