"""A run directory as the stages leave it, of forty made-up questions; no model is involved."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from sqlforge.core.config import Recipe
from sqlforge.core.files import write_json, write_jsonl, write_text
from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.core.run_dir import RunDir, open_run
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.corpus.store import write_databases, write_examples
from sqlforge.score.statistics import (
    bootstrap_by_group,
    bootstrap_difference,
    mcnemar,
    paired_difference,
)
from sqlforge.score.summary import summarise, to_json, verdict_rows
from sqlforge.score.taxonomy import CLASSES

SOURCE = "sqlforge-synthetic"
HOSTILE = "Which <script>alert('x')</script> shops & \"bars\" are there?"
SECRET = "s3cr3t"
KINDS = ("filter", "group_having", "join_two", "nested_in", "order_limit")
MISTAKES = ("wrong result", "unknown column: nmae", "does not parse", "timeout", "unknown table: x")
WRONG = ("wrong tables", "missing join", "wrong columns", "wrong condition value", "DISTINCT")
# How many of a hundred questions each system gets right.
SKILL = {"base": 12, "template": 40, "tuned": 70, "merged": 70}

SHOP = Schema(
    (
        Table("shop", (Column("id", "INTEGER", True), Column("city", "TEXT"))),
        Table(
            "sale",
            (Column("id", "INTEGER", True), Column("shop_id", "INTEGER"), Column("sum", "REAL")),
            (ForeignKey(("shop_id",), "shop", ("id",)),),
        ),
    )
)


def make_run(
    path: Path,
    systems: Sequence[str] = tuple(SKILL),
    sources: Sequence[str] = (SOURCE,),
    rows: int = 40,
) -> RunDir:
    """A run directory with ``rows`` test questions a source and every file the stages write."""
    run = open_run(path, _recipe())
    test = [e for source in sources for e in _examples(source, rows)]
    train = [_example(SOURCE, f"train-{n}", "bakery", "filter") for n in range(60)]
    write_examples(run.data / "train.jsonl", train)
    write_examples(run.data / "validation.jsonl", train[:5])
    write_examples(run.data / "test.jsonl", test)
    file = run.data / "shops.sqlite"
    _fill(file)
    databases = {name: Database(name, SHOP, file) for name in ("shops", "bakery", "kiosk")}
    write_databases(run.data / "databases.jsonl", databases.values())
    for system in systems:
        write_jsonl(run.predictions(system), (asdict(_answer(system, e)) for e in test))
    trials = [("plain", 1), ("instructed", 3), ("few_shot", 2)]
    if "base" in systems:
        rows_of_trials = [
            {"style": style, "correct": c, "valid": c + 1, "n": 16} for style, c in trials
        ]
        write_json(run.predictions("base").with_name("base_prompts.json"), rows_of_trials)
    _write_scores(run, test, systems)
    _write_metrics(run)
    run.note(seed=7, environment={"started": "2026-05-04T08:00:00+00:00", "cores": 2})
    run.note(training=_TRAINED, database=f"postgresql://ann:{SECRET}@db.example:5432/shop")
    return run


def _recipe() -> Recipe:
    part = {"source": "synthetic", "rows": 60}
    return Recipe.model_validate(
        {
            "name": "made-up",
            "model": {"name": "smollm2-135m"},
            "data": {"train": [part], "validation": [part], "test": [part]},
            "evaluate": {"template_baseline": True},
        }
    )


_TRAINED = {
    "steps": 300,
    "examples": 4800,
    "tokens": 512_000,
    "plain_tokens": 700_000,
    "dropped_too_long": 3,
    "trainable_parameters": 4_884_480,
    "seconds": 412.7,
    "final_loss": 0.21,
    "peak_memory_bytes": 2_900_000_000,
}


def _fill(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.executescript(
        "CREATE TABLE shop (id INTEGER PRIMARY KEY, city TEXT);"
        "CREATE TABLE sale (id INTEGER PRIMARY KEY, shop_id INTEGER, sum REAL);"
        "INSERT INTO shop VALUES (1, 'Bath'), (2, 'York');"
        "INSERT INTO sale VALUES (1, 1, 900.0), (2, 2, 20.0);"
    )
    connection.close()


def _examples(source: str, rows: int) -> list[Example]:
    first = Example(
        f"{source}-0", HOSTILE, "SELECT city FROM shop", "shops", source, "Apache-2.0", KINDS[0]
    )
    names = ("shops", "shops", "kiosk")
    others = (_example(source, f"{source}-{n}", names[n % 3], KINDS[n % 5]) for n in range(1, rows))
    return [first, *others]


def _example(source: str, example_id: str, db_id: str, kind: str) -> Example:
    question = f"In which cities did shops sell more than {len(example_id) * 7} euros altogether?"
    sql = (
        "SELECT T1.city FROM shop AS T1 JOIN sale AS T2 ON T1.id = T2.shop_id "
        f"GROUP BY T1.city HAVING SUM(T2.sum) > {len(example_id) * 7}"
    )
    return Example(example_id, question, sql, db_id, source, "Apache-2.0", kind)


def _is_right(system: str, example: Example) -> bool:
    # Merged answers follow the adapter's, as they do in earnest; the hostile one is always missed.
    name = "tuned" if system == "merged" else system
    chance = random.Random(f"{name}/{example.id}").random() * 100
    return example.question != HOSTILE and chance < SKILL[system]


def _answer(system: str, example: Example) -> Prediction:
    sql = example.sql
    if example.question == HOSTILE:
        sql = f"SELECT '<img src=x>', 'mysql://root:{SECRET}@db/x' FROM shop"
    elif not _is_right(system, example):
        sql = sql.replace("SUM(T2.sum)", "COUNT(*)").replace("JOIN sale", "LEFT JOIN sale")
    if system == "merged" and example.id.endswith("7"):
        sql = sql.replace("T1.city FROM", "DISTINCT T1.city FROM")
    return Prediction(example.id, sql, sql)


def _verdict(system: str, example: Example) -> Verdict:
    right = _is_right(system, example)
    rng = random.Random(f"{system}/{example.id}/what")
    error = None if right else rng.choices(MISTAKES, (6, 3, 2, 1, 1))[0]
    parsed = error != "does not parse"
    valid = parsed and (right or error in ("wrong result", "timeout"))
    exact = right and rng.random() < 0.8
    classes: tuple[str, ...] = ()
    if error is not None:
        told = error.partition(":")[0]
        some = tuple(name for name in CLASSES if name in rng.sample(WRONG, 2))
        classes = some if error == "wrong result" else (told,)
    found = Verdict(example.id, example.db_id, example.kind, right, exact, valid, parsed, error)
    return replace(found, mistakes=classes, empty_gold=example.id.endswith("9"))


def _strictly(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Every tenth right answer is not right in the strict mode."""
    return [replace(v, execution=v.execution and not v.id.endswith("8")) for v in verdicts]


