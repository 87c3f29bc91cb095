"""``score``, ``report`` and ``trace``: what came out.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from sqlforge.cli_support import (
    bundled_recipe,
    new_console,
    print_facts,
    progress_on,
    published_folder,
    quiet_libraries,
    write_facts,
)
from sqlforge.commands.options import DataDir, Json, RunArgument
from sqlforge.core.errors import DataError, GoldError


def score(
    benchmark: Annotated[
        Literal["spider", "wikisql", "bird", "internal"],
        typer.Option(help="What was answered; internal: the test set of --run."),
    ],
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="One SQL a line in order, JSONL with id and sql, or the benchmark's own form."
        ),
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option(help="Spider: golds of one's own, a line SQL, tab, name of the database."),
    ] = None,
    data_dir: DataDir = None,
    split: Annotated[str | None, typer.Option(help="Else the dev split, wikisql's test.")] = None,
    match: Annotated[
        Literal["official", "strict"],
        typer.Option(help="Count as the benchmark's own evaluator does, or strictly."),
    ] = "official",
    extract: Annotated[
        bool, typer.Option("--extract", help="Find the SQL in fences and prose; not official.")
    ] = False,
    efficiency: Annotated[
        int | None,
        typer.Option(min=2, help="Also R-VES, from so many runs of each pair; BIRD takes 100."),
    ] = None,
    suite: Annotated[
        int | None,
        typer.Option(min=1, help="Test-suite accuracy, on up to so many instances a database."),
    ] = None,
    suite_dir: Annotated[
        Path | None, typer.Option(help="Keep the suite here instead of in the cache.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Also what is wrong with each failure, in classes."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="Another system's predictions: is this one better, by paired tests."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--report", help="Write a page: both modes side by side, mistakes by class."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.01, help="What one query may take; else 5, for BIRD 30."),
    ] = None,
    skip_bad_gold: Annotated[
        bool,
        typer.Option(
            "--skip-bad-gold",
            help="Leave out and count what has a failing gold or no database.",
        ),
    ] = False,
    run: Annotated[Path | None, typer.Option(help="For 'internal': the run directory.")] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(help="One JSON line an example; a killed command goes on from there."),
    ] = None,
    json: Json = None,
) -> None:
    """Judge predictions by executing them, in a read-only sandbox."""
    if suite_dir is not None and suite is None:
        raise DataError("--suite-dir without --suite", "both or neither", "add --suite 20")
    if benchmark == "internal":
        told = {
            "--predictions": predictions,
            "--gold": gold,
            "--data-dir": data_dir,
            "--split": split,
            "--match": match != "official",
            "--extract": extract,
            "--efficiency": efficiency,
            "--explain": explain,
            "--against": against,
            "--report": page,
            "--seconds": seconds,
            "--skip-bad-gold": skip_bad_gold,
        }
        _refuse_for_runs([option for option, value in told.items() if value])
        _score_internal(run, json, verdicts, suite, suite_dir)
        return
    if run is not None:
        raise DataError(
            f"--run for the benchmark {benchmark}",
            "a run directory for --benchmark internal only",
            "name --predictions, or take --benchmark internal",
        )
    if predictions is None:
        raise DataError("no --predictions", "a file of predicted SQL", "add --predictions FILE")
    from sqlforge.core.files import write_jsonl
    from sqlforge.score.api import ScoredFile, SuiteOptions, score_file
    from sqlforge.score.breakdown import breakdown_json
    from sqlforge.score.resume import partial_path
    from sqlforge.score.summary import to_json, verdict_rows

    console = new_console()
    judged = partial(
        score_file,
        data_dir=published_folder(data_dir),
        benchmark=benchmark,
        gold=gold,
        split=split,
        seconds=seconds,
        extract=extract,
        skip_bad_gold=skip_bad_gold,
        explained=explain or page is not None,
    )
    with _gold_explained():
        found = judged(
            predictions,
            match=match,
            efficiency_runs=efficiency,
            suite=SuiteOptions(suite, suite_dir) if suite is not None else None,
            keep_in=None if verdicts is None else partial_path(verdicts),
            progress=progress_on(console),
        )
        rival = None if against is None else judged(against, match=match)
        if page is not None:
            from sqlforge.stages.score_page import write_page

            other: Literal["official", "strict"] = "strict" if match == "official" else "official"
            both: dict[str, ScoredFile] = {match: found, other: judged(predictions, match=other)}
            write_page(page, predictions.name, both)
    if verdicts is not None:
        write_jsonl(verdicts, verdict_rows(found.verdicts))
        partial_path(verdicts).unlink()
    facts = to_json(found.summary, benchmark, found.split) | breakdown_json(found.breakdown)
    if rival is not None:
        from sqlforge.score.paired import paired_json

        facts["against"] = paired_json(found.dataset.examples, rival.verdicts, found.verdicts)
    if found.efficiency is not None:
        from sqlforge.score.efficiency import efficiency_json

        facts["efficiency"] = efficiency_json(found.efficiency)
    print_facts(facts, json)


def report(run: RunArgument, json: Json = None) -> None:
    """Write a run's report.html and model-card.md anew."""
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.report import report_run

    print_facts({"report": str(report_run(RunDir(run)))}, json)


