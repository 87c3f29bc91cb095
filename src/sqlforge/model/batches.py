"""What one training step is fed with, and the attention that reads it, by device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from sqlforge.model.attention import PACKED, layout_of
from sqlforge.model.pack import Pack, as_row, collate
from sqlforge.model.varlen import VARLEN, can_run, sequences_of

Collator = Callable[[list[Pack]], dict[str, Any]]


def choose_attention(model: Any, *, autocast_bf16: bool) -> Collator:
    """Set the attention that suits where ``model`` lies, and return what it needs of each pack.

    On a CPU that is our own, branch by branch; on a card PyTorch's variable-length kernel where it
    runs, else PyTorch's attention under a mask of the pack's size.
    """
    if model.device.type == "cpu":
        model.set_attn_implementation(PACKED)
        return lambda packs: collate(packs[0]) | {"pack_layout": layout_of(packs[0])}
    if can_run(model.device, torch.bfloat16 if autocast_bf16 else model.dtype):
        model.set_attn_implementation(VARLEN)
        return _as_sequences
    return lambda packs: collate(packs[0])


class Ahead(Sequence[dict[str, Any]]):
    """Packs as batches; the next ``window`` are put together while the card computes.

    Python runs one thread at a time: what puts batches together while the card is being given its
    work keeps it waiting. So that begins when :meth:`begin` says that all of a pass was started.
    """

    def __init__(self, packs: Sequence[Pack], collate: Collator, window: int = 1) -> None:
        self._packs, self._collate, self._window = packs, collate, window
        self._worker = ThreadPoolExecutor(1)
        self._coming: dict[int, Future[dict[str, Any]]] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._packs)

    def __getitem__(self, index: Any) -> Any:
        """The batch of one pack, and the pack itself as ``pack``."""
        coming = self._coming.pop(index, None)
        self._next = index + 1
        return self._made(index) if coming is None else coming.result()

    def begin(self) -> None:
        """Put together what is asked for next."""
        for index in range(self._next, min(self._next + self._window, len(self._packs))):
            if index not in self._coming:
                self._coming[index] = self._worker.submit(self._made, index)

    def _made(self, index: int) -> dict[str, Any]:
        pack = self._packs[index]
        return self._collate([pack]) | {"pack": pack}


def _as_sequences(packs: list[Pack]) -> dict[str, Any]:
    return as_row(packs[0]) | {
        # A mask of four dimensions is taken as it is, so none of the pack's size is built.
        "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool),
        "sequences": sequences_of(packs[0]),
    }
