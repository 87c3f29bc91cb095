"""The scorer as a library: one pair of queries, or a file of predictions on a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Dataset, Example, Prediction, Verdict
from sqlforge.core.spool import spooled
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.benchmarks import DEFAULT_SPLITS, BenchmarkName, limits_of, load_benchmark
from sqlforge.score.benchmarks.spider import load_gold_file, with_kinds
from sqlforge.score.breakdown import Breakdown, break_down, explain
from sqlforge.score.judge import judge, judge_each
from sqlforge.score.predictions_file import read_predictions
from sqlforge.score.resume import kept_and_judged, what_is_judged
from sqlforge.score.rules import Match
from sqlforge.score.summary import Summary, summarise

if TYPE_CHECKING:
    from sqlforge.score.efficiency import Efficiency

NamedProgress = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """At most ``size`` instances a database, kept in ``folder`` (``None``: the user's cache)."""

    size: int
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What came out of a file of predictions: figures, and a verdict for each example.

    ``verdicts`` and ``answers`` are in the order of the examples of ``dataset``.
    """

    benchmark: str
    split: str
    summary: Summary
    verdicts: Sequence[Verdict]
    breakdown: Breakdown
    dataset: Dataset
    answers: Sequence[Prediction]
    efficiency: Efficiency | None = None


def score_pair(
    gold: str,
    predicted: str,
    database: Path | str | Database,
    *,
    match: Match = "official",
    seconds: float = 5.0,
    sandbox: Sandbox | None = None,
) -> Verdict:
    """Judge one prediction by Spider's rules, official or strict.

    Args:
        gold: the reference query.
        predicted: the query to judge.
        database: a SQLite file, or a :class:`Database`. Nothing in it can change.
        match: as the benchmark's own evaluator counts, or strictly.
        seconds: what one query may take; not used with ``sandbox``.
        sandbox: an open one, for many pairs: starting a worker takes longer than most queries.

    Raises:
        DatabaseError: the file is missing or no SQLite database.
        GoldError: the gold query fails, or is none that the official evaluator can read.

    >>> import sqlite3, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "shop.sqlite"
    >>> with sqlite3.connect(file) as connection:
    ...     _ = connection.execute("CREATE TABLE shop (name TEXT, city TEXT)")
    ...     _ = connection.execute("INSERT INTO shop VALUES ('Anker', 'Oslo'), ('Bro', 'Oslo')")
    >>> verdict = score_pair("SELECT name FROM shop", "SELECT DISTINCT name FROM shop", file)
    >>> verdict.execution, verdict.exact, verdict.kind
    (True, True, 'easy')
    >>> score_pair("SELECT city FROM shop", "SELECT name FROM shop", file).error
    'wrong result'
    >>> gold, other = "SELECT city FROM shop", "SELECT DISTINCT city FROM shop"
    >>> [score_pair(gold, other, file, match=m).execution for m in ("official", "strict")]
    [True, False]
    >>> connection.close(); folder.cleanup()
    """
    if not isinstance(database, Database):
        path = Path(database)
        database = Database(path.stem, schema_from_sqlite(path), path)
    pair = Example("pair", "", gold, database.db_id, "spider", "NOASSERTION")
    dataset = Dataset("pair", (pair,), {database.db_id: database})
    examples = with_kinds(dataset, must=match == "official").examples
    prediction = Prediction("pair", predicted, predicted)

    def judged(opened: Sandbox) -> Verdict:
        return judge(examples, [prediction], dataset.databases, opened, match=match)[0]

    if sandbox is not None:
        return judged(sandbox)
    with Sandbox(Limits(seconds=seconds)) as own:
        return judged(own)


def score_file(
    predictions: Path | str,
    data_dir: Path | str,
    *,
    benchmark: BenchmarkName = "spider",
    gold: Path | str | None = None,
    split: str | None = None,
    match: Match = "official",
    seconds: float | None = None,
    extract: bool = False,
    skip_bad_gold: bool = False,
    suite: SuiteOptions | None = None,
    efficiency_runs: int | None = None,
    explained: bool = False,
    keep_in: Path | None = None,
    progress: NamedProgress | None = None,
) -> ScoredFile:
    """Judge a file of predictions on a public benchmark, or against a file of golds.

    Args:
        predictions: one SQL a line in the benchmark's order, or JSONL with ``id`` and ``sql``.
        data_dir: the benchmark's own folder or the folder above it.
        benchmark: which one.
        gold: a file of golds as Spider's evaluator takes them, a line ``SQL``, tab, name of the
            database; its examples are asked instead of the benchmark's own (``spider``).
        split: of the benchmark; its usual one if ``None``.
        match: as the benchmark's own evaluator counts, or strictly.
        seconds: what one query may take; as the benchmark has it if ``None``.
        extract: look for the SQL in what a model wrote; no official evaluator does.
        skip_bad_gold: leave out and count what has a failing gold or no database.
        suite: judge on perturbed instances too: test-suite accuracy.
        efficiency_runs: how often right predictions are timed, if at all.
        explained: say what is wrong with failures (:mod:`sqlforge.score.taxonomy`).
        keep_in: a file for verdicts while they come; a killed call goes on from it when repeated.
        progress: makes a callback for each piece of work.

    Raises:
        DataError: the benchmark, a database or a file is missing or malformed, or they do not fit.
        GoldError: a gold query fails.

    >>> import sqlite3, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> root = Path(folder.name)
    >>> (root / "database" / "shop").mkdir(parents=True)
    >>> with sqlite3.connect(root / "database" / "shop" / "shop.sqlite") as connection:
    ...     _ = connection.execute("CREATE TABLE shop (name TEXT)")
    ...     _ = connection.execute("INSERT INTO shop VALUES ('Anker'), ('Bro')")
    >>> _ = (root / "tables.json").write_text('''[{"db_id": "shop",
    ...   "table_names_original": ["shop"], "table_names": ["shop"],
    ...   "column_names_original": [[-1, "*"], [0, "name"]],
    ...   "column_names": [[-1, "*"], [0, "name"]], "column_types": ["text", "text"],
    ...   "primary_keys": [], "foreign_keys": []}]''')
    >>> _ = (root / "gold.txt").write_text("SELECT name FROM shop\\tshop\\n" * 2)
    >>> _ = (root / "pred.txt").write_text("select shop.name from shop\\nselect 'Anker'\\n")
    >>> scored = score_file(root / "pred.txt", root, gold=root / "gold.txt")
    >>> scored.summary.execution_accuracy.correct, [v.exact for v in scored.verdicts]
    (1, [True, False])
    >>> connection.close(); folder.cleanup()
    """
    predictions, data_dir = Path(predictions), Path(data_dir)
    gold = None if gold is None else Path(gold)
    named = progress or (lambda _: lambda _done, _total: None)
    limits = limits_of(benchmark)
    if seconds is not None:
        limits = replace(limits, seconds=seconds)
    with Sandbox(limits, workers=2) as sandbox:
        sandbox.start()  # while the files are read
        split, dataset = _asked(benchmark, data_dir, gold, split, skip_bad_gold)
        answers = read_predictions(predictions, dataset, extract=extract)
        if not skip_bad_gold:
            _check_files(dataset)

        def judge_from(start: int) -> Iterator[Verdict]:
            return judge_each(
                dataset.examples,
                answers,
                dataset.databases,
                sandbox,
                named(""),
                match=match,
                start=start,
                skip_bad_gold=skip_bad_gold,
            )

        if keep_in is None:
            verdicts = spooled(judge_from(0))
        else:
            key = what_is_judged(dataset, predictions, split, match, limits, extract, skip_bad_gold)
            verdicts = spooled(kept_and_judged(keep_in, key, judge_from))
        if suite is not None:
            verdicts = _on_suite(verdicts, dataset, answers, suite, sandbox, named, match)
    if explained:
        verdicts = spooled(explain(dataset.examples, answers, verdicts, dataset.databases))
    breakdown = break_down(dataset.examples, verdicts, dataset.databases)
    found = ScoredFile(benchmark, split, summarise(verdicts), verdicts, breakdown, dataset, answers)
    if efficiency_runs is None:
        return found
    efficiency = _timed(verdicts, dataset, answers, limits, efficiency_runs, named("timing"))
    return replace(found, efficiency=efficiency)


def _asked(
    benchmark: BenchmarkName, data_dir: Path, gold: Path | None, split: str | None, skip: bool
) -> tuple[str, Dataset]:
    """The examples to judge on, and the name of their split."""
    if gold is None:
        split = split or DEFAULT_SPLITS[benchmark]
        return split, load_benchmark(benchmark, data_dir, split, skip_bad_gold=skip)
    if benchmark != "spider" or split is not None:
        raise DataError(
            "a file of golds with another benchmark or a split",
            "golds and databases in Spider's layout",
            "leave out the split, and name the benchmark spider",
        )
    return gold.name, load_gold_file(gold, data_dir, skip_bad_gold=skip)


def _timed(
    verdicts: Sequence[Verdict],
    dataset: Dataset,
    answers: Sequence[Prediction],
    limits: Limits,
    runs: int,
    progress: Callable[[int, int], None],
) -> Efficiency:
    from sqlforge.score.efficiency import efficiency, measure

    examples, databases = dataset.examples, dataset.databases
    with Sandbox(limits) as alone:  # queries at once would slow each other down
        ratios = measure(
            examples, answers, verdicts, databases, alone, runs=runs, progress=progress
        )
    return efficiency(ratios, runs)


def _on_suite(
    verdicts: Sequence[Verdict],
    dataset: Dataset,
    answers: Sequence[Prediction],
    options: SuiteOptions,
    sandbox: Sandbox,
    named: NamedProgress,
    match: Match,
) -> list[Verdict]:
    from sqlforge.score.suite import build_suite, judge_on_suite  # loads an SQL parser

    pairs = zip(dataset.examples, verdicts, strict=True)
    built = build_suite(
        [example for example, verdict in pairs if verdict.bad_gold is None],
        dataset.databases,
        match=match,
        size=options.size,
        folder=options.folder,
        progress=named("building the suite"),
    )
    return judge_on_suite(
        verdicts,
        dataset.examples,
        answers,
        dataset.databases,
        built,
        sandbox,
        named("judging on the suite"),
        match=match,
    )


def _check_files(dataset: Dataset) -> None:
    """A public benchmark is executed as a whole or not at all."""
    lacking = [d.db_id for d in dataset.databases.values() if d.path is None]
    if lacking:
        named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
        raise DataError(
            f"{len(lacking)} of {len(dataset.databases)} databases without a file ({named})",
            f"a SQLite file for every database of {dataset.name}",
            "put them into the benchmark's folder as database/NAME/NAME.sqlite, or leave their "
            "examples out with --skip-bad-gold",
        )
