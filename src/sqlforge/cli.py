"""Verb → stage; the command line as others call it.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
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
    run_and_explain,
    write_facts,
)
from sqlforge.core.errors import DataError

app = typer.Typer(
    name="sqlforge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Forge a language model into a text-to-SQL specialist, and prove what came out.",
)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder with the published data; else $SQLFORGE_DATA_DIR."),
]
Json = Annotated[Path | None, typer.Option("--json", help="Also write what was found here.")]
RunArgument = Annotated[Path, typer.Argument(help="The run directory.")]
RecipeArgument = Annotated[Path, typer.Argument(help="A recipe; see recipes/.")]


@app.command(epilog="Example: sqlforge demo --out runs/demo")
def demo(
    out: Annotated[Path, typer.Option(help="The run directory.")] = Path("runs/demo"),
    small: Annotated[bool, typer.Option(help="A few minutes: shows that it works.")] = False,
    json: Json = None,
) -> None:
    """Forge SmolLM2-135M on the embedded corpus, on this machine's CPU."""
    name = "smollm2-135m-cpu-small" if small else "smollm2-135m-cpu"
    _run(bundled_recipe(name), out, None, json)


@app.command(epilog="Example: sqlforge run recipes/smollm2-135m-gpu.yaml --data-dir data")
def run(
    recipe: RecipeArgument,
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="The run directory; else runs/NAME.")] = None,
    json: Json = None,
) -> None:
    """Do every stage of a recipe; what is done already is skipped."""
    _run(recipe, out, data_dir, json)


@app.command(epilog="Example: sqlforge prepare recipes/smollm2-135m-cpu.yaml --out runs/mine")
def prepare(
    recipe: RecipeArgument,
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="The run directory; else runs/NAME.")] = None,
    json: Json = None,
) -> None:
    """Gather a recipe's examples and databases into a run directory."""
    from dataclasses import asdict

    from sqlforge.core.config import load_recipe
    from sqlforge.core.paths import data_dir as named_data_dir
    from sqlforge.pipeline import begin
    from sqlforge.stages.prepare import prepare as do_prepare

    loaded = load_recipe(recipe)
    directory = begin(loaded, out or Path("runs") / loaded.name)
    found = do_prepare(loaded, directory, named_data_dir(data_dir), typer.echo)
    facts = {key: value for key, value in asdict(found).items() if key != "skipped"}
    print_facts(facts | {"skipped": len(found.skipped)}, json)


@app.command(epilog="Example: sqlforge synth --out corpus --n 20000")
def synth(
    out: Annotated[Path, typer.Option(help="Where the corpus goes; a new or empty folder.")],
    n: Annotated[int, typer.Option("--n", min=10, help="Examples in all.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same corpus.")] = 7,
    max_tables: Annotated[
        int | None, typer.Option(min=1, help="Cut domains into databases of at most so many.")
    ] = None,
    json: Json = None,
) -> None:
    """Make the embedded synthetic corpus: questions, executed SQL and SQLite databases."""
    from sqlforge.stages.synth import synth as do_synth

    print_facts(do_synth(out, n=n, seed=seed, max_tables=max_tables), json)


@app.command(epilog="Example: sqlforge train runs/mine")
def train(run: RunArgument, json: Json = None) -> None:
    """Fine-tune the base model of a prepared run."""
    from dataclasses import asdict

    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.train import train_run

    quiet_libraries()
    console = new_console()
    print_facts(asdict(train_run(RunDir(run), console, console.print)), json)


@app.command(epilog="Example: sqlforge merge runs/mine")
def merge(run: RunArgument, json: Json = None) -> None:
    """Fold a run's adapter into a whole model that plain transformers loads."""
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.merge import merge_run

    quiet_libraries()
    directory = RunDir(run)
    merge_run(directory, typer.echo)
    print_facts({"merged": str(directory.merged)}, json)


