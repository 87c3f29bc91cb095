"""A plan as people read it: budget, what fits, and how long an epoch takes on which card."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from sqlforge.plan.advice import Asked, Change
from sqlforge.plan.cards import GIB, Card
from sqlforge.plan.matrix import CARD, Candidate
from sqlforge.plan.memory import Budget
from sqlforge.plan.speed import LAUNCH, MOVES, PRODUCTS, Speed
from sqlforge.plan.weights import base_bytes

_PARTS = (
    ("weights", "Weights of the projections{nf4}"),
    ("head", "Embedding and output head, 16 bit{tied}"),
    ("norms", "Norms, 16 bit"),
    ("adapters", "Adapters, rank {rank}, {adapters}: {numbers:.1f} M numbers"),
    ("gradients", "Gradients"),
    ("optimizer", "Optimizer states, {optimizer}"),
    ("activations", "Activations, {recomputed} of {layers} layers recomputed"),
    ("logits", "Logits at supervised positions"),
    ("dequantised", "Projection turned back into 16 bit"),
    ("kernels", "Kernels' scratch and cuBLAS"),
    ("fragmentation", "Reserved by PyTorch, in no tensor"),
)


def print_budget(console: Console, asked: Asked, card: Card, budget: Budget) -> None:
    """The memory of a run when most is in use, piece by piece.

    Args:
        console: where to print.
        asked: the run.
        card: what it runs on.
        budget: its memory.
    """
    training, shape = asked.training, asked.shape
    words = {
        "nf4": ", NF4 with its constants" if training.method == "qlora" else ", 16 bit",
        "tied": " (one and the same)" if shape.tied else "",
        "rank": training.rank,
        "adapters": "16 bit" if training.adapter_dtype == "bfloat16" else "32 bit",
        "numbers": shape.adapter_parameters(training.rank) / 1e6,
        "optimizer": training.optimizer,
        "recomputed": training.checkpointed,
        "layers": shape.layers,
    }
    table = Table(title=f"{shape.name} on {card.name}", title_justify="left", title_style="bold")
    table.add_column(f"At the peak, micro-batches of {asked.pack_tokens:,} tokens")
    table.add_column("GiB", justify="right")
    for name, label in _PARTS:
        table.add_row(label.format(**words), _gib(getattr(budget, name)))
    table.add_section()
    table.add_row("Reserved by PyTorch (predicted)", _gib(budget.reserved))
    table.add_row("Driver, CUDA context, loaded kernels (assumed)", _gib(budget.outside))
    table.add_row("Headroom", _gib(card.usable - budget.reserved))
    console.print(table)
    whole = 2 * shape.parameters
    console.print(
        f"{shape.parameters:,} parameters: {whole / 1e9:.1f} GB in 16 bit, "
        f"{base_bytes(shape, quantised=training.method == 'qlora') / 1e9:.2f} GB as loaded."
    )


def print_advice(
    console: Console,
    fits: bool,
    headroom: int,
    largest: int,
    changes: Sequence[Change],
    longest: int,
) -> None:
    """Whether it fits, how large micro-batches may be, and what to change if it does not."""
    if fits and headroom < 0:
        console.print(
            "It fits tightly: at its limit PyTorch gives unused memory back to the card, which "
            f"takes time. Largest train.pack_tokens that does: {largest:,}."
        )
    elif fits:
        console.print(f"It fits. Largest train.pack_tokens that does: {largest:,}.")
    elif changes:
        told = ", ".join(str(change) for change in changes)
        console.print(f"It does not fit. It would with: set {told}.")
    else:
        console.print(
            f"It does not fit, and no change of the recipe keeps examples of {longest:,} tokens; "
            f"packs of {largest:,} tokens would fit."
        )


def print_speeds(
    console: Console, speeds: Sequence[tuple[Card, Speed]], examples: int, source: str
) -> None:
    """Tokens a second and hours an epoch, card by card."""
    table = Table(
        title=f"One epoch: {examples:,} examples ({source})",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Card", "Tokens/s", "Examples/s", "Hours", "Bound by"):
        table.add_column(name, justify="left" if name in ("Card", "Bound by") else "right")
    for card, found in speeds:
        table.add_row(
            card.name,
            f"{found.tokens_per_second:,.0f}",
            f"{found.examples_per_second:,.1f}",
            f"{found.hours:,.1f}",
            found.bound,
        )
    console.print(table)
    console.print(
        f"A roofline, not a measurement: products at {PRODUCTS:.0%} of the card's peak and memory "
        f"at {MOVES:.0%} of its bandwidth are assumed, {LAUNCH * 1e6:.0f} µs a launch come from "
        "one run on an H100. A schema that questions share counts once."
    )


def print_measured(console: Console, reserved: int, predicted: int, seconds: float) -> None:
    """What three steps took on this card, beside what was predicted for the same packs."""
    console.print(
        f"Measured in three steps on this card: {_gib(reserved)} GiB reserved, predicted "
        f"{_gib(predicted)} ({reserved / predicted - 1:+.1%}), {seconds:.2f} s a step. "
        "The largest micro-batch above is corrected by that."
    )


def print_matrix(console: Console, found: Sequence[Candidate]) -> None:
    """Base models side by side, one column each."""
    table = Table(title="Base models for a 12 GB card", title_justify="left", title_style="bold")
    table.add_column("")
    for one in found:
        table.add_column(one.shape.name, overflow="fold")
    for label, cell in _ROWS:
        table.add_row(label, *map(cell, found))
    console.print(table)
    console.print(
        "QLoRA, rank 64, fp32 adapters, all layers recomputed. Memory and hours are predicted, for "
        f"Spider's and WikiSQL's training examples on the {CARD}; tokens are measured with the "
        "real tokenizers (hours of a model without one take Mistral's)."
    )
    for one in found:
        console.print(f"Code in pretraining, {one.shape.name}: {one.facts.code_source}")


def _licence(one: Candidate) -> str:
    gate = {True: ", gated", False: "", None: ""}[one.facts.gated]
    return one.facts.licence + gate


def _memory(one: Candidate) -> str:
    return f"{_gib(one.budget.reserved)} GiB" + ("" if one.largest_packs else ": does not fit")


def _tokens(one: Candidate) -> str:
    return f"{one.tokens.example:.0f}" if one.tokens else "not measured"


def _template(one: Candidate) -> str:
    if one.tokens is None:
        return "not measured"
    return f"turns kept {one.tokens.turns_kept:.0%}, parts kept {one.tokens.parts_kept:.0%}"


_ROWS: tuple[tuple[str, Callable[[Candidate], str]], ...] = (
    ("Licence", _licence),
    ("Parameters", lambda one: f"{one.shape.parameters:,}"),
    ("Context", lambda one: f"{one.shape.context:,}"),
    ("Reserved at 2,048 tokens a micro-batch", _memory),
    ("Largest micro-batch on 12 GB", lambda one: f"{one.largest_packs:,}"),
    ("Tokens a text-to-SQL example", _tokens),
    ("Chat template", _template),
    ("Code in pretraining", lambda one: one.facts.code),
    ("Hours an epoch", lambda one: f"{one.speed.hours:.1f}"),
)


def _gib(size: int) -> str:
    return f"{size / GIB:,.2f}"
