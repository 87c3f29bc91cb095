"""``audit`` over folders, files and named corpora; what it reports and what it removes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from published import write_tiny_spider
from sqlforge.cli import main
from sqlforge.core.config import Recipe
from sqlforge.core.errors import DataError
from sqlforge.core.run_dir import RunDir, open_run
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.stages.audit import audit_training
from sqlforge.stages.prepare import prepare

LEAK = {"question": "how many CLIENTS", "sql": "SELECT count(*) FROM client"}
OTHER = {"question": "Who owes us most?", "sql": "SELECT name FROM debtor ORDER BY owed DESC"}
ROWS = [
    {**LEAK, "schema": "CREATE TABLE client (id INT)"},
    {**OTHER, "schema": "CREATE TABLE debtor (name TEXT, owed REAL)"},
]


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    write_tiny_spider(tmp_path / "published" / "spider")
    return tmp_path / "published"


def as_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_csv(path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["question", "sql", "schema"])
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def as_context(path: Path) -> Path:
    named = [{"question": r["question"], "context": r["schema"], "answer": r["sql"]} for r in ROWS]
    path.write_text(json.dumps(named), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: as_jsonl(folder / "mine.jsonl", ROWS),
        lambda folder: as_csv(folder / "mine.csv"),
        lambda folder: as_context(folder / "sql_create_context_v4.json"),
    ],
    ids=["jsonl", "csv", "sql-create-context"],
)
def test_files_of_any_layout_are_audited_and_written_without_leaks(
    write: Callable[[Path], Path], spider: Path, tmp_path: Path
) -> None:
    out = tmp_path / "clean.jsonl"
    found = audit_training([str(write(tmp_path))], spider, remove=out)
    assert (found.report.rows, found.report.leaking) == (2, 1)
    assert [b.name for b in found.report.benchmarks] == ["spider-dev"]
    (kept,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert kept["question"] == OTHER["question"]
    (leak,) = [json.loads(x) for x in (tmp_path / "clean.leaks.jsonl").read_text().splitlines()]
    assert leak["question"] == LEAK["question"]
    assert leak["leaks"][0] == {
        "benchmark": "spider-dev",
        "rule": "question",
        "similarity": None,
        "met": ["spider-dev-0000"],
    }
    facts = json.loads((tmp_path / "clean.audit.json").read_text())
    assert facts["removed"] and facts["contaminated"] == [] and facts["rows_left"] == 1


def test_kept_lines_of_jsonl_are_copied_as_they_are(spider: Path, tmp_path: Path) -> None:
    odd = '{"note": 5,  "question": "Who owes?", "sql": "SELECT 1", "tags": ["x"]}'
    rows = tmp_path / "mine.jsonl"
    rows.write_text(f"{json.dumps(LEAK)}\n\n{odd}\n{json.dumps(LEAK)}\n", encoding="utf-8")
    audit_training([str(rows)], spider, remove=tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == odd + "\n"


def test_what_stays_in_is_marked_as_contaminated(spider: Path, tmp_path: Path) -> None:
    found = audit_training([str(as_jsonl(tmp_path / "mine.jsonl", ROWS))], spider)
    assert found.facts["contaminated"] == ["spider-dev"]
    assert found.facts["redistributable"] is False
    told = found.facts["benchmarks"]["spider-dev"]
    assert told["leaking"] == {"rows": 1, "share": 0.5, "n": 2}
    assert told["leaked"] == {"examples": 1, "share": 0.5, "n": 2}
    assert found.facts["near_question_threshold"] == 0.7


@pytest.fixture(scope="module")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run on the embedded corpus."""
    data = {
        "train": [{"source": "synthetic", "rows": 24}],
        "test": [{"source": "synthetic", "rows": 8}],
    }
    recipe = Recipe.model_validate(
        {"name": "tiny", "seed": 7, "model": {"name": "smollm2-135m"}, "data": data}
    )
    run = open_run(tmp_path_factory.mktemp("made") / "run", recipe)
    prepare(recipe, run, None, lambda _: None)
    return run


def with_a_leak(run: RunDir, folder: Path) -> Path:
    """A copy of a run whose first training question is one of its test questions."""
    import shutil

    shutil.copytree(run.path, folder)
    test = read_examples(folder / "data" / "test.jsonl")[0]
    lines = (folder / "data" / "train.jsonl").read_text().splitlines()
    first = json.loads(lines[0]) | {"question": test.question.upper() + " !"}
    text = "\n".join([json.dumps(first), *lines[1:]]) + "\n"
    (folder / "data" / "train.jsonl").write_text(text)
    return folder