def trace(
    example_id: Annotated[str, typer.Argument(help="An example's id.")],
    run: Annotated[
        Path | None, typer.Option(help="A run directory; else the demo's corpus is made.")
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="Judge this answer instead of the run's own.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write Markdown here instead of colours.")
    ] = None,
    json: Json = None,
) -> None:
    """Follow one example through every station, from raw row to verdict."""
    from contextlib import nullcontext

    from sqlforge.core.config import load_recipe
    from sqlforge.core.run_dir import RunDir
    from sqlforge.pipeline import temporary_run
    from sqlforge.stages.trace import trace_example

    quiet_libraries()
    demo = bundled_recipe("smollm2-135m-cpu")
    with temporary_run(load_recipe(demo)) if run is None else nullcontext(RunDir(run)) as found_in:
        again = _trace_command(example_id, run, answer, markdown)
        found = trace_example(example_id, found_in, answer, markdown, new_console(), again)
    if json is not None:
        write_facts(found, json)


@contextmanager
def _gold_explained() -> Iterator[None]:
    """A gold that fails is here the user's to mend or to leave out."""
    try:
        yield
    except GoldError as fault:
        raise DataError(
            f"a gold that fails ({fault.reason}), that of {fault.example_id}: {fault.sql}",
            "golds that run",
            "mend it, or leave such examples out with --skip-bad-gold, which counts them",
        ) from fault


def _refuse_for_runs(options: list[str]) -> None:
    """A run's own test set is judged as its recipe says: options that would not count end it."""
    if options:
        raise DataError(
            f"{', '.join(options)} for the test set of a run",
            "--run DIR, and --suite if you like: the run's recipe says the rest",
            "leave them out",
        )


def _score_internal(
    run: Path | None,
    json: Path | None,
    verdicts: Path | None,
    suite: int | None,
    suite_dir: Path | None,
) -> None:
    if run is None:
        raise DataError("--benchmark internal without --run", "a run directory", "add --run DIR")
    from sqlforge.core.files import write_jsonl
    from sqlforge.core.run_dir import RunDir
    from sqlforge.pipeline import as_json
    from sqlforge.report.console import print_comparison
    from sqlforge.score.api import SuiteOptions
    from sqlforge.score.summary import summarise, to_json, verdict_rows
    from sqlforge.stages.score import headline, score_run

    console, directory = new_console(), RunDir(run)
    options = SuiteOptions(suite, suite_dir) if suite is not None else None
    scored = score_run(directory, progress_on(console)("verdicts"), suite=options)
    print_comparison(console, scored.summaries, scored.comparison)
    system, found = headline(directory, scored)
    if verdicts is not None:
        write_jsonl(verdicts, verdict_rows(found))
    if json is not None:
        facts = to_json(summarise(found), "internal", "test")
        write_facts({**facts, "system": system, "sources": as_json(scored.summaries)}, json)


def _trace_command(
    example_id: str, run: Path | None, answer: str | None, markdown: Path | None
) -> str:
    """The command line that makes the same page again."""
    from sqlforge.report.stations import command_line

    words = ["sqlforge", "trace", example_id]
    for option, value in (("--run", run), ("--answer", answer), ("--markdown", markdown)):
        if value is not None:
            words += [option, value.as_posix() if isinstance(value, Path) else value]
    return command_line(words)