def _write_scores(run: RunDir, test: Sequence[Example], systems: Sequence[str]) -> None:
    comparison: dict[str, dict[str, object]] = {}
    for source in dict.fromkeys(e.source for e in test):
        examples = [e for e in test if e.source == source]
        verdicts = {system: [_verdict(system, e) for e in examples] for system in systems}
        for system, found in verdicts.items():
            stem = run.scores / f"{system}-{source}"
            write_json(stem.with_name(stem.name + ".json"), to_json(summarise(found), "", source))
            write_jsonl(stem.with_name(stem.name + ".verdicts.jsonl"), verdict_rows(found))
            for match, rows in (("official", found), ("strict", _strictly(found))):
                file = stem.with_name(f"{stem.name}.{match}.verdicts.jsonl")
                write_jsonl(file, verdict_rows(rows))
        if "tuned" in verdicts:
            right = {system: [v.execution for v in found] for system, found in verdicts.items()}
            comparison[source] = {
                system: {
                    "mcnemar": asdict(mcnemar(answers, right["tuned"])),
                    "difference": asdict(paired_difference(answers, right["tuned"])),
                    "bootstrap": asdict(bootstrap_difference(answers, right["tuned"])),
                    "bootstrap_databases": asdict(
                        bootstrap_by_group(answers, right["tuned"], [e.db_id for e in examples])
                    ),
                }
                for system, answers in right.items()
                if system != "tuned"
            }
    write_json(run.scores / "comparison.json", comparison)


def _write_metrics(run: RunDir) -> None:
    rng = random.Random(1)
    lines = []
    for step in range(1, 301):
        loss = 0.2 + 2.3 * 0.985**step + rng.uniform(-0.12, 0.12)
        rate = 5e-4 * min(step / 10, (300 - step) / 290)
        lines.append(json.dumps({"step": step, "loss": round(loss, 4), "learning_rate": rate}))
    write_text(run.metrics_file, "\n".join(lines) + "\n")
