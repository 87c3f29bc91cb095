"""``score``: judge predictions, of a run or of a file on a public benchmark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DataError, UserError
from sqlforge.core.files import read_jsonl, write_json, write_jsonl
from sqlforge.core.records import Database, Dataset, Example, Prediction, Verdict
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.benchmarks import DEFAULT_SPLITS, BenchmarkName, load_benchmark
from sqlforge.score.judge import judge, judge_each
from sqlforge.score.predictions_file import read_predictions
from sqlforge.score.resume import kept_and_judged, what_is_judged
from sqlforge.score.rules import Match
from sqlforge.score.statistics import mcnemar, paired_difference
from sqlforge.score.suite import build_suite, judge_on_suite
from sqlforge.score.summary import Summary, summarise, to_json

Progress = Callable[[int, int], None]
NamedProgress = Callable[[str], Progress]
SYSTEMS = ("base", "template", "tuned", "merged")


@dataclass(frozen=True, slots=True)
class Scored:
    """``summaries`` by source and system; ``comparison`` as in ``scores/comparison.json``."""

    summaries: dict[str, dict[str, Summary]]
    comparison: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """At most ``size`` instances a database, kept in ``folder`` (``None``: the user's cache)."""

    size: int
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What came out of a file of predictions."""

    benchmark: str
    split: str
    summary: Summary
    verdicts: list[Verdict]


def score_run(run: RunDir, progress: Progress | None = None) -> Scored:
    """Judge every system's predictions and write ``scores/``.

    ``scores/SYSTEM-SOURCE.json`` holds the metrics, ``….verdicts.jsonl`` the verdicts, and
    ``scores/comparison.json`` McNemar's test and the paired difference of tuned against each
    other system, and how many merged answers differ from the adapter's.

    Raises:
        UserError: the folder is no run, or has no data or no predictions yet.
        GoldError: a gold query fails.
    """
    recipe = run.recipe()
    databases = read_databases(run.data_file("databases.jsonl"))
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in read_examples(run.data_file("test.jsonl")):
        by_source[example.source].append(example)
    systems = {s: _predictions(run, s) for s in SYSTEMS if run.predictions(s).exists()}
    if not systems:
        raise UserError(
            f"{run.path} without predictions",
            "a run whose models have answered",
            "start 'sqlforge run' on it: it does the stages that are missing",
        )
    summaries: dict[str, dict[str, Summary]] = {}
    comparison: dict[str, dict[str, Any]] = {}
    with Sandbox(Limits(seconds=recipe.evaluate.query_seconds)) as sandbox:
        for source, examples in by_source.items():
            verdicts = {
                system: _judge_some(examples, answers, databases, sandbox, progress)
                for system, answers in systems.items()
            }
            for system, found in verdicts.items():
                _write(run.scores / f"{system}-{source}", summarise(found), found, source)
            summaries[source] = {system: summarise(found) for system, found in verdicts.items()}
            comparison[source] = _compare(verdicts, examples, systems)
    write_json(run.scores / "comparison.json", comparison)
    return Scored(summaries, comparison)


def score_file(
    benchmark: BenchmarkName,
    data_dir: Path,
    predictions_file: Path,
    *,
    split: str | None = None,
    match: Match = "official",
    seconds: float = 5.0,
    suite: SuiteOptions | None = None,
    keep_in: Path | None = None,
    progress: NamedProgress | None = None,
) -> ScoredFile:
    """Judge a file of predictions on a public benchmark, by the rules that ``match`` names.

    With ``suite`` they are judged on perturbed instances too: test-suite accuracy. ``progress``
    makes a callback for each piece of work. ``keep_in`` names a file in which verdicts are kept
    while they come; a later call that judges the same goes on where a killed one was. Remove it
    when the verdicts are safe elsewhere.

    Raises:
        DataError: the benchmark or the file is missing or malformed, they do not fit, or a
            database has no file.
        GoldError: a gold query of the benchmark fails.
    """
    split = split or DEFAULT_SPLITS[benchmark]
    dataset = load_benchmark(benchmark, data_dir, split)
    predictions = read_predictions(predictions_file, dataset)
    _check_files(dataset)
    named = progress or (lambda _: lambda _done, _total: None)
    with Sandbox(Limits(seconds=seconds), workers=2) as sandbox:

        def judge_from(start: int) -> Iterator[Verdict]:
            return judge_each(
                dataset.examples,
                predictions,
                dataset.databases,
                sandbox,
                named(""),
                match=match,
                start=start,
            )

        if keep_in is None:
            verdicts = list(judge_from(0))
        else:
            key = what_is_judged(dataset, predictions_file, split, match, seconds)
            verdicts = list(kept_and_judged(keep_in, key, judge_from))
        if suite is not None:
            built = build_suite(
                dataset.examples,
                dataset.databases,
                match=match,
                size=suite.size,
                folder=suite.folder,
                progress=named("building the suite"),
            )
            verdicts = judge_on_suite(
                verdicts,
                dataset.examples,
                predictions,
                dataset.databases,
                built,
                sandbox,
                named("judging on the suite"),
                match=match,
            )
    return ScoredFile(benchmark, split, summarise(verdicts), verdicts)


def verdict_rows(verdicts: Sequence[Verdict]) -> Iterator[dict[str, object]]:
    """Verdicts in the form of ``--verdicts``: the keys that others rely on come first."""
    for verdict in verdicts:
        row: dict[str, object] = {
            "id": verdict.id,
            "db_id": verdict.db_id,
            "hardness": verdict.kind,
            "execution": verdict.execution,
            "exact_set": verdict.exact,
            "valid": verdict.valid,
            "parsed": verdict.parsed,
            "error": verdict.error,
            "empty_gold": verdict.empty_gold,
        }
        for name in ("exact_error", "gold_is_null", "test_suite"):
            if getattr(verdict, name) is not None:
                row[name] = getattr(verdict, name)
        yield row


def _check_files(dataset: Dataset) -> None:
    """A public benchmark is executed as a whole or not at all."""
    lacking = [d.db_id for d in dataset.databases.values() if d.path is None]
    if lacking:
        named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
        raise DataError(
            f"{len(lacking)} of {len(dataset.databases)} databases without a file ({named})",
            f"a SQLite file for every database of {dataset.name}",
            "put them into the benchmark's folder as database/NAME/NAME.sqlite",
        )


def _predictions(run: RunDir, system: str) -> dict[str, Prediction]:
    return {row["id"]: Prediction(**row) for row in read_jsonl(run.predictions(system))}


def _judge_some(
    examples: Sequence[Example],
    answers: Mapping[str, Prediction],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
    progress: Progress | None,
) -> list[Verdict]:
    missing = [example.id for example in examples if example.id not in answers]
    if missing:
        raise DataError(
            f"predictions without {missing[0]} and {len(missing) - 1} others",
            "one prediction for each test example",
            "remove that file in predictions/ and start the run again",
        )
    return judge(examples, [answers[e.id] for e in examples], databases, sandbox, progress)


def _write(stem: Path, summary: Summary, verdicts: Sequence[Verdict], source: str) -> None:
    write_json(stem.with_name(stem.name + ".json"), to_json(summary, "internal", source))
    write_jsonl(stem.with_name(stem.name + ".verdicts.jsonl"), verdict_rows(verdicts))


def _executed(first: Sequence[Verdict], second: Sequence[Verdict]) -> tuple[list[bool], list[bool]]:
    """The execution verdicts of two systems on the examples that could be executed."""
    pairs = [
        (a.execution, b.execution)
        for a, b in zip(first, second, strict=True)
        if a.execution is not None and b.execution is not None
    ]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _compare(
    verdicts: Mapping[str, Sequence[Verdict]],
    examples: Sequence[Example],
    systems: Mapping[str, Mapping[str, Prediction]],
) -> dict[str, Any]:
    """Tuned against each other system on the same examples."""
    found: dict[str, Any] = {}
    if "tuned" not in verdicts:
        return found
    for system in verdicts:
        if system == "tuned":
            continue
        other, tuned = _executed(verdicts[system], verdicts["tuned"])
        found[system] = {
            "mcnemar": asdict(mcnemar(other, tuned)),
            "difference": asdict(paired_difference(other, tuned)),
        }
    if "merged" in systems:
        differing = [
            e.id for e in examples if systems["merged"][e.id].sql != systems["tuned"][e.id].sql
        ]
        found["merged_differs"] = {"count": len(differing), "n": len(examples), "ids": differing}
    return found
