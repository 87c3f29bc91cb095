"""``plan``: memory and time before anything is loaded.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import new_console, quiet_libraries, write_facts
from sqlforge.commands.options import Json
from sqlforge.core.errors import UserError


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
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Also train three steps on this machine's card, and correct."
        ),
    ] = False,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Compare base models for 12 GB, --model among them.")
    ] = False,
    json: Json = None,
) -> None:
    """Say what training will take: memory piece by piece, what fits, hours an epoch."""
    from sqlforge.report import plan as pages
    from sqlforge.stages import plan as stage

    console = new_console()
    if matrix:
        if gpu is not None or recipe is not None or measure:
            raise UserError(
                "--matrix with --gpu, --recipe or --measure",
                "--matrix alone or with --model",
                "leave the others out: the matrix is for a 12 GB card",
            )
        candidates = stage.compare(model)
        pages.print_matrix(console, candidates)
        if json is not None:
            write_facts(stage.matrix_facts(candidates), json)
        return
    found = stage.plan(model, gpu, recipe, here=measure)
    if measure:
        quiet_libraries()
        found = stage.measured(found)
    pages.print_budget(console, found.asked, found.card, found.budget)
    pages.print_advice(
        console,
        found.fits,
        found.card.usable - found.budget.reserved,
        found.largest_packs,
        found.changes,
        found.asked.corpus.longest,
    )
    pages.print_speeds(
        console, found.speeds, found.asked.corpus.examples, found.asked.corpus.source
    )
    if found.measured is not None:
        took = found.measured
        pages.print_measured(console, took.reserved, took.predicted, took.seconds)
    if json is not None:
        write_facts(found.facts(), json)
