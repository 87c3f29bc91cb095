"""Everything that report and model card show, read from the run directory."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import UserError
from sqlforge.core.files import read_jsonl
from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.licences import is_private
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.prompt.schema_text import schema_text
from sqlforge.report.data import (
    Case,
    Comparison,
    DataShare,
    MergedCheck,
    MergedDifference,
    ReportData,
    SourceResult,
    Step,
    Trial,
)
from sqlforge.report.held_back import masked_sql
from sqlforge.score.breakdown import break_down
from sqlforge.score.predictions_file import read_answers
from sqlforge.score.statistics import Difference, McNemar
from sqlforge.score.summary import Summary, summarise, verdict_of
from sqlforge.score.taxonomy import without_names

SYSTEMS = ("base", "template", "tuned", "reinforced", "merged")
_FAILURES, _SUCCESSES, _MERGED = 30, 6, 10


def gather(run: RunDir) -> ReportData:
    """Everything that the page shows, read from the run directory.

    Questions about private databases are held back, and their queries masked: pages are passed on.

    Raises:
        UserError: no predictions have been scored yet, or the folder is no run.
        RecipeError: its recipe is not understood.
    """
    recipe, manifest = run.recipe(), run.manifest()
    judged = _read_judged(run)
    failures = [e for e in judged.test if _wrong(judged, "tuned", e)]
    won = [e for e in judged.test if _right(judged, "tuned", e) and _wrong(judged, "base", e)]
    return ReportData(
        name=recipe.name,
        model=recipe.model.name,
        method=recipe.train.method,
        started=_started(manifest),
        sources=_sources(run, judged),
        failures=_cases(judged, failures, _FAILURES, recipe.seed),
        failure_count=len(failures),
        successes=_cases(judged, won, _SUCCESSES, recipe.seed),
        merged=_merged(judged, manifest.get("merged_into")),
        trials=_trials(run),
        steps=_steps(run.metrics_file),
        training=_numbers(manifest.get("training")),
        data=_shares(judged),
        recipe=run.recipe_file.read_text(encoding="utf-8"),
        manifest=json.dumps(manifest, indent=1, ensure_ascii=False),
        rewards=_rewards(run.reinforcement_file),
        reinforcement=_numbers(manifest.get("reinforcement")),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """Examples, answers and verdicts of a run; answers and verdicts by system and example id."""

    splits: Mapping[str, Sequence[Example]]
    databases: Mapping[str, Database]
    answers: Mapping[str, Mapping[str, Prediction]]
    verdicts: Mapping[str, Mapping[str, Verdict]]

    @property
    def test(self) -> Sequence[Example]:
        return self.splits["test"]


def _read_judged(run: RunDir) -> _Judged:
    splits = {
        name: read_examples(file) if (file := run.data / f"{name}.jsonl").exists() else []
        for name in ("train", "validation", "test")
    }
    sources = dict.fromkeys(example.source for example in splits["test"])
    verdicts: dict[str, dict[str, Verdict]] = {}
    for system in SYSTEMS:
        files = (run.scores / f"{system}-{source}.verdicts.jsonl" for source in sources)
        rows = [row for file in files if file.exists() for row in read_jsonl(file)]
        if rows:
            verdicts[system] = {row["id"]: verdict_of(row) for row in rows}
    if not verdicts:
        raise UserError(
            f"{run.path} without scores",
            "a run whose predictions have been scored",
            "start 'sqlforge run' on it again: it does the stages that are missing",
        )
    answers = {
        system: read_answers(run.predictions(system))
        for system in verdicts
        if run.predictions(system).exists()
    }
    return _Judged(splits, read_databases(run.data_file("databases.jsonl")), answers, verdicts)


def _right(judged: _Judged, system: str, example: Example) -> bool:
    verdict = judged.verdicts.get(system, {}).get(example.id)
    return verdict is not None and verdict.execution is True


def _wrong(judged: _Judged, system: str, example: Example) -> bool:
    verdict = judged.verdicts.get(system, {}).get(example.id)
    return verdict is not None and verdict.execution is False


def _sources(run: RunDir, judged: _Judged) -> tuple[SourceResult, ...]:
    file = run.scores / "comparison.json"
    compared = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    trained_on = {(e.source, e.db_id) for e in judged.splits["train"]}
    found = []
    for source in dict.fromkeys(e.source for e in judged.test):
        examples = [e for e in judged.test if e.source == source]
        verdicts = {
            system: [known[e.id] for e in examples if e.id in known]
            for system, known in judged.verdicts.items()
        }
        verdicts = {system: some for system, some in verdicts.items() if some}
        asked = {s: [e for e in examples if e.id in judged.verdicts[s]] for s in verdicts}
        if verdicts:
            found.append(
                SourceResult(
                    source=source,
                    unseen=not any((source, e.db_id) in trained_on for e in examples),
                    summaries={system: summarise(some) for system, some in verdicts.items()},
                    comparisons=_comparisons(compared.get(source, {})),
                    breakdowns={
                        system: break_down(asked[system], some, judged.databases)
                        for system, some in verdicts.items()
                    },
                    official=_summaries(run, source, "official"),
                    strict=_summaries(run, source, "strict"),
                )
            )
    return tuple(found)


def _summaries(run: RunDir, source: str, match: str) -> dict[str, Summary]:
    found = {}
    for system in SYSTEMS:
        file = run.scores / f"{system}-{source}.{match}.verdicts.jsonl"
        if file.exists():
            found[system] = summarise([verdict_of(row) for row in read_jsonl(file)])
    return found


def _comparisons(rows: Mapping[str, Any]) -> dict[str, Comparison]:
    return {system: _comparison(rows[system]) for system in SYSTEMS if system in rows}


def _comparison(row: Mapping[str, Any]) -> Comparison:
    differences = ("difference", "bootstrap", "bootstrap_databases")
    found = {name: Difference(**row[name]) for name in differences if name in row}
    return Comparison(McNemar(**row["mcnemar"]), **found)


def _cases(judged: _Judged, examples: Sequence[Example], most: int, seed: int) -> tuple[Case, ...]:
    """At most ``most`` examples by seed, as evenly from the sources as they allow."""
    rng = random.Random(f"{seed}/report")
    by_source: dict[str, list[Example]] = {}
    for example in rng.sample(examples, len(examples)):
        by_source.setdefault(example.source, []).append(example)
    turns = [(rank, e) for drawn in by_source.values() for rank, e in enumerate(drawn)]
    chosen = [e for _, e in sorted(turns, key=lambda turn: turn[0])[:most]]
    cases = [_case(judged, example) for example in chosen]
    return tuple(sorted(cases, key=lambda case: (case.source, case.error or "", case.kind or "")))


def _case(judged: _Judged, example: Example) -> Case:
    base = judged.answers.get("base", {}).get(example.id)
    database = judged.databases.get(example.db_id)
    tuned = judged.answers.get("tuned", {}).get(example.id)
    verdict = judged.verdicts["tuned"][example.id]
    private = is_private(example.licence)
    mistakes = verdict.mistakes or ()
    return Case(
        id=example.id,
        source=example.source,
        kind=example.kind,
        db_id=example.db_id,
        question=None if private else example.question,
        schema=schema_text(database.schema) if database else "",
        gold=_shown(judged, example, example.sql),
        tuned=_shown(judged, example, tuned.sql) if tuned else "",
        base=_shown(judged, example, base.sql) if base else None,
        error=without_names(verdict.error) if private else verdict.error,
        mistakes=mistakes,
    )


def _shown(judged: _Judged, example: Example, sql: str) -> str:
    """A query as the page may show it."""
    if not is_private(example.licence):
        return sql
    return masked_sql(sql, judged.databases[example.db_id].schema)


def _merged(judged: _Judged, into: str | None) -> MergedCheck | None:
    own = "reinforced" if "reinforced" in judged.answers else "tuned"
    tuned, merged = judged.answers.get(own), judged.answers.get("merged")
    if tuned is None or merged is None:
        return None
    both = [e for e in judged.test if e.id in tuned and e.id in merged]
    differing = [e for e in both if tuned[e.id].sql != merged[e.id].sql]
    shown = tuple(
        MergedDifference(
            id=e.id,
            question=None if is_private(e.licence) else e.question,
            tuned=_shown(judged, e, tuned[e.id].sql),
            merged=_shown(judged, e, merged[e.id].sql),
            tuned_right=_right(judged, own, e),
            merged_right=_right(judged, "merged", e),
        )
        for e in differing[:_MERGED]
    )
    return MergedCheck(len(both), tuple(e.id for e in differing), shown, into)


def _trials(run: RunDir) -> tuple[Trial, ...]:
    file = run.predictions("base").with_name("base_prompts.json")
    if not file.exists():
        return ()
    return tuple(Trial(**row) for row in json.loads(file.read_text(encoding="utf-8")))


def _steps(file: Path) -> tuple[Step, ...]:
    """The training log; a last line that a kill cut off is passed over."""
    if not file.exists():
        return ()
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    steps = (
        Step(row["step"], float(row["loss"]), row.get("learning_rate"), row.get("validation_loss"))
        for row in rows
    )
    return tuple(step for step in steps if math.isfinite(step.loss))


def _rewards(file: Path) -> tuple[tuple[float, float], ...]:
    """Mean reward of the questions that each step of reinforcement dealt."""
    if not file.exists():
        return ()
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    return tuple((float(row["step"]), row["dealt"]) for row in rows if "dealt" in row)


def _started(manifest: Mapping[str, Any]) -> str | None:
    environment = manifest.get("environment", {})
    started = environment.get("started") if isinstance(environment, dict) else None
    return f"{started:.16}".replace("T", " ") + " UTC" if started else None


def _numbers(facts: object) -> dict[str, float]:
    if not isinstance(facts, dict):
        return {}
    return {key: value for key, value in facts.items() if isinstance(value, int | float)}


def _shares(judged: _Judged) -> tuple[DataShare, ...]:
    licences = {e.source: e.licence for some in judged.splits.values() for e in some}
    counts = {name: Counter(e.source for e in some) for name, some in judged.splits.items()}
    return tuple(
        DataShare(
            source=source,
            licence=licence,
            train=counts["train"][source],
            validation=counts["validation"][source],
            test=counts["test"][source],
        )
        for source, licence in licences.items()
    )
