"""``merge``: fold the run's adapter into a whole model."""

from __future__ import annotations

from collections.abc import Callable

from sqlforge.core.errors import UserError
from sqlforge.core.run_dir import RunDir
from sqlforge.model.merge import merge


def merge_run(run: RunDir, say: Callable[[str], None]) -> None:
    """Write ``merged/``; a fully fine-tuned run has it already.

    Raises:
        UserError: the run has not been trained yet.
        ModelError, StorageError: see :func:`sqlforge.model.merge.merge`.
    """
    recipe = run.recipe()
    trained = run.merged if recipe.train.method == "full" else run.adapter
    if not trained.is_dir():
        raise UserError(
            f"{run.path} without {trained.name}/",
            "a run whose model was trained",
            f"start 'sqlforge train {run.path}' first",
        )
    if recipe.train.method == "full":
        say("full fine-tuning left a whole model: nothing to merge")
        return
    merge(run.adapter, run.merged, dtype=recipe.model.dtype, device=recipe.model.device)
