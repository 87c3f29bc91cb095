"""What fits a card: the largest micro-batch, and which changes make a recipe fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlforge.plan.lengths import Corpus, packs, telling
from sqlforge.plan.memory import Budget, budget, fits
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.speed import Work, work
from sqlforge.plan.training import PackShape, Training

_STEP = 256  # tokens; micro-batches are sought in multiples of it
_MOST = 65_536
_SMALL_RANK = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """A run on paper: base model, training, lengths of its examples and size of its packs."""

    shape: ModelShape
    training: Training
    corpus: Corpus
    pack_tokens: int
    questions_per_schema: int = 8
    seed: int = 7
    hopper: bool = False

    def packs(self) -> tuple[PackShape, ...]:
        """The micro-batches that memory is planned with: an epoch's most demanding.

        Raises:
            RecipeError: an example is longer than a pack.
        """
        found = packs(
            self.corpus.lengths,
            budget=self.pack_tokens,
            questions_per_schema=self.questions_per_schema,
            seed=self.seed,
        )
        return telling(found)

    def budget(self, limit: int | None = None) -> Budget:
        """Its memory; see :func:`sqlforge.plan.memory.budget`."""
        return budget(self.shape, self.training, self.packs(), hopper=self.hopper, limit=limit)

    def fits(self, limit: int) -> bool:
        """Whether PyTorch gets by with ``limit`` bytes."""
        return fits(self.shape, self.training, self.packs(), limit, hopper=self.hopper)

    def work(self) -> Work:
        """What an epoch asks of a card."""
        return work(
            self.shape,
            self.training,
            self.corpus,
            pack_tokens=self.pack_tokens,
            questions_per_schema=self.questions_per_schema,
            seed=self.seed,
        )

    def with_packs_of(self, tokens: int) -> Asked:
        """The same with packs of another size; longer examples are left out."""
        return replace(self, pack_tokens=tokens, corpus=self.corpus.within(tokens))


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the recipe and the value to give it."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} to {self.value}"


def largest_packs(asked: Asked, limit: int) -> int:
    """The most tokens a micro-batch may hold within ``limit`` bytes; 0 if none fits."""

    def holds(steps: int) -> bool:
        tokens = steps * _STEP
        if not asked.corpus.within(tokens).lengths:
            return True  # nothing so short to try with
        return asked.with_packs_of(tokens).fits(limit)

    low, high = 0, 1
    while high * _STEP <= _MOST and holds(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    found = low * _STEP
    return found if found and asked.corpus.within(found).lengths else 0


def changes_that_fit(asked: Asked, limit: int) -> tuple[Change, ...]:
    """The changes, together, with which a run fits; the ones that cost least come first.

    Empty if it fits as it is, or with none of them.
    """
    if asked.fits(limit):
        return ()
    made: dict[str, Change] = {}
    for change, apply in _CHANGES:
        changed = apply(asked)
        if changed is None:
            continue
        asked = changed
        if change is not None:
            made[change.key] = change
        if (tokens := _smaller_packs(asked, limit)) is not None:
            if tokens != asked.pack_tokens:
                made["train.pack_tokens"] = Change("train.pack_tokens", str(tokens))
            return tuple(made.values())
    return ()


def _smaller_packs(asked: Asked, limit: int) -> int | None:
    """The size of pack that fits and holds every example, as asked if it does."""
    if asked.fits(limit):
        return asked.pack_tokens
    found = min(largest_packs(asked, limit), asked.pack_tokens)
    return found if found >= asked.corpus.longest else None


def _as_it_is(asked: Asked) -> Asked | None:
    return asked


def _recompute_all(asked: Asked) -> Asked | None:
    if asked.training.checkpointed == asked.shape.layers:
        return None
    return replace(asked, training=asked.training.with_checkpointed(asked.shape.layers))


def _quantised_states(asked: Asked) -> Asked | None:
    if asked.training.optimizer != "adamw":
        return None
    return replace(asked, training=replace(asked.training, optimizer="adamw-8bit"))


def _paged_states(asked: Asked) -> Asked | None:
    if asked.training.optimizer == "paged-adamw-8bit":
        return None
    return replace(asked, training=replace(asked.training, optimizer="paged-adamw-8bit"))


def _narrow_adapters(asked: Asked) -> Asked | None:
    if asked.training.adapter_dtype == "bfloat16":
        return None
    return replace(asked, training=replace(asked.training, adapter_dtype="bfloat16"))


def _quantised_base(asked: Asked) -> Asked | None:
    if asked.training.method == "qlora":
        return None
    return replace(asked, training=replace(asked.training, method="qlora"))


def _small_rank(asked: Asked) -> Asked | None:
    if asked.training.rank <= _SMALL_RANK:
        return None
    return replace(asked, training=replace(asked.training, rank=_SMALL_RANK))


_CHANGES: tuple[tuple[Change | None, Callable[[Asked], Asked | None]], ...] = (
    (None, _as_it_is),  # smaller packs alone
    (Change("train.gradient_checkpointing", "true"), _recompute_all),
    (Change("train.optimizer", "adamw-8bit"), _quantised_states),
    (Change("train.method", "qlora"), _quantised_base),
    (Change("train.optimizer", "paged-adamw-8bit"), _paged_states),
    (Change("train.adapter_dtype", "bfloat16"), _narrow_adapters),
    (Change("train.rank", str(_SMALL_RANK)), _small_rank),
)
