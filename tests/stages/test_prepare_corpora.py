"""``prepare`` on corpora that are read row by row: cleaned, mixed, held out, audited, resumed."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpora_files import create_context_rows, write_create_context, write_gretel
from published import write_tiny_spider
from sqlforge.core.config import Recipe
from sqlforge.core.errors import DataError
from sqlforge.core.run_dir import RunDir, open_run
from sqlforge.corpus import chunks
from sqlforge.corpus.fingerprints import table_signature
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.stages.prepare import Prepared, prepare

pytestmark = pytest.mark.xdist_group("prepare")
CONTEXT = {"source": "b-mc2/sql-create-context"}
GRETEL = {"source": "gretelai/synthetic_text_to_sql"}


def recipe_of(data: dict[str, Any], seed: int = 7) -> Recipe:
    data = {"test": [{"source": "synthetic", "rows": 2}], "synthetic_max_tables": 1, **data}
    return Recipe.model_validate(
        {"name": "tiny", "seed": seed, "model": {"name": "smollm2-135m"}, "data": data}
    )


def prepared(
    folder: Path,
    data: dict[str, Any],
    data_dir: Path | None,
    *,
    processes: int = 1,
    seed: int = 7,
    told: list[str] | None = None,
) -> tuple[RunDir, Prepared]:
    recipe = recipe_of(data, seed)
    run = open_run(folder, recipe)
    said = [] if told is None else told
    return run, prepare(recipe, run, data_dir, said.append, processes=processes)


def ids(run: RunDir, split: str) -> list[str]:
    return [example.id for example in read_examples(run.data_file(f"{split}.jsonl"))]


def drops(run: RunDir) -> list[dict[str, str]]:
    lines = (run.data / "dropped.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    write_create_context(tmp_path / "data", 120)
    write_gretel(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "ROWS", 25)


def test_two_corpora_become_one_training_set_with_domains_and_licences(
    corpora: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    run, found = prepared(tmp_path / "run", {"train": [CONTEXT, GRETEL]}, corpora, told=told)
    examples = read_examples(run.data_file("train.jsonl"))
    assert found.train == len(examples) == 122
    assert Counter(e.licence for e in examples) == {"CC-BY-4.0": 120, "Apache-2.0": 2}
    last = examples[-1]
    assert last.kind == "basic SQL"
    assert last.tags == (("domain", "forestry"), ("task_type", "data retrieval"))
    databases = read_databases(run.data_file("databases.jsonl"))
    assert databases[last.db_id].path is None
    assert databases[last.db_id].schema.table("timber") is not None
    assert examples[-2].db_id == last.db_id, "equal contexts are one database"
    licences = json.loads((run.data / "licences.json").read_text())
    assert licences["gretel"] == "Apache-2.0" and licences["sql-create-context"] == "CC-BY-4.0"
    said = "\n".join(told)
    assert "sql-create-context: 120 rows read, 120 fit for training" in said
    assert "share-alike parts: none" in said and "made out of WikiSQL and Spider" in said


def test_every_row_left_out_is_listed_with_its_reason_and_counted(
    corpora: Path, tmp_path: Path
) -> None:
    rows = create_context_rows(5)
    rows[1]["answer"] = "SELECT nothing FROM nowhere"
    rows[2]["answer"] = ""
    rows[4] = {**rows[0], "question": rows[0]["question"].upper()}
    file = corpora / "sql_create_context" / "sql_create_context_v4.json"
    file.write_text(json.dumps(rows))
    run, found = prepared(tmp_path / "run", {"train": [CONTEXT, GRETEL]}, corpora)
    assert found.dropped == {
        "sql-create-context": {
            "no SQL": 1,
            "gold names what its schema lacks": 1,
            "duplicate": 1,
        },
        "gretel": {"not a query": 2},
    }
    assert json.loads((run.data / "cleaning.json").read_text()) == found.dropped
    listed = {row["id"]: (row["source"], row["reason"], row["detail"]) for row in drops(run)}
    assert listed["sql-create-context-000001"] == (
        "sql-create-context",
        "gold names what its schema lacks",
        "table nowhere",
    )
    assert listed["sql-create-context-000004"][1:] == ("duplicate", "of sql-create-context-000000")
    assert listed["gretel-train-000003"][1:] == ("not a query", "UPDATE")
    assert len(listed) == 5


def test_statements_stay_if_the_recipe_wants_them(corpora: Path, tmp_path: Path) -> None:
    data = {"train": [GRETEL], "clean": {"statements": "all"}}
    _, found = prepared(tmp_path / "run", data, corpora)
    assert found.train == 4 and found.dropped == {"gretel": {}}


def test_the_bytes_are_the_same_for_any_number_of_processes_and_any_place(
    corpora: Path, tmp_path: Path, small_chunks: None
) -> None:
    write_tiny_spider(corpora / "spider")
    shutil.copytree(corpora, tmp_path / "moved")
    data = {
        "train": [{**CONTEXT, "cap": 100}, GRETEL, {"source": "spider"}],
        "test": [{"source": "internal", "rows": 10}, {"source": "spider"}],
        "audit": {"against": ["spider-dev"]},
    }
    digests = [
        prepared(tmp_path / name, data, folder, processes=processes)[1].output_sha256
        for name, folder, processes in (
            ("one", corpora, 1),
            ("two", corpora, 2),
            ("three", tmp_path / "moved", 3),
        )
    ]
    assert len(set(digests)) == 1
    assert prepared(tmp_path / "other", data, corpora, seed=8)[1].output_sha256 != digests[0]


def test_databases_are_found_again_wherever_the_published_files_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tiny_spider(tmp_path / "data" / "spider").parent
    data = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    run, _ = prepared(tmp_path / "run", data, folder)
    for database in read_databases(run.data_file("databases.jsonl")).values():
        assert database.path is not None and database.path.is_file()
    folder.rename(tmp_path / "moved")
    monkeypatch.setenv("SQLFORGE_DATA_DIR", str(tmp_path / "moved"))
    for database in read_databases(run.data_file("databases.jsonl")).values():
        assert database.path is not None and database.path.is_file()


def killed_while_cleaning(run: Path, recipe: Path, data_dir: Path) -> None:
    """Start ``prepare`` and kill it with SIGKILL, with its workers, after the second chunk."""
    code = (
        "import sys; from sqlforge.corpus import chunks; chunks.ROWS = 25\n"
        "from sqlforge.cli import main; main()"
    )
    words = ["prepare", recipe, "--out", run, "--data-dir", data_dir, "--processes", 1]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(list(run.glob("data.partial/*/*.jsonl"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_prepare_goes_on_with_its_whole_chunks_and_ends_with_the_same_bytes(
    tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_create_context(tmp_path / "data", 1_500)
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(recipe_of({"train": [CONTEXT]}).model_dump(mode="json")))
    killed_while_cleaning(tmp_path / "run", recipe, tmp_path / "data")
    assert not (tmp_path / "run" / "data").exists()
    whole = sorted((tmp_path / "run").glob("data.partial/*/*.jsonl"))
    assert 2 <= len(whole) < 60
    before = {path: path.stat().st_mtime_ns for path in whole}

    kept: dict[Path, int] = {}
    real = chunks.remove_others

    def noting(above: Path, keep: Any) -> None:
        kept.update({path: path.stat().st_mtime_ns for path in whole})
        real(above, keep)

    with monkeypatch.context() as patch:
        patch.setattr("sqlforge.stages.prepare.remove_others", noting)
        run, found = prepared(tmp_path / "run", {"train": [CONTEXT]}, tmp_path / "data")
    assert kept == before, "chunks that were whole were not made again"
    _, fresh = prepared(tmp_path / "fresh", {"train": [CONTEXT]}, tmp_path / "data")
    assert found.output_sha256 == fresh.output_sha256
    assert sorted(p.name for p in run.path.iterdir()) == ["data", "manifest.json", "recipe.yaml"]


def test_chunks_of_other_inputs_or_rules_are_not_taken(
    tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(folder: Path, data: dict[str, Any]) -> set[str]:
        """Clean, then stop before the chunks are removed."""
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("sqlforge.stages.prepare.remove_others", _interrupted)
            prepared(tmp_path / "run", data, folder)
        return {path.name for path in (tmp_path / "run" / "data.partial").iterdir()}

    write_create_context(tmp_path / "data", 60)
    first = stopped(tmp_path / "data", {"train": [CONTEXT]})
    assert stopped(tmp_path / "data", {"train": [CONTEXT]}) == first
    write_create_context(tmp_path / "data", 61)
    assert len(stopped(tmp_path / "data", {"train": [CONTEXT]})) == 2
    run, found = prepared(tmp_path / "run", {"train": [CONTEXT]}, tmp_path / "data")
    assert found.train == 61 and not (run.path / "data.partial").exists()


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_malformed_row_far_down_keeps_the_chunks_before_it(
    tmp_path: Path, small_chunks: None
) -> None:
    file = tmp_path / "data" / "sql_create_context" / "train.jsonl"
    file.parent.mkdir(parents=True)
    lines = [json.dumps(row) for row in create_context_rows(60)]
    file.write_text("\n".join([*lines, '{"question": ']))
    with pytest.raises(DataError, match=r"train\.jsonl, line 61"):
        prepared(tmp_path / "run", {"train": [CONTEXT]}, tmp_path / "data")
    assert len(list((tmp_path / "run").glob("data.partial/*/*.jsonl"))) >= 1
    assert not (tmp_path / "run" / "data").exists()
    data = {"train": [CONTEXT], "skip_bad_rows": True}
    _, found = prepared(tmp_path / "other", data, tmp_path / "data")
    assert (found.train, [row.line for row in found.skipped]) == (60, [61])


# --- the mix --------------------------------------------------------------------------------------


def test_weights_share_out_a_mix_and_caps_bound_it(corpora: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(
        "question,sql,schema\n"
        + "".join(
            f'Which a is number {i}?,SELECT a FROM t WHERE b = {i},"CREATE TABLE t (a, b)"\n'
            for i in range(50)
        )
    )
    part = {"source": "own", "path": str(own), "name": "mine", "licence": "MIT"}
    data = {
        "train": [{**CONTEXT, "weight": 3}, {**part, "weight": 1}, {**GRETEL, "cap": 1}],
        "train_rows": 41,
    }
    run, found = prepared(tmp_path / "run", data, corpora)
    assert found.train == 41
    counts = Counter(e.source for e in read_examples(run.data_file("train.jsonl")))
    assert counts == {"sql-create-context": 30, "mine": 10, "gretel": 1}
    exact = {"train": [{**CONTEXT, "rows": 17}, {**GRETEL, "cap": 900}]}
    run, found = prepared(tmp_path / "exact", exact, corpora)
    assert found.train == 19
    with pytest.raises(DataError, match="120 train examples of sql-create-context"):
        prepared(tmp_path / "more", {"train": [{**CONTEXT, "rows": 121}]}, corpora)


# --- held-out splits and leaks --------------------------------------------------------------------


def test_an_internal_split_shares_no_table_with_training(corpora: Path, tmp_path: Path) -> None:
    data = {
        "train": [CONTEXT, GRETEL],
        "validation": [{"source": "internal", "rows": 6}],
        "test": [{"source": "internal", "rows": 12}],
    }
    run, found = prepared(tmp_path / "run", data, corpora)
    assert (found.validation, found.test) == (6, 12)
    databases = read_databases(run.data_file("databases.jsonl"))
    tables = {
        split: {
            table_signature(table)
            for example in read_examples(run.data_file(f"{split}.jsonl"))
            for table in databases[example.db_id].schema.tables
        }
        for split in ("train", "validation", "test")
    }
    assert not tables["train"] & tables["test"]
    assert not tables["train"] & tables["validation"]
    assert not tables["validation"] & tables["test"]
    left_out = found.dropped["sql-create-context"]["shares tables with a held-out split"]
    assert found.train + left_out + 6 + 12 == 122
    again, _ = prepared(tmp_path / "again", data, corpora)
    assert ids(again, "test") == ids(run, "test")
    other, _ = prepared(tmp_path / "other", data, corpora, seed=8)
    assert ids(other, "test") != ids(run, "test")


def test_rows_of_a_benchmark_are_left_out_or_only_reported(corpora: Path, tmp_path: Path) -> None:
    write_tiny_spider(corpora / "spider")
    own = tmp_path / "own.jsonl"
    leaked = {
        "question": "how many CLIENTS",
        "sql": "SELECT count(*) FROM client",
        "schema": "CREATE TABLE client (id INT, city TEXT)",
    }
    fine = {**leaked, "question": "What is the last town in the alphabet, of all that we know?"}
    fine["sql"] = "SELECT max(city) FROM client"
    own.write_text(json.dumps(leaked) + "\n" + json.dumps(fine) + "\n")
    part = {"source": "own", "path": str(own)}
    told: list[str] = []
    data = {"train": [part], "audit": {"against": ["spider-dev"]}}
    run, found = prepared(tmp_path / "run", data, corpora, told=told)
    assert ids(run, "train") == ["own-000001"]
    assert found.dropped == {"own": {"found in a benchmark": 1}}
    (dropped,) = drops(run)
    assert dropped["detail"].startswith("spider-dev by question: spider-dev-0000")
    audit = json.loads((run.data / "audit.json").read_text())
    assert audit["leaking"] == 1 and audit["removed"] is True and audit["contaminated"] == []
    assert "audit: 1 training rows are found in Spider dev" in told

    data["audit"] = {"against": ["spider-dev"], "remove": False}
    run, found = prepared(tmp_path / "kept", data, corpora)
    assert found.train == 2
    audit = json.loads((run.data / "audit.json").read_text())
    assert audit["contaminated"] == ["spider-dev"]


def test_an_audit_without_the_benchmarks_files_says_what_to_do(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("question,sql,schema\nWho?,SELECT a FROM t,CREATE TABLE t (a)\n")
    data = {"train": [{"source": "own", "path": str(own)}], "audit": {}}
    with pytest.raises(DataError, match=r"data\.audit\.against"):
        prepared(tmp_path / "run", data, None)


def test_rows_that_repeat_validation_questions_are_leaks_too(tmp_path: Path) -> None:
    write_tiny_spider(tmp_path / "spider")
    own = tmp_path / "own.csv"
    asked = "Which cities does the farm have, old and new ones?"
    schema = '"CREATE TABLE client (id INT, city TEXT)"'
    own.write_text(
        f'question,sql,schema\n"{asked}",SELECT DISTINCT city FROM client,{schema}\n'
        f"Who came last?,SELECT id FROM client ORDER BY id DESC LIMIT 1,{schema}\n"
    )
    data = {
        "train": [{"source": "own", "path": str(own)}],
        "validation": [{"source": "spider", "rows": 4}],
        "audit": {"against": ["spider-dev"]},
    }
    run, found = prepared(tmp_path / "run", data, tmp_path)
    assert found.dropped["own"] == {"found in a benchmark": 1}
    assert ids(run, "train") == ["own-000001"]


def test_gretels_test_rows_and_ones_own_can_be_tested_on(corpora: Path, tmp_path: Path) -> None:
    write_gretel(corpora, "test")
    database = tmp_path / "shop.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE shop (id INTEGER, name TEXT)")
    own = tmp_path / "own.csv"
    own.write_text("question,sql\nWho?,SELECT name FROM shop\nWhat?,SELECT what FROM shop\n")
    part = {"source": "own", "path": str(own), "database": str(database)}
    data = {"train": [CONTEXT], "test": [GRETEL, part], "validation": [part]}
    run, found = prepared(tmp_path / "run", data, corpora)
    assert (found.test, found.validation) == (3, 1)
    assert ids(run, "test")[-1] == "own-000000"
    assert found.dropped["gretel (test)"] == {"not a query": 2}
    databases = read_databases(run.data_file("databases.jsonl"))
    tested = read_examples(run.data_file("test.jsonl"))
    assert [databases[e.db_id].path for e in tested] == [None, None, database]


def test_published_sql_create_context_holds_golds_that_name_what_their_context_lacks(
    published_data: Path, tmp_path: Path
) -> None:
    run, found = prepared(tmp_path / "run", {"train": [CONTEXT]}, published_data)
    dropped = found.dropped["sql-create-context"]
    assert dropped["gold names what its schema lacks"] == 168
    assert found.train + sum(dropped.values()) == 3_961
    assert len(drops(run)) == sum(dropped.values())


def test_an_internal_test_without_rows_is_judged_by_match_and_validity_alone(
    corpora: Path, tmp_path: Path
) -> None:
    from sqlforge.core.files import write_jsonl
    from sqlforge.stages.score import score_run

    data = {"train": [CONTEXT], "test": [{"source": "internal", "rows": 9}]}
    run, _ = prepared(tmp_path / "run", data, corpora)
    test = read_examples(run.data_file("test.jsonl"))
    rows = [{"id": e.id, "sql": e.sql, "text": e.sql} for e in test]
    rows[0]["sql"] = "SELECT nothing FROM nowhere"
    write_jsonl(run.predictions("tuned"), rows)
    summary = score_run(run).summaries["sql-create-context"]["tuned"]
    assert (summary.exact_match.correct, summary.exact_match.n) == (8, 9)
    assert (summary.valid_sql.correct, summary.valid_sql.n) == (8, 9)
    assert summary.execution_accuracy.n == 0


@pytest.mark.parametrize(
    ("part", "sql", "message"),
    [
        ({"dialect": "klingon"}, "SELECT a FROM t", "Got the dialect 'klingon', expected one of"),
        ({}, "SELECT b FROM t", "no training row that is left after cleaning"),
    ],
)
def test_a_set_without_any_training_row_is_refused_and_nothing_is_written(
    part: dict[str, str], sql: str, message: str, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_text(f"question,sql,schema\nWho?,{sql},CREATE TABLE t (a)\n")
    data = {"train": [{"source": "own", "path": str(own), **part}]}
    with pytest.raises(DataError, match=message):
        prepared(tmp_path / "run", data, None)
    assert not (tmp_path / "run" / "data").exists()
