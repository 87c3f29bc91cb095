"""Token masks of constrained rows, filled beside the forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

Fill = Callable[[Sequence[Any], Sequence[int], Any], None]


def native_fill(cursors: Sequence[Any], tokens: Sequence[int], out: Any) -> None:
    """Advance and fill by the native constraint, without Python's lock."""
    from sqlforge.decode.constrain import advance_and_fill

    advance_and_fill(cursors, tokens, out)


class Masks:
    """A worker and the buffers between it and the model's device.

    Args:
        rows: of the buffer.
        vocabulary: tokens of the model or of its tokenizer, whichever has more.
        device: where masks are applied.
        fill: advances cursors by tokens, -1 for none, and writes all of ``[rows, words]``: zeros
            beyond what a cursor knows, since a model may have more tokens than its tokenizer.
    """

    def __init__(self, rows: int, vocabulary: int, device: Any, fill: Fill = native_fill) -> None:
        words = (vocabulary + 31) // 32
        pinned = device.type == "cuda"
        self._host = torch.full((rows, words), -1, dtype=torch.int32, pin_memory=pinned)
        self._device = self._host.to(device) if pinned else self._host
        self._fill = fill
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="masks")

    def start(self, cursors: Sequence[Any], tokens: np.ndarray) -> Future[None]:
        """Begin to fill for ``cursors``, ``None`` where everything is allowed."""
        out = self._host.numpy()[: len(cursors)]
        return self._worker.submit(self._fill, list(cursors), tokens.tolist(), out)

    def wait(self, filling: Future[None], rows: int, *, blocking: bool = False) -> torch.Tensor:
        """The masks on the device, ``[rows, words]``, when filled.

        Unless ``blocking``, nothing may be filled before the device has come past its copy.
        """
        filling.result()
        if self._device is not self._host:
            self._device[:rows].copy_(self._host[:rows], non_blocking=not blocking)
        return self._device[:rows]

    def along(
        self, cursor: Any, token: int, draft: Sequence[int]
    ) -> tuple[list[int], torch.Tensor]:
        """Advance a cursor by a token, and look ahead from there, on a CPU and at once.

        Returns as much of ``draft`` as may come, and the masks before each of it and behind.
        """
        out = self._host.numpy()
        self._fill([cursor], [token], out[:1])
        ahead, kept = cursor.copy(), list(draft[: len(out) - 1])
        for n, guess in enumerate(kept):
            if not int(out[n, guess // 32]) >> guess % 32 & 1:
                kept = kept[:n]
                break
            self._fill([ahead], [guess], out[n + 1 : n + 2])
        return kept, self._device[: len(kept) + 1]

    def close(self) -> None:
        """End the worker."""
        self._worker.shutdown(wait=True)
