"""The fused step recorded as a CUDA graph and replayed, for small models and small packs.

A step of a small model is some two thousand kernels, and a fast card is through with them before
the computer has started the next. Recorded once, at a fixed shape, they are started together. What
differs from pack to pack lies in buffers of that shape: ids, where sequences end, what is
supervised, and the seed of dropout.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from sqlforge.model.fused.padded import Room, pad, room_for, size_of
from sqlforge.model.fused.step import FusedStep, draw_seed
from sqlforge.model.pack import Pack
from sqlforge.model.settings import TrainSettings

_log = logging.getLogger(__name__)
Collator = Callable[[list[Pack]], dict[str, Any]]


class CapturedStep:
    """Computes what :class:`FusedStep` does, at a fixed shape; see its ``loss``.

    Without a card the same buffers are computed with step by step.
    """

    def __init__(self, step: FusedStep, parameters: Sequence[torch.nn.Parameter]) -> None:
        """``parameters`` are all that are trained."""
        self._step, self._parameters = step, list(parameters)
        self._room: Room | None = None  # of batches that are put together now
        self._recorded: Room | None = None
        self._buffers: dict[str, Any] = {}
        self._graph: Any = None
        self._result: tuple[torch.Tensor, tuple[torch.Tensor, ...]] | None = None
        self._off = False

    def collated(self, collate: Collator) -> Collator:
        """Batches with themselves at a fixed shape, as ``fixed``; it grows where it must."""

        def more(packs: list[Pack]) -> dict[str, Any]:
            batch = collate(packs)
            if self._off or "sequences" not in batch:
                return batch
            size = size_of(batch)
            if self._room is None or not self._room.holds(size):
                needed = room_for(size)
                self._room = needed if self._room is None else self._room.joined(needed)
            room = self._room  # another thread may let it grow
            return batch | {"fixed": pad(batch, room), "room": room}

        return more

    def loss(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Summed cross-entropy of one pack, its gradient computed with it."""
        if self._off or "fixed" not in inputs:
            return self._step.loss(inputs)
        if self._recorded != inputs["room"] and not self._could_record(inputs):
            return self._step.loss(inputs)
        _copy(inputs["fixed"], self._buffers)
        self._buffers["seed_at"].fill_(draw_seed())
        if self._graph is None:
            self._result = self._run()
        else:
            self._graph.replay()
        assert self._result is not None
        loss: torch.Tensor = _replayed(*self._result, *self._parameters)
        return loss

    def _could_record(self, inputs: dict[str, Any]) -> bool:
        try:
            self._record(inputs)
        except RuntimeError as fault:  # out of memory is one too
            reason = " ".join(str(fault).split())[:120]
        else:
            return True
        # What the attempt held has gone with its exception.
        self._forget()
        self._off = True
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        _log.warning("no CUDA graph here, the step goes on without: %s", reason)
        return False

    def _record(self, inputs: dict[str, Any]) -> None:
        """Make buffers for the batch's shape, and the graph where there is a card."""
        self._forget()
        self._buffers = _empty_like(inputs["fixed"])
        device = inputs["input_ids"].device
        self._buffers["seed_at"] = torch.zeros(1, dtype=torch.int32, device=device)
        self._recorded = inputs["room"]
        if device.type != "cuda":
            return
        _copy(inputs["fixed"], self._buffers)
        cuda: Any = torch.cuda  # only half typed
        here, aside = cuda.current_stream(), cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):  # kernels compile and libraries get ready before
            for _ in range(2):
                self._run()
        here.wait_stream(aside)
        torch.cuda.empty_cache()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._result = self._run()
        self._graph = graph
        _log.info("the step is a CUDA graph of %s", self._recorded)

    def _forget(self) -> None:
        self._graph = self._result = self._recorded = None
        self._buffers = {}

    def _run(self) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        given = self._buffers
        with torch.enable_grad():
            hidden = self._step.hidden(given)
            loss = self._step.summed(hidden, given["positions"], given["targets"], given["weights"])
            return loss.detach(), torch.autograd.grad(loss, self._parameters)


class _Replayed(torch.autograd.Function):
    """The loss as autograd sees it, whose gradients are there already."""

    @staticmethod
    def forward(
        ctx: Any,
        loss: torch.Tensor,
        gradients: tuple[torch.Tensor, ...],
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        """The loss; buffers are written again with the next one."""
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """The gradients, scaled."""
        return None, None, *torch._foreach_mul(ctx.gradients, grad)


_replayed: Any = _Replayed.apply


def choose_graphs(
    fused: FusedStep | None,
    model: Any,
    settings: TrainSettings,
    collate: Collator,
    processes: int = 1,
) -> tuple[FusedStep | CapturedStep | None, Collator]:
    """The recorded step where it was asked for and applies, and batches for it.

    The log says where it does not.
    """
    if not settings.graphs:
        return fused, collate
    reason = None
    if processes > 1:
        reason = "several processes train"
    elif type(fused) is not FusedStep or model.device.type != "cuda":
        reason = "it is for the fused step of adapters on a card"
    elif getattr(model, "peft_config", None) is None:
        reason = "all weights are trained"
    elif settings.embedding == "host":
        reason = "rows of a table on the host differ in number"
    if fused is None or reason is not None:
        _log.warning("no CUDA graph, training goes on without: %s", reason)
        return fused, collate
    found = CapturedStep(fused, [p for p in model.parameters() if p.requires_grad])
    return found, found.collated(collate)


def _empty_like(values: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            made[name] = _empty_like(value)
        else:
            made[name] = torch.empty_like(value) if isinstance(value, torch.Tensor) else value
    return made


def _copy(values: dict[str, Any], into: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _copy(value, into[name])
        elif isinstance(value, torch.Tensor):
            into[name].copy_(value, non_blocking=True)
