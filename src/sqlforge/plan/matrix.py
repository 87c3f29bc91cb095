"""Which base model to take: what is known, measured and planned of each, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.plan.advice import Asked, largest_packs
from sqlforge.plan.cards import Card, find_card
from sqlforge.plan.catalog import NAMES, Facts, Tokens, facts_of, shape_of, tokens_of
from sqlforge.plan.lengths import carried_corpus
from sqlforge.plan.memory import Budget
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.speed import Speed, speed
from sqlforge.plan.training import Training

CARD = "RTX 3060 12 GB"
_PACK_TOKENS = 2_048


@dataclass(frozen=True, slots=True)
class Candidate:
    """One base model; ``largest_packs`` is 0 where training does not fit a 12 GB card."""

    shape: ModelShape
    facts: Facts
    tokens: Tokens | None
    budget: Budget
    largest_packs: int
    speed: Speed


def matrix(names: Sequence[str] = ()) -> list[Candidate]:
    """The catalog's models and those of ``names``, with the reference settings on a 12 GB card.

    Args:
        names: of further models, each a ``config.json`` or a folder that holds one.

    Raises:
        ModelError: one of ``names`` cannot be planned.
    """
    card = find_card(CARD)
    return [_candidate(name, card) for name in dict.fromkeys((*NAMES, *names))]


def _candidate(name: str, card: Card) -> Candidate:
    shape = shape_of(name)
    asked = Asked(
        shape=shape,
        training=Training(checkpointed=shape.layers, fused=shape.own_step),
        corpus=carried_corpus(name).within(_PACK_TOKENS),
        pack_tokens=_PACK_TOKENS,
    )
    return Candidate(
        shape=shape,
        facts=facts_of(name),
        tokens=tokens_of(name),
        budget=asked.budget(),
        largest_packs=largest_packs(asked, card.usable),
        speed=speed(asked.work(), card),
    )
