"""``demo`` and ``run``: every stage in order.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import (
    bundled_recipe,
    launched_together,
    new_console,
    progress_on,
    quiet_libraries,
    write_facts,
)
from sqlforge.commands.options import DataDir, Json, RecipeArgument


def demo(
    out: Annotated[Path, typer.Option(help="The run directory.")] = Path("runs/demo"),
    small: Annotated[bool, typer.Option(help="The same stages; learns little.")] = False,
    json: Json = None,
) -> None:
    """Forge SmolLM2-135M on the embedded corpus, on this machine's CPU."""
    name = "smollm2-135m-cpu-small" if small else "smollm2-135m-cpu"
    _run(bundled_recipe(name), out, None, json)


def run(
    recipe: RecipeArgument,
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="The run directory; else runs/NAME.")] = None,
    json: Json = None,
) -> None:
    """Do every stage of a recipe; what is done already is skipped."""
    _run(recipe, out, data_dir, json)


def _run(recipe: Path, out: Path | None, data_dir: Path | None, json: Path | None) -> None:
    from sqlforge import pipeline
    from sqlforge.core.config import load_recipe
    from sqlforge.core.paths import data_dir as named_data_dir

    with launched_together() as processes:
        loaded = load_recipe(recipe)
        quiet_libraries()
        console = new_console()
        target = out or Path("runs") / loaded.name
        if processes is not None:
            pipeline.check_processes(loaded, processes)
            if not processes.first:
                pipeline.help_train(target, console, processes)
                return
        summaries = pipeline.run(
            loaded, target, named_data_dir(data_dir), console, progress_on(console), processes
        )
    if json is not None:
        write_facts(pipeline.as_json(summaries), json)
