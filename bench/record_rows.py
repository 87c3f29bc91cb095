"""The rows of one training in the record run, and the file that keeps them as they come."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from claims import ROOT, ClaimRow
from decode_gain_rows import share
from finished_run import print_rows, read_json
from machine import commit, hardware
from record_plans import Plan
from sqlforge.core.config import PromptStyle
from sqlforge.core.decoding import Decoding
from sqlforge.core.files import write_json
from sqlforge.core.records import Dataset, Prediction, Verdict
from sqlforge.score.breakdown import break_down
from sqlforge.score.canonical import canonical_sql
from sqlforge.score.rules import Match
from sqlforge.score.statistics import wilson
from sqlforge.score.summary import summarise

RANKINGS = ("wta_1", "rankings")  # a table that is empty in the databases at hand
EVALUATION = "internal_used"  # 500 questions: what the reference's evaluation took is known
BOUNDS = {
    "wikisql_constrained_execution_accuracy": ">= 0.82",
    "spider_constrained_execution_accuracy": ">= 0.45",
    "spider_vote_execution_accuracy": ">= 0.5",
    f"{EVALUATION}_exact_match": ">= 0.75",
    f"{EVALUATION}_valid_sql": ">= 0.974",
    f"{EVALUATION}_seconds": "<= 15",
}
"""Of a final training; the first is also what its WikiSQL questions are judged by."""


@dataclass(frozen=True, slots=True)
class Question:
    """A set of questions asked in one way; ``name`` is unique within a training."""

    name: str
    dataset: Dataset
    decoding: Decoding
    match: Match = "official"
    style: PromptStyle = "plain"
    of_base: bool = False


class Told:
    """``results/NAME.json``: the circumstances, and the rows so far."""

    def __init__(self, plan: Plan, results: Path) -> None:
        self._plan, self._file = plan, results / f"{plan.name}.json"
        self._rows: list[ClaimRow] = []
        self._right: dict[str, str] = {}
        kept: dict[str, Any] = read_json(self._file) if self._file.is_file() else {}
        self._training: dict[str, Any] | None = kept.get("training")
        self._trained_on: dict[str, Any] = kept.get("trained_on", {})
        self._reinforcement: dict[str, Any] | None = kept.get("reinforcement")
        self._took: dict[str, list[float]] = kept.get("took", {})

    def note_training(self, at_once: int) -> None:
        """What training took, as the run's manifest has it; of an earlier command else."""
        manifest = self._plan.run.manifest()
        if manifest.get("training", self._training) != self._training:
            self._training = manifest["training"]
            self._trained_on = {"hardware": hardware(), "commit": commit(), "at_once": at_once}
        self._reinforcement = manifest.get("reinforcement", self._reinforcement)
        training = self._training or {}
        name = self._plan.key
        seconds = training["seconds"] + (self._reinforcement or {}).get("seconds", 0.0)
        self._rows = [ClaimRow(f"{name}_training_seconds", seconds, "s")]
        self._rows += [
            ClaimRow(f"{name}_training_examples", training["examples"]),
            ClaimRow(f"{name}_training_peak_memory", training["peak_memory_bytes"] / 1e9, "GB"),
        ]
        self._write()

    def add(
        self,
        asked: Question,
        verdicts: Sequence[Verdict],
        answers: Sequence[Prediction],
        judging: float,
        writing: float,
    ) -> None:
        """The rows of one set of questions, whose answers took ``writing`` seconds.

        Judged again they keep the seconds of the first time, on the machine that wrote them.
        """
        rows = list(rows_of(asked, verdicts, answers))
        took = self._took.get(asked.name)
        if took is None or took[0] != writing:
            took = self._took[asked.name] = [writing, judging]
        rows.append(ClaimRow(f"{asked.name}_seconds", sum(took), "s", n=len(verdicts)))
        bounds = BOUNDS if self._plan.final else {}
        rows = [
            replace(row, name=f"{self._plan.key}_{row.name}", bound=bounds.get(row.name, row.bound))
            for row in rows
        ]
        print_rows(rows)
        self._rows += rows
        exact = asked.match == "internal"
        self._right[asked.name] = "".join(
            _mark(verdict.exact if exact else verdict.execution) for verdict in verdicts
        )
        self._write()

    def _write(self) -> None:
        plan = self._plan
        write_json(
            self._file,
            {
                "name": plan.name,
                "recipe": plan.file.relative_to(ROOT).as_posix(),
                "story": plan.story,
                "final": plan.final,
                "seed": plan.recipe.seed,
                "method": plan.recipe.train.method,
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "trained_on": self._trained_on,
                "training": self._training,
                "reinforcement": self._reinforcement,
                "took": self._took,
                "rows": [asdict(row) for row in self._rows],
                "right": self._right,
            },
        )


def rows_of(
    asked: Question, verdicts: Sequence[Verdict], answers: Sequence[Prediction]
) -> Iterator[ClaimRow]:
    """Accuracy and validity, by source on the internal split, by slice on Spider."""
    name = asked.name
    metrics = summarise(verdicts).metrics
    if asked.match == "internal":
        yield from _internal_rows(name, asked.dataset, verdicts, answers)
        return
    yield share(f"{name}_execution_accuracy", metrics.execution_accuracy)
    yield share(f"{name}_exact_match", metrics.exact_match)
    bound = ">= 1" if asked.decoding.constrain == "schema" else None
    yield share(f"{name}_valid_sql", metrics.valid_sql, bound)
    if asked.name not in ("spider_constrained", "spider_vote"):
        return
    examples = asked.dataset.examples
    kept = [
        v
        for e, v in zip(examples, verdicts, strict=True)
        if not (e.db_id == RANKINGS[0] and RANKINGS[1] in e.sql.lower())
    ]
    if len(kept) < len(verdicts):
        without = summarise(kept).execution_accuracy
        yield share(f"{name}_without_rankings_execution_accuracy", without)
    for kind, some in summarise(verdicts).by_kind.items():
        yield share(f"{name}_of_{kind}", some.execution_accuracy)
    traits = break_down(examples, verdicts, asked.dataset.databases).by_trait
    for trait, metric in traits.items():
        yield share(f"{name}_of_{'_'.join(trait.split())}", metric)


def _internal_rows(
    name: str, dataset: Dataset, verdicts: Sequence[Verdict], answers: Sequence[Prediction]
) -> Iterator[ClaimRow]:
    groups: dict[str, list[int]] = {"": list(range(len(verdicts)))}
    for place, example in enumerate(dataset.examples):
        groups.setdefault(f"_{example.source}".replace("-", "_"), []).append(place)
    any_case = _any_case(dataset, answers)
    for group, places in groups.items():
        exact = sum(verdicts[i].exact for i in places)
        yield share(f"{name}{group}_exact_match", wilson(exact, len(places)))
        either = sum(any_case[i] for i in places)
        yield share(f"{name}{group}_exact_match_any_case", wilson(either, len(places)))
    valid = sum(verdict.valid for verdict in verdicts)
    yield share(f"{name}_valid_sql", wilson(valid, len(verdicts)))


def _any_case(dataset: Dataset, answers: Sequence[Prediction]) -> list[bool]:
    """Whether canonical forms are equal, the case of literals aside."""
    found = []
    for example, answer in zip(dataset.examples, answers, strict=True):
        schema = dataset.databases[example.db_id].schema
        both = [canonical_sql(sql, schema) or sql for sql in (example.sql, answer.sql)]
        found.append(both[0].lower() == both[1].lower())
    return found


def _mark(right: bool | None) -> str:
    return "-" if right is None else str(int(right))
