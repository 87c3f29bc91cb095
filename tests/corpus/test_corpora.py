import json
import lzma
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from corpora_files import create_context_rows, gretel_rows, write_create_context, write_gretel
from sqlforge.core.errors import DatabaseError, DataError
from sqlforge.corpus.clean import Dropped, Kept, Origin, Reason, Rules, clean
from sqlforge.corpus.files import SkippedRow
from sqlforge.corpus.gretel import open_gretel
from sqlforge.corpus.hub import hub_table
from sqlforge.corpus.own import UNKNOWN_LICENCE, open_own
from sqlforge.corpus.raw import RawRow, Source
from sqlforge.corpus.rows import Columns
from sqlforge.corpus.sql_create_context import open_sql_create_context


def ends(source: Source, rules: Rules | None = None) -> list[Kept | Dropped]:
    origin = Origin(source.name, source.licence, source.dialects)
    schemas = {name: database.schema for name, database in source.databases.items()}
    return [clean(row, origin, rules or Rules(), schemas) for row in source.rows([])]


def rows(source: Source) -> list[RawRow]:
    return list(source.rows([]))


def test_sql_create_context_is_read_in_its_published_layout(tmp_path: Path) -> None:
    write_create_context(tmp_path, 30)
    source = open_sql_create_context(tmp_path)
    assert (source.name, source.licence) == ("sql-create-context", "CC-BY-4.0")
    found, told = rows(source), create_context_rows(30)
    assert [row.id for row in found[:2]] == [
        "sql-create-context-000000",
        "sql-create-context-000001",
    ]
    assert [(r.question, r.ddl, r.sql) for r in found] == [
        (r["question"], r["context"], r["answer"]) for r in told
    ]
    assert all(isinstance(end, Kept) for end in ends(source))


@pytest.mark.parametrize(
    "place",
    ["sql_create_context_v4.json", "sql-create-context/train.jsonl.xz", "elsewhere/mine.jsonl"],
)
def test_the_places_where_local_files_are_looked_for(place: str, tmp_path: Path) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    lines = "\n".join(map(json.dumps, create_context_rows(3))).encode()
    file.write_bytes(lzma.compress(lines) if file.suffix == ".xz" else lines)
    path = file if "elsewhere" in place else None
    assert len(rows(open_sql_create_context(tmp_path, path=path))) == 3


def test_gretel_keeps_complexity_domain_and_task_type(tmp_path: Path) -> None:
    write_gretel(tmp_path)
    source = open_gretel(tmp_path)
    assert (source.name, source.licence) == ("gretel", "Apache-2.0")
    found = rows(source)
    assert [row.question for row in found] == [row["sql_prompt"] for row in gretel_rows()]
    assert found[0].kind == "aggregation"
    assert found[0].tags == (("domain", "forestry"), ("task_type", "analytics and reporting"))


def test_gretels_queries_in_other_dialects_stay_and_its_statements_by_choice(
    tmp_path: Path,
) -> None:
    write_gretel(tmp_path)
    source = open_gretel(tmp_path)
    assert [end.reason if isinstance(end, Dropped) else None for end in ends(source)] == [
        None,
        None,
        Reason.NOT_A_QUERY,
        Reason.NOT_A_QUERY,
    ]
    everything = ends(source, Rules(only_queries=False))
    assert all(isinstance(end, Kept) for end in everything)
    first = everything[0]
    assert isinstance(first, Kept) and first.schema is not None
    assert [column.name for column in first.schema.tables[0].columns] == ["id", "region", "volume"]


def test_gretels_parts_of_a_divided_file_are_numbered_through(tmp_path: Path) -> None:
    whole = write_gretel(tmp_path)
    data = tmp_path / "synthetic_text_to_sql" / "data"
    data.mkdir()
    for part in (0, 1):
        (data / f"train-0000{part}-of-00002.parquet").write_bytes(whole.read_bytes())
    whole.unlink()
    assert [row.id[-1] for row in rows(open_gretel(tmp_path))] == list("01234567")