def test_a_run_is_audited_against_its_own_test_set(made_run: RunDir, tmp_path: Path) -> None:
    run = with_a_leak(made_run, tmp_path / "run")
    found = audit_training([str(run)], None, against=["internal"], remove=tmp_path / "out")
    assert (found.report.rows, found.report.leaking) == (24, 1)
    assert found.report.benchmarks[0].n == 8
    clean = RunDir(tmp_path / "out")
    before = read_examples(run / "data" / "train.jsonl")
    assert read_examples(clean.data / "train.jsonl") == before[1:]
    assert clean.recipe().name == "tiny"
    for database in read_databases(clean.data / "databases.jsonl").values():
        assert database.path is not None and database.path.is_file()
    assert (clean.data / "test.jsonl").read_bytes() == (run / "data" / "test.jsonl").read_bytes()


def test_the_embedded_corpus_does_not_leak_into_its_own_test_set(made_run: RunDir) -> None:
    found = audit_training([str(made_run.path)], None, against=["internal"])
    assert found.report.leaking == 0


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["nowhere"], {}, "Got the training data 'nowhere', expected a run directory"),
        (["rows"], {"against": ["bird"]}, "Got the benchmark 'bird', expected one of spider-dev"),
        (["rows"], {"against": ["internal"]}, "the benchmark 'internal' without a test set"),
        (["rows"], {"remove": "rows"}, "the training data itself"),
        (["rows"], {"remove": "full"}, "a folder that is not empty"),
        (["rows"], {"remove": "rows.gz"}, r"expected a name that ends in \.jsonl"),
        (["rows"], {"remove": "rows.csv"}, r"expected a name that ends in \.jsonl"),
        (["foreign"], {}, r"a malformed row in .*train\.jsonl, line 1"),
        (["bare"], {}, "expected the columns 'question', 'sql'"),
        (["full"], {}, "without train.jsonl and databases.jsonl"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    names: list[str], options: dict[str, Any], message: str, spider: Path, tmp_path: Path
) -> None:
    places = {
        "rows": as_jsonl(tmp_path / "rows.jsonl", ROWS),
        "bare": as_jsonl(tmp_path / "bare.jsonl", [{"frage": "Wer?", "antwort": "SELECT 1"}]),
        "full": spider,
        "rows.gz": tmp_path / "out.jsonl.gz",
        "rows.csv": tmp_path / "out.csv",
        "foreign": tmp_path / "foreign",
    }
    places["foreign"].mkdir()
    as_jsonl(places["foreign"] / "train.jsonl", [{"id": "a", "text": "Who?"}])
    as_jsonl(places["foreign"] / "databases.jsonl", [])
    if "remove" in options:
        options = {"remove": places[options["remove"]]}
    with pytest.raises(DataError, match=message):
        audit_training([str(places.get(name, name)) for name in names], spider, **options)


def test_without_any_benchmark_at_hand_the_audit_says_so(tmp_path: Path) -> None:
    rows = as_jsonl(tmp_path / "rows.jsonl", ROWS)
    with pytest.raises(DataError, match="no benchmark to audit against"):
        audit_training([str(rows)], None)


@pytest.mark.parametrize("suffix", ["html", "md"])
def test_the_command_prints_a_table_and_writes_pages(
    suffix: str,
    spider: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nasty = {"question": "how <b>many</b> | clients", "sql": "SELECT count(*) FROM client"}
    rows = as_jsonl(tmp_path / "rows.jsonl", [*ROWS, nasty])
    page, facts = tmp_path / f"page.{suffix}", tmp_path / "facts.json"
    words = ["audit", str(rows), "--data-dir", str(spider), "--against", "spider-dev"]
    words += ["--report", str(page), "--json", str(facts)]
    monkeypatch.setattr("sys.argv", ["sqlforge", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "1 of 3 training examples" in shown and "near_question" in shown
    text = page.read_text(encoding="utf-8")
    assert "how many CLIENTS" in text and "<b>many" not in text
    assert "0.70 of their 4-character shingles" in text
    assert json.loads(facts.read_text())["leaking"] == 1


def test_a_page_of_another_kind_is_refused_before_the_work(
    spider: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["sqlforge", "audit", "nowhere", "--report", "page.pdf"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "a name that ends in .html or .md" in capsys.readouterr().err


def test_a_benchmark_that_is_broken_is_not_passed_over_as_missing(
    spider: Path, tmp_path: Path
) -> None:
    rows = as_jsonl(tmp_path / "rows.jsonl", ROWS)
    dev = spider / "spider" / "dev.json"
    dev.write_text(dev.read_text()[:-40])
    with pytest.raises(DataError, match=r"malformed row in .*dev\.json"):
        audit_training([str(rows)], spider)
