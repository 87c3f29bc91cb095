"""``train``, ``merge`` and ``predict``: what needs a model.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sqlforge.cli_support import (
    new_console,
    print_facts,
    progress_on,
    published_folder,
    quiet_libraries,
)
from sqlforge.commands.options import DataDir, Json, RunArgument


def train(run: RunArgument, json: Json = None) -> None:
    """Fine-tune the base model of a prepared run."""
    from dataclasses import asdict

    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.train import train_run

    quiet_libraries()
    console = new_console()
    print_facts(asdict(train_run(RunDir(run), console, console.print)), json)


def merge(run: RunArgument, json: Json = None) -> None:
    """Fold a run's adapter into a whole model that plain transformers loads."""
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.merge import merge_run

    quiet_libraries()
    directory = RunDir(run)
    merge_run(directory, typer.echo)
    print_facts({"merged": str(directory.merged)}, json)


def predict(
    model: Annotated[str, typer.Option(help="Catalog name, hub id, merged or adapter folder.")],
    benchmark: Annotated[Literal["spider", "wikisql"], typer.Option(help="What to answer.")],
    out: Annotated[Path, typer.Option(help="JSONL with id, sql and the raw text.")],
    data_dir: DataDir = None,
    split: Annotated[str | None, typer.Option(help="Else spider's dev, wikisql's test.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first so many.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Where an answer is cut.")] = 128,
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
