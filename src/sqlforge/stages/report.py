"""``report``: gather what a run directory holds and write ``report.html`` and the model card."""

from __future__ import annotations

from pathlib import Path

from sqlforge.core.files import write_text
from sqlforge.core.run_dir import RunDir
from sqlforge.report.card_data import card_of
from sqlforge.report.gather import gather
from sqlforge.report.html import render
from sqlforge.report.model_card import render_card


def report_run(run: RunDir) -> Path:
    """Write ``report.html`` and return its path; parts that the run lacks are left out.

    A run with a model gets ``model-card.md`` too, which ``publish`` makes anew with its own name.

    Raises:
        UserError: no predictions have been scored yet.
        RecipeError: the folder holds no recipe.
        StorageError: the page cannot be written.
    """
    data = gather(run)
    write_text(run.report, render(data))
    if run.merged.is_dir() or run.adapter.is_dir():
        card = card_of(run, "merged" if run.merged.is_dir() else "adapter", data)
        if not card.scored and run.adapter.is_dir():
            card = card_of(run, "adapter", data)
        write_text(run.card, render_card(card, f"user/{card.name}"))
    return run.report
