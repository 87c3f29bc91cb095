"""Verb → stage; the only place that prints a user's mistake.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from sqlforge.core.errors import DataError, SqlforgeError, UserError
from sqlforge.core.files import CANNOT_STORE

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="sqlforge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Forge a language model into a text-to-SQL specialist, and prove what came out.",
)

# Package → the extra that brings it; the base install does without.
_EXTRAS = {
    "torch": "train",
    "transformers": "train",
    "peft": "train",
    "bitsandbytes": "train",
    "accelerate": "train",
    "safetensors": "train",
    "gguf": "train",
    "faker": "data",
    "datasets": "data",
}

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
    small: Annotated[bool, typer.Option(help="A minute's version that shows it works.")] = False,
    json: Json = None,
) -> None:
    """Forge SmolLM2-135M on the embedded corpus, on this machine's CPU."""
    name = "smollm2-135m-cpu-small" if small else "smollm2-135m-cpu"
    _run(_bundled_recipe(name), out, None, json)


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
    _print(facts | {"skipped": len(found.skipped)}, json)


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

    _print(do_synth(out, n=n, seed=seed, max_tables=max_tables), json)


@app.command(epilog="Example: sqlforge train runs/mine")
def train(run: RunArgument, json: Json = None) -> None:
    """Fine-tune the base model of a prepared run."""
    from dataclasses import asdict

    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.train import train_run

    _quiet_libraries()
    console = _console()
    _print(asdict(train_run(RunDir(run), console, console.print)), json)


@app.command(epilog="Example: sqlforge merge runs/mine")
def merge(run: RunArgument, json: Json = None) -> None:
    """Fold a run's adapter into a whole model that plain transformers loads."""
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.merge import merge_run

    _quiet_libraries()
    directory = RunDir(run)
    merge_run(directory, typer.echo)
    _print({"merged": str(directory.merged)}, json)


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

    _quiet_libraries()
    found = predict_benchmark(
        model,
        benchmark,
        _data_dir(data_dir),
        out,
        split=split,
        rows=rows,
        max_new_tokens=max_new_tokens,
        progress=_progress(_console())("answers"),
    )
    _print(found, json)


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

    console = _console()
    found = score_file(
        benchmark, _data_dir(data_dir), predictions, split=split, progress=_progress(console)("")
    )
    if verdicts is not None:
        write_jsonl(verdicts, verdict_rows(found.verdicts))
    _print(to_json(found.summary, benchmark, found.split), json)


@app.command(epilog="Example: sqlforge report runs/mine")
def report(run: RunArgument, json: Json = None) -> None:
    """Write a run's report.html anew."""
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.report import report_run

    _print({"report": str(report_run(RunDir(run)))}, json)


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

    _quiet_libraries()
    demo = _bundled_recipe("smollm2-135m-cpu")
    with temporary_run(load_recipe(demo)) if run is None else nullcontext(RunDir(run)) as found_in:
        again = _trace_command(example_id, run, answer, markdown)
        found = trace_example(example_id, found_in, answer, markdown, _console(), again)
    if json is not None:
        _write_json(found, json)


def main() -> None:
    """Entry point: exit code 2 and one sentence for a user's mistake, 1 for a defect.

    Broken gold queries and failed training are nobody's mistake at the keyboard: they exit with 1
    too, but with their sentence only.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except UserError as mistake:
        _leave(mistake, 2)
    except SqlforgeError as failure:
        _leave(failure, 1)
    except ModuleNotFoundError as fault:
        if fault.name not in _EXTRAS:
            raise
        _leave(_no_extra(fault.name), 2)
    except OSError as fault:
        # Paths that the user named; a folder of a run that vanished stays a defect.
        if fault.errno not in CANNOT_STORE or fault.filename is None:
            raise
        _leave(_unusable_path(fault), 2)


def _leave(reason: Exception, code: int) -> NoReturn:
    from sqlforge.core.redact import without_password

    typer.echo(without_password(f"sqlforge: {reason}"), err=True)
    sys.exit(code)


def _no_extra(package: str) -> UserError:
    return UserError(
        f"an installation without the package '{package}'",
        f"the extra '{_EXTRAS[package]}'",
        f"run: pip install 'sqlforge[{_EXTRAS[package]}]'",
    )


def _unusable_path(fault: OSError) -> UserError:
    return UserError(
        f"'{fault.strerror}' at {fault.filename}",
        "a path that can be read or written as the command needs",
        "check what it is, who may use it, and whether the disk has room",
    )


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
    _quiet_libraries()
    console = _console()
    target = out or Path("runs") / loaded.name
    summaries = pipeline.run(loaded, target, named_data_dir(data_dir), console, _progress(console))
    if json is not None:
        _write_json(pipeline.as_json(summaries), json)


def _score_internal(run: Path | None, json: Path | None) -> None:
    if run is None:
        raise DataError("--benchmark internal without --run", "a run directory", "add --run DIR")
    from sqlforge.core.run_dir import RunDir
    from sqlforge.pipeline import as_json
    from sqlforge.report.console import print_comparison
    from sqlforge.stages.score import score_run

    scored = score_run(RunDir(run))
    print_comparison(_console(), scored.summaries, scored.comparison)
    if json is not None:
        _write_json(as_json(scored.summaries), json)


def _data_dir(explicit: Path | None) -> Path:
    from sqlforge.core.paths import data_dir

    found = data_dir(explicit)
    if found is None:
        raise DataError(
            "no folder with the benchmark's files",
            "--data-dir DIR or the environment variable SQLFORGE_DATA_DIR",
            "name the folder that holds the published files",
        )
    return found


def _bundled_recipe(name: str) -> Path:
    """A recipe of the package, or of the source tree beside it."""
    here = Path(__file__).resolve().parent
    for folder in (here / "recipes", here.parents[1] / "recipes"):
        if (folder / f"{name}.yaml").exists():
            return folder / f"{name}.yaml"
    raise UserError(f"an installation without {name}.yaml", "the recipes", "reinstall sqlforge")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def _progress(console: Console) -> Callable[[str], Callable[[int, int], None]]:
    from sqlforge.report.progress import progress_bars

    return progress_bars(console)


def _quiet_libraries() -> None:
    """Our bars and sentences say what happens; the libraries' own add noise only."""
    from sqlforge.model.quiet import quiet_libraries

    quiet_libraries()


def _print(facts: object, path: Path | None) -> None:
    typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
    if path is not None:
        _write_json(facts, path)


def _write_json(facts: object, path: Path) -> None:
    from sqlforge.core.files import write_json

    write_json(path, facts)
