"""Test-suite accuracy on Spider dev: what one database lets pass, and what it costs to find out.

Builds the suites of both modes from nothing, judges the predictions of two published systems on
them, lets rewrites of the golds that keep their meaning be judged too, and holds what fails
against the judgements made by hand in ``tests/fixtures/suite/judged.json``. Writes
``docs/results/suite_accuracy.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claims import ROOT, ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.records import Dataset, Example, Prediction, Verdict
from sqlforge.corpus.spider import read_spider
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.judge import judge
from sqlforge.score.rules import Match
from sqlforge.score.statistics import wilson
from sqlforge.score.suite import Suite, build_suite, judge_on_suite
from sqlforge.score.suite.hints import parsed

sys.path.insert(0, str(ROOT / "tests"))
from score.suite.rewrites import rewritten

SEED = 0
JUDGED = ROOT / "tests" / "fixtures" / "suite" / "judged.json"


@dataclass(frozen=True)
class Judged:
    """One system's verdicts, and the seconds that the suite took."""

    verdicts: list[Verdict]
    seconds: float

    @property
    def passed(self) -> list[int]:
        """Those that match on the original database, by position."""
        return [i for i, v in enumerate(self.verdicts) if v.execution]

    @property
    def failed(self) -> list[int]:
        """Of these the ones that fail on the suite."""
        return [i for i in self.passed if not self.verdicts[i].test_suite]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    dataset = read_spider(data_dir, "dev").dataset
    rows: list[ClaimRow] = []
    for match in ("official", "strict"):
        rows += _mode(dataset, data_dir, match)
    print_rows(rows)
    command = "python bench/suite_accuracy.py --data-dir DIR"
    print(write_claims("suite_accuracy", command=command, seed=SEED, rows=rows))


def _mode(dataset: Dataset, data_dir: Path, match: Match) -> Iterator[ClaimRow]:
    with tempfile.TemporaryDirectory() as folder:
        suite = build_suite(
            dataset.examples, dataset.databases, match=match, seed=SEED, folder=Path(folder)
        )
        yield from _suite_rows(suite, Path(folder), match)
        for file in sorted((data_dir / "verdicts").glob("spider_dev_*.jsonl")):
            name = file.stem.removeprefix("spider_dev_")
            answers = _answers(dataset, file)
            found = _judged(list(dataset.examples), answers, dataset, suite, match)
            yield from _system_rows(found, name, match)
        examples, answers = _rewrites(dataset)
        found = _judged(examples, answers, dataset, suite, match)
        yield ClaimRow(f"{match}_rewrites", len(found.passed), "")
        yield ClaimRow(f"{match}_rewrites_failing", len(found.failed), "", "<= 0")


def _suite_rows(suite: Suite, folder: Path, match: Match) -> Iterator[ClaimRow]:
    counts = suite.counts
    size = sum(file.stat().st_size for file in folder.rglob("*.sqlite"))
    yield ClaimRow(f"{match}_build_time", suite.seconds, "s", "<= 180")
    yield ClaimRow(f"{match}_instances", sum(map(len, suite.instances.values())))
    yield ClaimRow(f"{match}_size", size / 2**20, "MiB")
    yield ClaimRow(f"{match}_neighbours", counts.neighbours)
    shares = (("original", counts.by_original), ("suite", counts.by_suite))
    for name, told in shares:
        metric = wilson(told, counts.neighbours)
        yield _share(
            f"{match}_told_apart_by_{name}", metric.value, metric.low, metric.high, metric.n
        )


def _system_rows(found: Judged, name: str, match: Match) -> Iterator[ClaimRow]:
    prefix = f"{match}_{name}"
    yield ClaimRow(f"{prefix}_pass_on_one_database", len(found.passed), n=len(found.verdicts))
    yield ClaimRow(f"{prefix}_of_these_fail_on_the_suite", len(found.failed), n=len(found.passed))
    right = wilson(len(found.passed) - len(found.failed), len(found.verdicts))
    yield _share(f"{prefix}_test_suite_accuracy", right.value, right.low, right.high, right.n)
    yield ClaimRow(f"{prefix}_suite_time", found.seconds, "s", "<= 20")
    if match == "official":
        labels = json.loads(JUDGED.read_text(encoding="utf-8"))[name]
        label = {i: word for word, ids in labels.items() for i in ids}
        known = [label[i] for i in found.failed if i in label]
        yield ClaimRow(f"{prefix}_judged_by_hand", len(known), n=len(found.failed))
        for word, share in (("precision", "equivalent"), ("wrong", "wrong")):
            hits = sum((k == share) == (word == "wrong") for k in known)
            metric = wilson(hits, len(known))
            yield _share(
                f"{prefix}_failures_{word}", metric.value, metric.low, metric.high, metric.n
            )


def _share(name: str, value: float, low: float, high: float, n: int) -> ClaimRow:
    return ClaimRow(name, value, "fraction", None, low, high, n)


def _answers(dataset: Dataset, file: Path) -> list[Prediction]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Prediction(example.id, row["prediction"], row["prediction"])
        for example, row in zip(dataset.examples, rows, strict=True)
    ]


def _rewrites(dataset: Dataset) -> tuple[list[Example], list[Prediction]]:
    """Rewrites of every gold that keep its meaning, each as the prediction of an example."""
    examples, answers = [], []
    for gold in {(e.db_id, e.sql): e for e in dataset.examples}.values():
        tree = parsed(gold.sql)
        schema = dataset.databases[gold.db_id].schema
        for name, sql in rewritten(tree, schema) if tree is not None else ():
            if "value" not in sql:  # the official rules put a 1 in the place of this word
                number = f"{gold.id}-{name}"
                examples.append(Example(number, "?", gold.sql, gold.db_id, gold.source, ""))
                answers.append(Prediction(number, sql, sql))
    return examples, answers


def _judged(
    examples: list[Example],
    answers: list[Prediction],
    dataset: Dataset,
    suite: Suite,
    match: Match,
) -> Judged:
    with Sandbox(Limits(), workers=2) as sandbox:
        verdicts = judge(examples, answers, dataset.databases, sandbox, match=match)
        started = time.perf_counter()
        found = judge_on_suite(
            verdicts, examples, answers, dataset.databases, suite, sandbox, match=match
        )
        return Judged(found, time.perf_counter() - started)


if __name__ == "__main__":
    main()
