"""Draw each row's next token at its own temperature, and keep the probability of what was drawn."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor


class Drawing(LogitsProcessor):
    """Makes a batch that is decoded greedily draw, by the Gumbel trick.

    The largest of ``logits / temperature`` plus Gumbel noise is a draw from the softmax. A row's
    noise comes from its own key, so that a draw does not depend on the batch around it.

    Args:
        temperatures: of each row; 0 is greedy.
        keys: what each row's noise is made from.
        end: the token that ends a text.
    """

    def __init__(self, temperatures: Sequence[float], keys: Sequence[str], end: int) -> None:
        self._temperatures = temperatures
        seeds = [zlib.crc32(key.encode()) for key in keys]
        self._noise = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._end = end
        self._last: torch.Tensor | None = None
        self._open = torch.ones(len(keys), dtype=torch.bool)
        self._logprobs = torch.zeros(len(keys), dtype=torch.float64)
        self._tokens = torch.zeros(len(keys), dtype=torch.long)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The scores of the next token, ``[rows, vocabulary]``, whose largest is to be taken."""
        self._take(input_ids[:, -1])
        self._last = torch.log_softmax(scores.float(), dim=-1)
        drawn = scores.clone() if any(self._temperatures) else scores
        for row, temperature in enumerate(self._temperatures):
            if temperature > 0 and self._open[row]:
                noise = torch.rand(drawn.shape[1], generator=self._noise[row])
                gumbel = -(-noise.clamp(min=1e-20).log()).log()
                drawn[row] = drawn[row] / temperature + gumbel.to(drawn.device)
        return drawn

    def told(self, output: Any) -> tuple[list[float], list[int]]:
        """Log-probability and number of tokens of each row, the end included.

        ``output`` are the ids that generation gave, ``[rows, length]``.
        """
        self._take(output[:, -1])
        self._last = None
        return self._logprobs.tolist(), self._tokens.tolist()

    def _take(self, tokens: Any) -> None:
        if self._last is None:
            return
        told = self._last.gather(1, tokens[:, None])[:, 0].double().cpu()
        self._logprobs += torch.where(self._open, told, 0.0)
        self._tokens += self._open
        self._open &= tokens.cpu() != self._end
