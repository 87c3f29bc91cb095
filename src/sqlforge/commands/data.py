"""``prepare`` and ``synth``: what models learn from.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import (
    print_facts,
)
from sqlforge.commands.options import DataDir, Json, RecipeArgument


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
