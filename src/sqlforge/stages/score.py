"""``score``: judge a run's predictions (a file of them: :mod:`sqlforge.score.api`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DataError, UserError
from sqlforge.core.files import read_jsonl, write_json, write_jsonl
from sqlforge.core.records import Database, Dataset, Example, Prediction, Verdict
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.licences import is_private
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.api import SuiteOptions
from sqlforge.score.benchmarks.spider import with_kinds
from sqlforge.score.breakdown import explain
from sqlforge.score.judge import judge, judge_each
from sqlforge.score.paired import paired
from sqlforge.score.predictions_file import read_answers
from sqlforge.score.suite import build_suite, judge_on_suite
from sqlforge.score.summary import Summary, summarise, to_json, verdict_of, verdict_rows
from sqlforge.score.taxonomy import without_names

Progress = Callable[[int, int], None]
SYSTEMS = ("base", "template", "tuned", "reinforced", "merged")


@dataclass(frozen=True, slots=True)
class Scored:
    """``summaries`` by source and system; ``comparison`` as in ``scores/comparison.json``."""

    summaries: dict[str, dict[str, Summary]]
    comparison: dict[str, dict[str, Any]]


def score_run(
    run: RunDir, progress: Progress | None = None, *, suite: SuiteOptions | None = None
) -> Scored:
    """Judge every system's predictions and write ``scores/``.

    ``scores/SYSTEM-SOURCE.json`` holds the metrics, ``….verdicts.jsonl`` the verdicts, and
    ``scores/comparison.json`` McNemar's test and the paired difference of tuned against each
    other system, and how many merged answers differ from the adapter's. Beside them
    ``scores/SYSTEM-SOURCE.strict.*`` say how the strict mode counts, and
    ``scores/SYSTEM-spider.official.*`` how Spider's own evaluator does. With ``suite`` every
    system is judged on perturbed instances too: test-suite accuracy.

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
                system: _judge_some(examples, answers, databases, sandbox, progress, suite)
                for system, answers in systems.items()
            }
            for system, found in verdicts.items():
                kept = _kept(examples, found)
                _write(run.scores / f"{system}-{source}", summarise(found), kept, source)
            summaries[source] = {system: summarise(found) for system, found in verdicts.items()}
            comparison[source] = _compare(verdicts, examples, systems, recipe.seed)
            for system, answers in systems.items():
                found = _judge_strictly(examples, answers, databases, sandbox)
                name = f"{system}-{source}.strict"
                kept = _kept(examples, found)
                _write(run.scores / name, summarise(found), kept, "test", source)
            if source == "spider":
                for system, answers in systems.items():
                    found = _judge_officially(examples, answers, databases, sandbox)
                    name = f"{system}-{source}.official"
                    _write(run.scores / name, summarise(found), found, "test", source)
    write_json(run.scores / "comparison.json", comparison)
    return Scored(summaries, comparison)


def headline(run: RunDir, scored: Scored) -> tuple[str, list[Verdict]]:
    """The system that stands for a run (the tuned one, if it has answered) and its verdicts.

    They are read from ``scores/``, where :func:`score_run` wrote them, source after source.
    """
    answered = next(iter(scored.summaries.values()))
    system = "tuned" if "tuned" in answered else next(iter(answered))
    files = (run.scores / f"{system}-{source}.verdicts.jsonl" for source in scored.summaries)
    return system, [verdict_of(row) for file in files for row in read_jsonl(file)]


def _predictions(run: RunDir, system: str) -> dict[str, Prediction]:
    return read_answers(run.predictions(system))


def _judge_some(
    examples: Sequence[Example],
    answers: Mapping[str, Prediction],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
    progress: Progress | None,
    suite: SuiteOptions | None,
) -> list[Verdict]:
    missing = [example.id for example in examples if example.id not in answers]
    if missing:
        raise DataError(
            f"predictions without {missing[0]} and {len(missing) - 1} others",
            "one prediction for each test example",
            "remove that file in predictions/ and start the run again",
        )
    predictions = [answers[e.id] for e in examples]
    verdicts = judge(examples, predictions, databases, sandbox, progress, match="internal")
    if suite is not None:
        built = build_suite(
            examples,
            databases,
            match="internal",
            size=suite.size,
            folder=suite.folder,
            progress=progress,
        )
        verdicts = judge_on_suite(
            verdicts, examples, predictions, databases, built, sandbox, progress, match="internal"
        )
    return list(explain(examples, predictions, verdicts, databases))


def _judge_strictly(
    examples: Sequence[Example],
    answers: Mapping[str, Prediction],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
) -> list[Verdict]:
    """Verdicts of the strict mode; what has no rows is left out."""
    predictions = [answers[example.id] for example in examples]
    strictly = judge_each(
        examples, predictions, databases, sandbox, match="strict", skip_bad_gold=True
    )
    return list(strictly)


def _judge_officially(
    examples: Sequence[Example],
    answers: Mapping[str, Prediction],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
) -> list[Verdict]:
    """Verdicts of Spider's own evaluation; golds that it cannot read are left out."""
    asked = {example.db_id: databases[example.db_id] for example in examples}
    graded = with_kinds(Dataset("spider", tuple(examples), asked), must=False).examples
    predictions = [answers[example.id] for example in graded]
    return list(judge_each(graded, predictions, databases, sandbox, skip_bad_gold=True))


def _kept(examples: Sequence[Example], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts as they are written: of private databases without the names that a model wrote.

    A value in double quotes, or where a name should be, is a name to the parser.
    """
    private = {example.id for example in examples if is_private(example.licence)}
    return [
        replace(
            verdict,
            error=without_names(verdict.error),
            exact_error=None,
            bad_gold=None if verdict.bad_gold is None else "fails",
        )
        if verdict.id in private
        else verdict
        for verdict in verdicts
    ]


def _write(
    stem: Path,
    summary: Summary,
    verdicts: Sequence[Verdict],
    split: str,
    benchmark: str = "internal",
) -> None:
    write_json(stem.with_name(stem.name + ".json"), to_json(summary, benchmark, split))
    write_jsonl(stem.with_name(stem.name + ".verdicts.jsonl"), verdict_rows(verdicts))


def _compare(
    verdicts: Mapping[str, Sequence[Verdict]],
    examples: Sequence[Example],
    systems: Mapping[str, Mapping[str, Prediction]],
    seed: int,
) -> dict[str, Any]:
    """Tuned against each other system on the same examples."""
    found: dict[str, Any] = {}
    if "tuned" not in verdicts:
        return found
    for system in verdicts:
        if system == "tuned":
            continue
        found[system] = asdict(paired(verdicts[system], verdicts["tuned"], seed=seed))
    if "merged" in systems:
        adapter = systems["reinforced" if "reinforced" in systems else "tuned"]
        differing = [e.id for e in examples if systems["merged"][e.id].sql != adapter[e.id].sql]
        found["merged_differs"] = {"count": len(differing), "n": len(examples), "ids": differing}
    return found
