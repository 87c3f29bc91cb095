"""``merge``: fold the run's adapter into a whole model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sqlforge.core.config import Recipe
from sqlforge.core.errors import UserError
from sqlforge.core.files import digests
from sqlforge.core.run_dir import RunDir
from sqlforge.model.fold import MergeBase
from sqlforge.model.merge_shards import merge
from sqlforge.report.card_data import public_recipe


def merge_run(
    run: RunDir,
    say: Callable[[str], None],
    *,
    base: MergeBase | None = None,
    out: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write ``merged/`` and return it; a fully fine-tuned run has it already.

    Args:
        base: what the adapter is added to; else what it was trained on, which is
            ``dequantised`` for QLoRA.
        out: another folder than ``merged/``; the recipe goes there too, so that SQLForge asks the
            model as in training.

    Raises:
        UserError: the run has not been trained yet, ``out`` exists, the adapter was not trained on
            4 bits, or there is an option for a run without an adapter.
        ModelError, StorageError: see :func:`sqlforge.model.merge_shards.merge`.
    """
    recipe = run.recipe()
    if run.trained() == run.merged:
        if base is not None or out is not None:
            raise UserError(
                f"--base or --out for {run.path}, which was fine-tuned whole: nothing to merge",
                "an adapter",
                f"take {run.merged} as it is, or copy it with 'sqlforge export --safetensors'",
            )
        say("full fine-tuning left a whole model: nothing to merge")
        return run.merged
    target = out or run.merged
    own = target.resolve() == run.merged.resolve()
    chosen = base or trained_on(recipe)
    _check(recipe, chosen)
    merge(
        run.adapter,
        target,
        base=chosen,
        dtype=recipe.model.dtype,
        device="cpu" if recipe.model.device == "cpu" else "auto",
        recipe=None if own else public_recipe(recipe),
        progress=progress,
    )
    if own:
        made = digests(target)
        if _weights(made) != _weights(run.manifest().get("merged_sha256", {})):
            _forget_answers(run, say)
        run.note(merged_into=chosen, merged_sha256=made)
    return target


def trained_on(recipe: Recipe) -> MergeBase:
    """The weights that a run's adapter was trained on."""
    return "dequantised" if recipe.train.method == "qlora" else "bf16"


def _weights(noted: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in noted.items() if name.endswith(".safetensors")}


def _forget_answers(run: RunDir, say: Callable[[str], None]) -> None:
    """Remove what another merged model answered, and its scores: they are not of these weights."""
    answers = run.predictions("merged")
    old = [*answers.parent.glob("merged.*"), *run.scores.glob("merged-*")]
    for file in old:
        file.unlink()
    if old:
        say("answers and scores of the model merged before are removed: 'sqlforge run' makes new")


def _check(recipe: Recipe, base: MergeBase) -> None:
    if base == "dequantised" and recipe.train.method != "qlora":
        raise UserError(
            f"--base dequantised for an adapter trained by {recipe.train.method}",
            "bf16, the weights that it was trained on",
            "leave --base out",
        )