@app.command(
    epilog="Example: sqlforge predict --model runs/mine/merged --benchmark spider "
    "--data-dir data --out predictions.jsonl"
)
def predict(
    model: Annotated[str, typer.Option(help="Catalog name, hub id, merged or adapter folder.")],
    benchmark: Annotated[Literal["spider", "wikisql"], typer.Option(help="What to answer.")],
    out: Annotated[Path, typer.Option(help="JSONL with id, sql and the raw text.")],
    data_dir: DataDir = None,
    split: Annotated[str | None, typer.Option(help="Else the benchmark's test split.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first so many.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1)] = 128,
    json: Json = None,
) -> None:
    """Let a model answer a public benchmark."""
    from sqlforge.stages.predict import predict_benchmark

    quiet_libraries()
    found = predict_benchmark(
        model,
        benchmark,
        published_folder(data_dir),
        out,
        split=split,
        rows=rows,
        max_new_tokens=max_new_tokens,
        progress=progress_on(new_console())("answers"),
    )
    print_facts(found, json)


@app.command(
    epilog="Example: sqlforge score --benchmark spider --data-dir data --predictions pred.sql"
)
def score(
    benchmark: Annotated[
        Literal["spider", "wikisql", "internal"], typer.Option(help="What was answered.")
    ],
    predictions: Annotated[
        Path | None, typer.Option(help="One SQL a line in order, or JSONL with id and sql.")
    ] = None,
    data_dir: DataDir = None,
    split: Annotated[str | None, typer.Option(help="Else the benchmark's test split.")] = None,
    run: Annotated[Path | None, typer.Option(help="For 'internal': the run directory.")] = None,
    verdicts: Annotated[Path | None, typer.Option(help="One JSON line an example.")] = None,
    json: Json = None,
) -> None:
    """Judge predictions by executing them, in a read-only sandbox."""
    if benchmark == "internal":
        _score_internal(run, json)
        return
    if predictions is None:
        raise DataError("no --predictions", "a file of predicted SQL", "add --predictions FILE")
    from sqlforge.core.files import write_jsonl
    from sqlforge.score.summary import to_json
    from sqlforge.stages.score import score_file, verdict_rows

    console = new_console()
    found = score_file(
        benchmark,
        published_folder(data_dir),
        predictions,
        split=split,
        progress=progress_on(console)(""),
    )
    if verdicts is not None:
        write_jsonl(verdicts, verdict_rows(found.verdicts))
    print_facts(to_json(found.summary, benchmark, found.split), json)


@app.command(epilog="Example: sqlforge report runs/mine")
def report(run: RunArgument, json: Json = None) -> None:
    """Write a run's report.html anew."""
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.report import report_run

    print_facts({"report": str(report_run(RunDir(run)))}, json)


@app.command(epilog="Example: sqlforge trace synthetic-test-000003 --run runs/demo")
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


def main() -> None:
    """Entry point: exit code 2 and one sentence for a user's mistake, 1 for a defect."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(run_and_explain(app))


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


def _run(recipe: Path, out: Path | None, data_dir: Path | None, json: Path | None) -> None:
    from sqlforge import pipeline
    from sqlforge.core.config import load_recipe
    from sqlforge.core.paths import data_dir as named_data_dir

    loaded = load_recipe(recipe)
    quiet_libraries()
    console = new_console()
    target = out or Path("runs") / loaded.name
    summaries = pipeline.run(
        loaded, target, named_data_dir(data_dir), console, progress_on(console)
    )
    if json is not None:
        write_facts(pipeline.as_json(summaries), json)


def _score_internal(run: Path | None, json: Path | None) -> None:
    if run is None:
        raise DataError("--benchmark internal without --run", "a run directory", "add --run DIR")
    from sqlforge.core.run_dir import RunDir
    from sqlforge.pipeline import as_json
    from sqlforge.report.console import print_comparison
    from sqlforge.stages.score import score_run

    scored = score_run(RunDir(run))
    print_comparison(new_console(), scored.summaries, scored.comparison)
    if json is not None:
        write_facts(as_json(scored.summaries), json)
