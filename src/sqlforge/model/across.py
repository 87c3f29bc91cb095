"""Optimizer steps that several processes compute together: their packs, gradients and loss.

Each process takes every so-manyth micro-batch of a step, or its part of every one. Losses are
divided by the process's own supervised tokens; when the last of its micro-batches is done,
gradients are weighed by their share in all processes' tokens and added up, so that the step is that
of a single process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, overload

import torch
from torch import distributed
from transformers import TrainerCallback

from sqlforge.core.errors import TrainingError
from sqlforge.model.distributed import Processes
from sqlforge.model.halve import shares
from sqlforge.model.pack import Pack
from sqlforge.model.settings import TrainSettings
from sqlforge.model.watch import ENDED

BUCKET_BYTES = 32 * 2**20
"""Of gradients that are exchanged at once; two buckets are under way."""


class OwnPacks(Sequence[Pack]):
    """The packs of one process, as many as every other one has.

    Whole packs in turn; or, if ``cut``, its part of every pack. Where none is left for it, it gets
    one that counts nothing, told by its 0 examples: layers that lie in pieces in all processes are
    needed by all of them alike.
    """

    def __init__(self, packs: Sequence[Pack], rank: int, size: int, *, cut: bool = False) -> None:
        self._packs, self._rank, self._size, self._cut = packs, rank, size, cut

    def __len__(self) -> int:
        return len(self._packs) if self._cut else -(-len(self._packs) // self._size)

    @overload
    def __getitem__(self, index: int) -> Pack: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pack]: ...
    def __getitem__(self, index: int | slice) -> Pack | list[Pack]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if self._cut:
            there, place = shares(self._packs[index], self._size), self._rank
            return there[place] if place < len(there) else replace(there[-1], examples=0)
        place = index * self._size + self._rank
        if place < len(self._packs):
            return self._packs[place]
        return replace(self._packs[len(self._packs) - 1], examples=0)


def own_share(
    packs: Sequence[Pack], settings: TrainSettings, processes: Processes
) -> tuple[Sequence[Pack], TrainSettings]:
    """The packs of one process, and settings that say how many of them are in a step.

    Where a step's packs cannot be shared out evenly, each of them is cut for all processes.
    """
    if processes.size == 1:
        return packs, settings
    each, over = divmod(settings.accumulation, processes.size)
    own = OwnPacks(packs, processes.rank, processes.size, cut=over > 0)
    return own, replace(settings, accumulation=settings.accumulation if over else each)


def divisor(pack: Pack, tokens: Any) -> Any:
    """What a pack's loss is divided by: ``tokens``, or infinity where it is to count nothing."""
    return tokens if pack.examples else torch.inf


def draw_anew(seed: int, own: int, processes: Processes) -> None:
    """Let what dropout draws depend on a micro-batch's place in the run, not on the process.

    Args:
        seed: of the run.
        own: micro-batches that this process had before.
        processes: that share the run's micro-batches.
    """
    torch.manual_seed(seed * 1_000_003 + own * processes.size + processes.rank)


class Across(TrainerCallback):
    """One step at a time: :meth:`begin`, :meth:`add` for each micro-batch, :meth:`end`."""

    def __init__(self, processes: Processes, parameters: Iterable[torch.nn.Parameter]) -> None:
        self._size = processes.size
        self._parameters = [p for p in parameters if p.requires_grad]
        self._left, self._supervised = 0, 0.0
        self._loss: torch.Tensor | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Give all processes the first one's parameters, in case they were made differently."""
        for parameter in self._parameters:
            exchanged(partial(distributed.broadcast, parameter.data, src=0))

    def begin(self, packs: int, supervised: float) -> float:
        """What the losses of this process's packs are to be divided by in this step."""
        self._left, self._supervised, self._loss = packs, supervised, None
        return supervised or 1

    def add(self, loss: torch.Tensor) -> bool:
        """Note the loss of a micro-batch; whether it was the last."""
        self._loss = loss if self._loss is None else self._loss + loss
        self._left -= 1
        return self._left == 0

    def end(self) -> tuple[torch.Tensor, float]:
        """Add gradients up; the step's loss, and all processes' supervised tokens.

        Raises:
            TrainingError: another process has ended meanwhile.
        """
        assert self._loss is not None
        own = self._supervised or 1
        # In fp64 counts of tokens are exact, and the loss loses nothing.
        totals = torch.zeros(2, dtype=torch.float64, device=self._loss.device)
        totals[0] = self._loss * own
        totals[1] = self._supervised
        exchanged(lambda: distributed.all_reduce(totals))
        self._sum_gradients((own / totals[1]).float())
        return (totals[0] / totals[1]).to(self._loss.dtype), totals[1].item()

    def _sum_gradients(self, weight: torch.Tensor) -> None:
        """Add up gradients of all processes, each times its ``weight``, a tensor of one number."""
        under_way: list[Callable[[], None]] = []
        for bucket in _buckets([self._gradient(p) for p in self._parameters]):
            under_way.append(_summing(bucket, weight))
            if len(under_way) > 1:
                under_way.pop(0)()
        for finish in under_way:
            finish()

    def _gradient(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        return parameter.grad


def exchanged(exchange: Callable[[], Any]) -> Any:
    """What ``exchange`` between processes returns.

    Raises:
        TrainingError: another process has ended meanwhile, or they do not reach each other.
    """
    try:
        return exchange()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as fault:  # gloo has no kind of its own for a lost connection
        reason = " ".join(str(fault).split())[:160]
        raise TrainingError(f"no exchange with the other processes ({reason}): {ENDED}") from fault


def _buckets(gradients: Sequence[torch.Tensor]) -> Iterable[list[torch.Tensor]]:
    """Gradients of one type, in their order, about :data:`BUCKET_BYTES` together."""
    bucket: list[torch.Tensor] = []
    size = 0
    for gradient in gradients:
        if bucket and (size > BUCKET_BYTES or gradient.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(gradient)
        size += gradient.nbytes
    if bucket:
        yield bucket


def _summing(bucket: list[torch.Tensor], weight: torch.Tensor) -> Callable[[], None]:
    """Start adding a bucket up; what is returned waits for it and writes the sums back."""
    flat = torch.cat([gradient.flatten() for gradient in bucket]).float().mul_(weight)
    work = exchanged(lambda: distributed.all_reduce(flat, async_op=True))

    def finish() -> None:
        exchanged(work.wait)
        parts = torch.split(flat, [gradient.numel() for gradient in bucket])
        views = [part.view_as(one) for part, one in zip(parts, bucket, strict=True)]
        torch._foreach_copy_(bucket, views)

    return finish
