"""How long training takes on a card: a roofline over the tape of one micro-batch.

Three times are compared: matrix products at a share of the card's peak, plus bytes moved at a share
of its bandwidth, against the time that Python and the driver take to launch it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.plan.cards import Card
from sqlforge.plan.lengths import Corpus, packs
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.step import Steps
from sqlforge.plan.training import PackShape, Training

PRODUCTS = 0.6
"""Assumed share of a card's peak that matrix products reach."""
MOVES = 0.7
"""Assumed share of a card's bandwidth that everything else reaches."""
LAUNCH = 60e-6
"""Seconds that the host takes for one allocation of the tape.

From the one run of this code that was measured on a card, SmolLM2-135M on an H100 at 17,895
tokens/s (``docs/results/real_data.json``), which the host alone bounds.
"""
_MOVED = 3  # times that a tensor passes through memory: written once, read twice


@dataclass(frozen=True, slots=True)
class Speed:
    """Of training on one card; ``tokens_per_second`` counts a shared schema once."""

    tokens_per_second: float
    examples_per_second: float
    hours: float
    bound: str


def operations(shape: ModelShape, training: Training, pack: PackShape) -> float:
    """Floating-point operations of one micro-batch.

    A product with a frozen matrix is computed forward and once backward; recomputed layers add a
    third time. Adapters have gradients of their own; logits exist at supervised positions only.
    """
    again = training.checkpointed / shape.layers
    base = 2 * shape.linear_parameters * pack.tokens * (2 + again)
    adapters = 2 * shape.adapter_parameters(training.rank) * pack.tokens * (3 + again)
    head = 4 * pack.supervised * shape.vocabulary * shape.hidden
    seen = pack.tokens * pack.keys / max(1, pack.sequences) / 2
    attention = 4 * seen * shape.query_size * shape.layers * (3.5 + again)
    return base + adapters + head + attention


@dataclass(frozen=True, slots=True)
class Work:
    """What one epoch asks of a card: micro-batches, and of a mean one its operations,
    bytes moved, allocations, tokens and examples.
    """

    micro_batches: float
    operations: float
    moved: int
    launches: int
    tokens: int
    examples: int


def work(
    shape: ModelShape,
    training: Training,
    corpus: Corpus,
    *,
    pack_tokens: int,
    questions_per_schema: int,
    seed: int = 7,
) -> Work:
    """Of an epoch over ``corpus`` in micro-batches of ``pack_tokens``."""
    found = packs(
        corpus.lengths, budget=pack_tokens, questions_per_schema=questions_per_schema, seed=seed
    )
    mean = _mean(found)
    steps = Steps(shape, training)
    steps.micro_batch(mean)
    sizes = [size for piece, size in steps.tape.events if piece >= 0 and size >= 0]
    return Work(
        micro_batches=len(found) * corpus.examples / len(corpus.lengths),
        operations=operations(shape, training, mean),
        moved=_MOVED * sum(sizes),
        launches=len(sizes),
        tokens=mean.tokens,
        examples=mean.examples,
    )


def speed(asked: Work, card: Card) -> Speed:
    """How fast ``card`` does it."""
    products = asked.operations / (PRODUCTS * card.tflops * 1e12)
    moves = asked.moved / (MOVES * card.bandwidth * 1e9)
    launches = LAUNCH * asked.launches
    taken = max(products + moves, launches)
    bound = "launches" if taken == launches else "products" if products > moves else "memory"
    hours = taken * asked.micro_batches / 3600
    return Speed(asked.tokens / taken, asked.examples / taken, hours, bound)


def _mean(found: Sequence[PackShape]) -> PackShape:
    def mean(values: Sequence[int]) -> int:
        return round(sum(values) / len(values))

    return PackShape(
        tokens=mean([pack.tokens for pack in found]),
        keys=mean([pack.keys for pack in found]),
        sequences=mean([pack.sequences for pack in found]),
        supervised=mean([pack.supervised for pack in found]),
        longest=mean([pack.longest for pack in found]),
        examples=mean([pack.examples for pack in found]),
    )
