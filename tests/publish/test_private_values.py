"""Canaries: no password and no cell's value of a private database leaves a run's own folders."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from servers import PASSWORD, postgres
from sqlforge import pipeline
from sqlforge.core.config import Recipe
from sqlforge.core.run_dir import RunDir
from sqlforge.stages.publish import plan_publication
from sqlforge.stages.report import report_run
from sqlforge.stages.score import score_run
from sqlforge.stages.synth import synth_database
from tiny_base import write_tiny_base

pytestmark = pytest.mark.xdist_group("private")
CITIES = ("Zzyxquiltburg", "Quorvelheim", "Xylomere")
PEOPLE = ("Oktawian Brzezyk", "Wilhelmina Quarsh", "Thaddeus Umbry", "Ignatia Vloot")
CANARIES = (*CITIES, *(part for name in PEOPLE for part in name.split()), "918273645", "7654.25")
# What a run keeps for itself: questions, their token ids, answers, and the state of training.
KEPT = ("data", "tokens", "predictions", "checkpoints")


def fill(execute: Any) -> None:
    """A database of people, whose every value is a canary."""
    execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city TEXT, balance REAL)")
    execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, person_id INTEGER, fee INTEGER)")
    for n in range(24):
        balance = 7654.25 if n == 5 else 100 + n * 13.5
        execute(f"INSERT INTO person VALUES ({n}, '{PEOPLE[n % 4]}', '{CITIES[n % 3]}', {balance})")
        fee = 918273645 if n % 2 else 7000 + n
        execute(f"INSERT INTO visit VALUES ({n}, {n % 5}, {fee})")


def recipe_for(base: Path, folder: Path, url: str) -> Recipe:
    own = {"source": "own", "name": "people", "path": str(folder / "made")}
    served = {"source": "own", "name": "served", "path": str(folder / "served")}
    rows = {"source": "own", "name": "rows", "path": str(folder / "rows.csv"), "database": url}
    return Recipe.model_validate(
        {
            "name": "private",
            "model": {"name": str(base), "dtype": "float32", "device": "cpu"},
            "data": {
                "synthetic_max_tables": 1,
                "train": [own, served, rows, {"source": "synthetic", "rows": 8}],
                "validation": [{"source": "synthetic", "rows": 2}],
                "test": [own, {"source": "synthetic", "rows": 2}],
                "audit": {"against": []},
            },
            "prompt": {"samples": 2},
            "train": {
                "method": "lora",
                "rank": 2,
                "pack_tokens": 1024,
                "gradient_checkpointing": False,
                "max_steps": 2,
            },
            "evaluate": {"max_new_tokens": 4, "base_prompts": ["plain"], "template_baseline": True},
        }
    )


def write_canaries_into(answers: Path) -> None:
    """Answers such as a trained model writes: values as literals, as names, and as nonsense."""
    wrong = (
        f"SELECT name FROM person WHERE city = '{CITIES[0]}' OR name = \"{PEOPLE[1]}\"",
        f"SELECT {CITIES[1]} FROM person",
        f"SELECT name FROM {CITIES[2]}",
        f"SELECT name FROM person WHERE the city is {CITIES[0]} and ( balance 7654.25",
        f"SELECT name AS {CITIES[1]} FROM person -- {PEOPLE[2]}\n WHERE balance > 918273645",
        f"SELECT name FROM person WHERE {CITIES[0]}(city) = 1",
    )
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    for place, row in enumerate(rows):
        if row["id"].startswith("people"):
            row["sql"] = row["text"] = wrong[place % len(wrong)]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDir, str, str]:
    """A run on private databases, what it said, and the URL of the one behind a password."""
    psycopg = pytest.importorskip("psycopg", reason="the extra 'databases' is not installed")
    folder = tmp_path_factory.mktemp("private")
    with closing(sqlite3.connect(folder / "people.sqlite")) as connection:
        fill(connection.execute)
        connection.commit()
    console = Console(record=True, width=200)
    with postgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            fill(connection.execute)
        synth_database(server.url, folder / "served", n=20, seed=1)
        synth_database(str(folder / "people.sqlite"), folder / "made", n=120, seed=1)
        (folder / "rows.csv").write_text(
            "question,sql\n"
            f"Who lives in {CITIES[0]}?,SELECT name FROM person WHERE city = '{CITIES[0]}'\n"
        )
        base = write_tiny_base(folder / "base")
        recipe = recipe_for(base, folder, server.url)
        run = RunDir(folder / "run")
        pipeline.run(recipe, run.path, None, console, lambda _: lambda done, total: None)
        write_canaries_into(run.predictions("tuned"))
        write_canaries_into(run.predictions("merged"))
        score_run(run)
        report_run(run)
        return run, console.export_text(), server.url


def test_questions_hold_canaries_and_so_do_answers(private: tuple[RunDir, str, str]) -> None:
    run, _, _ = private
    for name in ("data/train.jsonl", "data/test.jsonl", "predictions/tuned.jsonl"):
        assert any(canary in (run.path / name).read_text() for canary in CANARIES), name


def test_no_value_leaves_the_folders_that_are_kept(private: tuple[RunDir, str, str]) -> None:
    run, said, _ = private
    files = [path for path in run.path.rglob("*") if path.is_file()]
    looked_at = [p for p in files if p.relative_to(run.path).parts[0] not in KEPT]
    assert {"recipe.yaml", "manifest.json", "report.html", "metrics.jsonl"} <= {
        path.name for path in looked_at
    }
    for path in looked_at:
        found = values_in(path.read_bytes())
        assert not found, f"{path.relative_to(run.path)} holds {found}"
    assert not values_in(said.encode())


def test_no_value_is_in_what_is_published(private: tuple[RunDir, str, str]) -> None:
    run, _, _ = private
    for part in ("adapter", "merged"):
        planned = plan_publication(run, "ann/people", part)
        assert planned.held, "private data hold the model back"
        for file in planned.files:
            content = file.source if isinstance(file.source, bytes) else file.source.read_bytes()
            assert not values_in(content), file.path
            assert PASSWORD.encode() not in content and str(run.path).encode() not in content
        assert "of the embedded corpus (Apache-2.0)" in planned.card or "made-up" in planned.card


def test_the_report_says_what_it_holds_back(private: tuple[RunDir, str, str]) -> None:
    run, _, _ = private
    page = run.report.read_text()
    assert "are held back: they may be a private" in page
    assert "'…'" in page or "&#x27;…&#x27;" in page or "&#39;…&#39;" in page


def test_no_password_is_anywhere(private: tuple[RunDir, str, str]) -> None:
    run, said, url = private
    spelled = url.split(":")[2].split("@")[0]
    for path in [*run.path.rglob("*"), *(run.path.parent / "served").rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content, path
            assert spelled.encode() not in content, path
    assert PASSWORD not in said and spelled not in said


def values_in(content: bytes) -> list[str]:
    return [canary for canary in CANARIES if canary.encode().lower() in content.lower()]


def test_pairs_of_the_leak_audit_are_held_back_too(private: tuple[RunDir, str, str]) -> None:
    run, _, _ = private
    facts = (run.data / "audit.json").read_text()
    assert not values_in(facts.encode())
    found = json.loads(facts)["benchmarks"]["internal"]
    assert found["pairs"] and "(held back: about a private database)" in facts


@pytest.mark.parametrize("part", ["adapter", "merged"])
def test_the_cards_code_runs_as_it_stands(
    private: tuple[RunDir, str, str],
    part: Literal["adapter", "merged"],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, _, _ = private
    card = plan_publication(run, "ann/people", part).card
    (code,) = re.findall(r"```python\n(.+?)```", card, re.S)
    folder = run.merged if part == "merged" else run.adapter
    local = code.replace("ann/people", str(folder)).replace("prompt = ...", 'prompt = "Who?"')
    assert local.count(str(folder)) == 2
    exec(compile(local, "card", "exec"), {})
    assert capsys.readouterr().out, "it has written something"
