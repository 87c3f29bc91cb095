"""Whether training fits the card, before the weights load."""

from __future__ import annotations

from collections.abc import Sequence

from sqlforge.core.config import Recipe
from sqlforge.core.errors import ModelError, RecipeError
from sqlforge.model.across import BUCKET_BYTES
from sqlforge.model.card import is_hopper, memory_limit
from sqlforge.model.load import resolve
from sqlforge.model.pack import Pack, pack_shape
from sqlforge.plan.advice import Asked, changes_that_fit
from sqlforge.plan.catalog import shape_of
from sqlforge.plan.lengths import Corpus, lengths_of, telling
from sqlforge.plan.memory import budget, fits
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.training import training_of
from sqlforge.prompt.token_store import TokenStore

_TOLERATED = 1.05
_LOOKED_AT = 64  # packs, of which the most demanding are planned with


def check_memory(
    recipe: Recipe, packs: Sequence[Pack], examples: TokenStore, processes: int = 1
) -> int | None:
    """Refuse training that will not fit the card, or what the recipe holds itself to.

    A plan may be off by a twentieth, so what misses by less may try. ``None``, and nothing is
    refused, where there is no card, or memory that the planner does not understand; else the bytes
    that PyTorch is expected to reserve.

    Args:
        recipe: of the run.
        packs: its micro-batches.
        examples: whose lengths changes are judged by.
        processes: that exchange gradients, and share layers under ``distributed: fsdp``.

    Raises:
        RecipeError: it would not fit; the changes that would make it fit are named.
    """
    limit = memory_limit(recipe.model.device, recipe.model.memory_gib)
    source = resolve(recipe.model.name)
    if limit is None or recipe.train.method == "full" or recipe.model.dtype != "bfloat16":
        return None
    try:
        shape = shape_of(source.base.name if source.base else source.location)
    except ModelError:
        return None
    training = training_of(recipe.train, shape)
    some = [pack_shape(packs[i]) for i in range(0, len(packs), max(1, len(packs) // _LOOKED_AT))]
    hopper = is_hopper(recipe.model.device)
    elsewhere = -2 * BUCKET_BYTES if processes > 1 else 0
    expected = budget(shape, training, telling(some), hopper=hopper).reserved
    if recipe.train.distributed == "fsdp":
        elsewhere += _elsewhere(shape, recipe.train.method == "qlora", processes)
    expected, limit = expected - elsewhere, limit + elsewhere
    if fits(shape, training, telling(some), int(limit * _TOLERATED), hopper=hopper):
        return expected
    lengths = lengths_of(examples, examples.schema_keys)
    asked = Asked(
        shape=shape,
        training=training,
        corpus=Corpus("the run's own", len(lengths), lengths),
        pack_tokens=recipe.train.pack_tokens,
        questions_per_schema=recipe.train.questions_per_schema,
        hopper=hopper,
    )
    free = limit - elsewhere
    changes = changes_that_fit(asked, limit)
    held = recipe.model.memory_gib
    there = f"{free / 2**30:.1f} are free" if held is None else f"model.memory_gib allows {held:g}"
    raise RecipeError(
        f"training that needs about {expected / 2**30:.1f} GiB where {there}",
        "training that fits",
        f"set {', '.join(map(str, changes))}" if changes else "take a smaller model",
    )


def _elsewhere(shape: ModelShape, quantised: bool, processes: int) -> int:
    """Bytes of frozen layers that lie in other processes, less the buffers to put two together."""
    layers = shape.linear_parameters // 2 if quantised else 2 * shape.linear_parameters
    return max(0, layers - layers // processes - 2 * layers // shape.layers)
