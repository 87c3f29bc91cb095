"""``prepare`` and ``synth``: what models learn from.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import (
    new_console,
    print_facts,
    progress_on,
)
from sqlforge.commands.options import DataDir, Json, RecipeArgument


def prepare(
    recipe: RecipeArgument,
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="The run directory; else runs/NAME.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many clean at once; else one a core.")
    ] = None,
    json: Json = None,
) -> None:
    """Gather, clean and mix a recipe's examples into a run directory.

    What is left out, and why, is listed in data/dropped.jsonl.
    """
    from dataclasses import asdict

    from sqlforge.core.config import load_recipe
    from sqlforge.core.paths import data_dir as named_data_dir
    from sqlforge.pipeline import begin
    from sqlforge.stages.prepare import prepare as do_prepare

    loaded = load_recipe(recipe)
    directory = begin(loaded, out or Path("runs") / loaded.name)
    console = new_console()
    found = do_prepare(
        loaded,
        directory,
        named_data_dir(data_dir),
        console.print,
        progress_on(console),
        processes=processes,
    )
    facts = {key: value for key, value in asdict(found).items() if key != "skipped"}
    print_facts(facts | {"skipped": len(found.skipped)}, json)


def synth(
    out: Annotated[
        Path | None, typer.Option(help="Where the corpus goes; a new or empty folder.")
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("--n", min=10, help="Examples in all; 20,000, or 2,000 with --db."),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(help="Ask about this database: a file or URL. It is only read."),
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="With --db: what tables and columns are called, as YAML.")
    ] = None,
    suggest_names: Annotated[
        Path | None, typer.Option(help="With --db: write such a file to edit, and nothing else.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same corpus.")] = 7,
    max_tables: Annotated[
        int | None, typer.Option(min=1, help="Cut domains into databases of at most so many.")
    ] = None,
    json: Json = None,
) -> None:
    """Make questions with executed SQL, over embedded domains or about your own database."""
    from sqlforge.core.errors import UserError
    from sqlforge.stages import synth as stage

    if db is None and (names is not None or suggest_names is not None):
        raise UserError("--names or --suggest-names alone", "--db with them", "name the database")
    if db is not None and max_tables is not None:
        raise UserError("--max-tables with --db", "one of them", "leave --max-tables out")
    if suggest_names is not None and (out is not None or n is not None):
        ignored = "--out" if out is not None else "--n"
        raise UserError(
            f"{ignored} with --suggest-names",
            "one of them",
            "suggest names first, then make questions",
        )
    if db is not None and suggest_names is not None:
        written = stage.suggest_names(db, suggest_names, seed=seed, names_file=names)
        print_facts({"names": str(written)}, json)
        return
    if out is None:
        raise UserError("no --out", "a new or empty folder", "say where the corpus goes")
    if db is None:
        made = stage.synth(out, n=n or 20_000, seed=seed, max_tables=max_tables)
    else:
        from rich.console import Console

        bars = progress_on(Console(stderr=True))
        made = stage.synth_database(db, out, n=n or 2_000, seed=seed, names_file=names, bars=bars)
    print_facts(made, json)
