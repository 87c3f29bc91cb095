"""``merge``: fold the run's adapter into a whole model."""

from __future__ import annotations

from collections.abc import Callable

from sqlforge.core.run_dir import RunDir
from sqlforge.model.merge import merge


def merge_run(run: RunDir, say: Callable[[str], None]) -> None:
    """Write ``merged/``; a fully fine-tuned run has it already."""
    recipe = run.recipe()
    if recipe.train.method == "full":
        say("full fine-tuning left a whole model: nothing to merge")
        return
    merge(run.adapter, run.merged, dtype=recipe.model.dtype, device=recipe.model.device)
