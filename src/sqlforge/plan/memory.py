"""How much memory a training run takes on a card, piece by piece, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.plan.allocator import MIB, OutOfMemoryError
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.step import Steps
from sqlforge.plan.tape import Purpose, play
from sqlforge.plan.training import PackShape, Training

OUTSIDE = 3 * 2**28
"""Driver, CUDA context and loaded kernels, 0.75 GiB: what a 12 GB card lacks to its 12 GiB."""
_STEPS = 3
_WORKSPACE = 8 * MIB + 128 * 1024  # of cuBLAS in each thread
_WORKSPACE_HOPPER = 32 * MIB


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes at the moment when most is in use, and the most that PyTorch reserves.

    ``fragmentation`` is reserved but in no tensor at that moment. ``outside`` lies beside
    PyTorch's allocator.
    """

    weights: int
    head: int
    norms: int
    adapters: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    dequantised: int
    kernels: int
    fragmentation: int
    reserved: int
    outside: int = OUTSIDE

    @property
    def allocated(self) -> int:
        """What tensors take when most is in use."""
        return self.reserved - self.fragmentation

    @property
    def on_card(self) -> int:
        """What ``nvidia-smi`` would show."""
        return self.reserved + self.outside


def budget(
    shape: ModelShape,
    training: Training,
    packs: Sequence[PackShape],
    *,
    hopper: bool = False,
    limit: int | None = None,
    expandable: bool = True,
) -> Budget:
    """The memory of the first optimizer steps, after which it no longer grows.

    Args:
        shape: of the base model.
        training: how it is trained.
        packs: micro-batches in their order, used again from the front when they run out.
        hopper: whether the card is an H100 or H200, where cuBLAS takes more.
        limit: bytes that the allocator may reserve.
        expandable: whether its segments are, as we train.

    Raises:
        OutOfMemoryError: it does not fit ``limit``.
    """
    steps = Steps(shape, training, workspace=_WORKSPACE_HOPPER if hopper else _WORKSPACE)
    steps.build()
    # From the second micro-batch of a window on, each finds the same: gradients lie there.
    each = min(training.accumulation, 2)
    for step in range(_STEPS):
        steps.step([packs[(step * each + i) % len(packs)] for i in range(each)])
    peak = play(steps.tape, limit, expandable=expandable)
    parts: dict[Purpose, int] = peak.at_peak

    def part(purpose: Purpose) -> int:
        return parts.get(purpose, 0)

    return Budget(
        weights=part("weights"),
        head=part("head"),
        norms=part("norms"),
        adapters=part("adapters"),
        gradients=part("gradients"),
        optimizer=part("optimizer"),
        activations=part("activations"),
        logits=part("logits"),
        dequantised=part("dequantised"),
        kernels=part("kernels"),
        fragmentation=peak.reserved - peak.allocated,
        reserved=peak.reserved,
    )


def fits(
    shape: ModelShape,
    training: Training,
    packs: Sequence[PackShape],
    limit: int,
    *,
    hopper: bool = False,
) -> bool:
    """Whether training stays within ``limit`` bytes reserved."""
    try:
        budget(shape, training, packs, hopper=hopper, limit=limit)
    except OutOfMemoryError:
        return False
    return True
