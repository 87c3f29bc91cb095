"""``report``: gather what a run directory holds and write ``report.html``."""

from __future__ import annotations

from pathlib import Path

from sqlforge.core.files import write_text
from sqlforge.core.run_dir import RunDir
from sqlforge.report.gather import gather
from sqlforge.report.html import render


def report_run(run: RunDir) -> Path:
    """Write ``report.html`` and return its path; parts that the run lacks are left out.

    Raises:
        UserError: no predictions have been scored yet.
        RecipeError: the folder holds no recipe.
        StorageError: the page cannot be written.
    """
    write_text(run.report, render(gather(run)))
    return run.report