def test_rows_keep_their_numbers_when_malformed_ones_are_left_out(tmp_path: Path) -> None:
    good, bad = '{"question": "a", "context": "b", "answer": "c"}\n', "{\n"
    folder = tmp_path / "sql_create_context"
    folder.mkdir()
    for part, content in enumerate(("", good + bad, good)):
        (folder / f"train-{part}.jsonl").write_text(content)
    skipped: list[SkippedRow] = []
    source = open_sql_create_context(tmp_path, on_bad_row="skip")
    assert [row.id[-2:] for row in source.rows(skipped)] == ["00", "02"]
    assert [row.line for row in skipped] == [2]


@pytest.mark.parametrize("opened", [open_sql_create_context, open_gretel])
def test_a_hub_that_does_not_answer_says_how_to_use_local_files(
    opened: Callable[[Path | None], Source], tmp_path: Path
) -> None:
    for data_dir in (None, tmp_path):  # no test reaches for a network: HF_HUB_OFFLINE is set
        with pytest.raises(DataError) as caught:
            opened(data_dir)
        sentence = str(caught.value)
        assert "from the hub" in sentence and "--data-dir" in sentence and "'path'" in sentence
        assert "put s" in sentence and "into DIR/s" in sentence and "\n" not in sentence


def test_the_hubs_library_gives_the_same_rows(tmp_path: Path) -> None:
    write_gretel(tmp_path)  # 'datasets' reads a folder as it reads a repository of the hub
    folder = tmp_path / "synthetic_text_to_sql"
    columns = Columns(("sql_prompt", "sql"), ("nowhere",))
    table = hub_table(str(folder), "train", columns, None, "-")
    assert table.count == 4
    assert [(place, row["sql_prompt"]) for place, row in table.rows()] == [
        (place, row["sql_prompt"]) for place, row in enumerate(gretel_rows())
    ]
    with pytest.raises(DataError, match="expected the columns 'question'"):
        hub_table(str(folder), "train", Columns(("question",)), None, "-")


# --- one's own ------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection:
        connection.execute("CREATE TABLE shop (id INTEGER, name TEXT)")
    return tmp_path / "shop.sqlite"


def test_ones_own_csv_with_ddl_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text('question,sql,schema\n"Who, then?",SELECT name FROM p,CREATE TABLE p (name)\n')
    source = open_own(file, name="mine", licence="CC-BY-NC-4.0")
    (end,) = ends(source)
    assert isinstance(end, Kept)
    assert (end.example.id, end.example.source) == ("mine-000000", "mine")
    assert end.example.licence == "CC-BY-NC-4.0"
    assert open_own(file).licence == UNKNOWN_LICENCE


def test_ones_own_rows_may_name_a_database_each_or_one_for_all(tmp_path: Path, shop: Path) -> None:
    each, one = tmp_path / "each.jsonl", tmp_path / "one.jsonl"
    row = {"question": "Who?", "sql": "SELECT name FROM shop"}
    each.write_text(json.dumps({**row, "database": str(shop)}) + "\n")
    one.write_text(json.dumps(row) + "\n")
    for source in (
        open_own(each),
        open_own(one, database=str(shop)),
        open_own(one, database=f"sqlite:///{shop}"),
    ):
        (database,) = source.databases.values()
        assert database.path == shop and database.schema.table("shop") is not None
        (end,) = ends(source)
        assert isinstance(end, Kept) and end.example.db_id == database.db_id


def test_ones_own_file_without_any_schema_says_what_was_expected(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("question,sql\nWho?,SELECT 1\n")
    with pytest.raises(DataError, match="'question', 'sql', 'schema'"):
        open_own(file)


def test_a_database_out_of_reach_is_named_without_its_password(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("question,sql\nWho?,SELECT 1\n")
    with pytest.raises(DatabaseError) as caught:
        open_own(file, database="sqlite:////nowhere/at/all.sqlite?password=s3cr3t")
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(DatabaseError, match=r"no file at .*absent\.sqlite"):
        open_own(file, database=str(tmp_path / "absent.sqlite"))


def test_a_hub_that_takes_the_call_and_says_nothing_is_given_up_soon(tmp_path: Path) -> None:
    code = (
        "from sqlforge.corpus import hub; from pathlib import Path\n"
        "from sqlforge.core.errors import DataError\n"
        "from sqlforge.corpus.gretel import open_gretel\n"
        "hub._PATIENCE = 0.5\n"
        "try: open_gretel(None)\n"
        "except DataError as told: print(told)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {**os.environ, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        told = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
    assert "from the hub (timed out)" in told and "--data-dir" in told
