"""Frozen layers that lie in pieces in all processes, each put together when it is computed with.

Every process holds its share of each layer's bytes, NF4 or 16 bit alike. Two buffers hold whole
layers: the one that is computed with and the next one, which is gathered meanwhile. Weights stay
where they are in the model: those of every second layer are views of the same buffer. After the
forward pass the last two layers are there for the backward pass, after that the first two for the
next micro-batch.
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import distributed
from transformers.modeling_layers import GradientCheckpointingLayer

from sqlforge.core.errors import TrainingError
from sqlforge.model.across import exchanged
from sqlforge.model.distributed import Processes
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.settings import TrainSettings

_log = logging.getLogger(__name__)
_ALIGNED = 256  # bytes that matrices begin at multiples of
_BUFFERS = 2


class Pieces:
    """Takes the frozen matrices of ``model``'s layers apart, at once; adapters stay whole.

    Args:
        model: whose layers are alike.
        processes: connected; all of them take apart the same model.
        fused: the step that computes with it; ``None`` where its own modules do.

    Raises:
        TrainingError: the layers are not alike.
    """

    def __init__(self, model: Any, processes: Processes, fused: FusedStep | None) -> None:
        layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
        matrices = [_frozen_matrices(layer) for layer in layers]
        sizes = [[matrix.data.nbytes for matrix in found] for found in matrices]
        if not layers or any(one != other for one, other in pairwise(sizes)):
            raise TrainingError(
                "train.distributed 'fsdp' does not apply: the model's layers differ; set it to ddp"
            )
        starts = [0]
        for size in sizes[0]:
            starts.append(starts[-1] + -(-size // _ALIGNED) * _ALIGNED)
        share = -(-starts[-1] // (processes.size * _ALIGNED)) * _ALIGNED
        device = matrices[0][0].device
        self._buffers = [
            torch.empty(share * processes.size, dtype=torch.uint8, device=device)
            for _ in range(_BUFFERS)
        ]
        own = slice(processes.rank * share, (processes.rank + 1) * share)
        self._own: list[torch.Tensor] = []
        for number, found in enumerate(matrices):
            self._own.append(self._taken_apart(found, starts, number, own))
        self._there: list[int | None] = [None] * _BUFFERS
        self._works: list[Any] = [None] * _BUFFERS
        self._last = -1
        if fused is not None:
            fused.before_layer = self.need
        else:
            for number, layer in enumerate(layers):
                self._watch(layer, number)

    def need(self, number: int) -> None:
        """Have a layer there, and the one that probably follows on its way."""
        if number == self._last:
            return
        following = number + (1 if number > self._last else -1)
        self._fetch(number)
        place = number % _BUFFERS
        if self._works[place] is not None:
            exchanged(self._works[place].wait)
            self._works[place] = None
        if 0 <= following < len(self._own):
            self._fetch(following)
        self._last = number

    @property
    def bytes_held(self) -> int:
        """Of pieces and buffers, in this process."""
        return sum(tensor.nbytes for tensor in (*self._own, *self._buffers))

    def _taken_apart(
        self, matrices: list[Any], starts: list[int], number: int, own: slice
    ) -> torch.Tensor:
        """A layer's piece of this process; its matrices become views of a buffer."""
        buffer = self._buffers[number % _BUFFERS]
        for matrix, start in zip(matrices, starts, strict=False):
            place = buffer[start : start + matrix.data.nbytes]
            place.copy_(matrix.data.contiguous().view(torch.uint8).flatten())
            matrix.data = place.view(matrix.dtype).view(matrix.shape)
        return buffer[own].clone()

    def _fetch(self, number: int) -> None:
        """Begin to put a layer together, after all that was asked for before it is computed."""
        place = number % _BUFFERS
        if self._there[place] != number:
            self._there[place] = number
            gather: Any = distributed.all_gather_into_tensor
            self._works[place] = exchanged(
                partial(gather, self._buffers[place], self._own[number], async_op=True)
            )

    def _watch(self, layer: Any, number: int) -> None:
        """Call :meth:`need` before each pass of a module, also where it is recomputed."""

        def before(module: Any, given: Any) -> None:
            self.need(number)

        def after(module: Any, given: Any, output: Any) -> None:
            hidden = output[0] if isinstance(output, tuple) else output
            if hidden.requires_grad:
                hidden.register_hook(lambda grad: self.need(number))

        layer.register_forward_pre_hook(before)
        layer.register_forward_hook(after)


def take_apart(
    model: Any, settings: TrainSettings, processes: Processes, fused: FusedStep | None
) -> Pieces | None:
    """The pieces of ``model``'s frozen layers if they are to be shared out; see :class:`Pieces`."""
    if settings.distributed != "fsdp" or processes.size == 1:
        return None
    pieces = Pieces(model, processes, fused)
    _log.info("frozen layers lie in pieces: %.2f GiB here", pieces.bytes_held / 2**30)
    return pieces


def _frozen_matrices(layer: Any) -> list[Any]:
    """Norms, a thousandth of a layer, stay whole."""
    return [p for p in layer.parameters() if not p.requires_grad and p.dim() > 1]
