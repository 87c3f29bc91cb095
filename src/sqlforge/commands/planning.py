"""``plan``: memory and time before anything is loaded.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import new_console, write_facts
from sqlforge.commands.options import Json


def plan(
    model: Annotated[
        str | None,
        typer.Option(help="Catalog name, config.json or a folder with one; else the recipe's."),
    ] = None,
    gpu: Annotated[
        str | None, typer.Option(help="Memory such as 12GB, or a card such as rtx-3060.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="A recipe or a run directory, whose own examples then count."),
    ] = None,
    json: Json = None,
) -> None:
    """Say what training will take: memory piece by piece, what fits, hours an epoch."""
    from sqlforge.report import plan as pages
    from sqlforge.stages import plan as stage

    console = new_console()
    found = stage.plan(model, gpu, recipe)
    pages.print_budget(console, found.asked, found.card, found.budget)
    longest = found.asked.corpus.longest
    pages.print_advice(console, found.fits, found.largest_packs, found.changes, longest)
    pages.print_speeds(
        console, found.speeds, found.asked.corpus.examples, found.asked.corpus.source
    )
    if json is not None:
        write_facts(found.facts(), json)
