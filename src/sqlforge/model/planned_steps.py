"""The packs of a whole run, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlforge.core.config import Recipe
from sqlforge.core.errors import RecipeError
from sqlforge.model.epochs import Curriculum, Passes
from sqlforge.model.pack import Groups, Pack, PlannedPacks, plan_groups
from sqlforge.model.prompt_loss import PromptsFirst
from sqlforge.prompt.token_store import TokenStore


def plan_steps(
    recipe: Recipe,
    epochs: Sequence[TokenStore],
    passes: Passes | None = None,
    curriculum: Curriculum | None = None,
) -> tuple[Sequence[Pack], int]:
    """The packs of all epochs, and how many optimizer steps the run takes."""
    part = recipe.train
    longest = max(max(store.lengths) for store in epochs)
    if longest > part.pack_tokens:
        raise RecipeError(
            f"train.pack_tokens {part.pack_tokens} and an example of {longest} tokens",
            "packs that hold every example",
            f"set train.pack_tokens to at least {longest}, or lower prompt.max_tokens",
        )
    plan: list[tuple[TokenStore, Groups]] = []
    for epoch, store in enumerate(epochs):
        groups = plan_groups(
            store,
            store.schema_keys,
            budget=part.pack_tokens,
            questions_per_schema=part.questions_per_schema,
            seed=recipe.seed * 1_000 + epoch,
            taken=passes.taken(store.ids, epoch) if passes else None,
            difficulty=curriculum.of(store.ids, epoch) if curriculum else None,
            mixed=curriculum.mixed if curriculum else 0.0,
        )
        plan += [(store, composition) for composition in groups]
    steps = -(-len(plan) // part.accumulation)
    if part.max_steps is not None:
        steps = min(steps, part.max_steps)
    packs: Sequence[Pack] = PlannedPacks(plan[: steps * part.accumulation])
    if part.prompt_loss is not None:
        first = round(part.prompt_loss.share * steps) * part.accumulation
        packs = PromptsFirst(packs, first, part.prompt_loss.weight)
    return packs, steps
