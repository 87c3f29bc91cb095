"""Log-probabilities under the masks that answers were drawn under.

Why under the masks: ``docs/decisions/0084-log-probabilities-under-the-mask.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sqlforge.decode.constrain import advance_and_fill
from sqlforge.model.engine.sampling import unpack


def masks_along(cursors: Sequence[Any], texts: Sequence[Sequence[int]], words: int) -> torch.Tensor:
    """Which tokens were allowed at each place of each text, int32 ``[texts, longest, words]``.

    Beyond a text's end everything is allowed, so that sums stay finite there.

    Args:
        cursors: of each text one of its own, at its beginning; they are used up.
        texts: ids, which the cursors take.
        words: of a mask, see :func:`sqlforge.decode.constrain.mask_words`.

    Raises:
        ConstraintError: a token that was not allowed.
    """
    longest = max(map(len, texts))
    found = np.full((len(texts), longest, words), -1, dtype=np.int32)
    filled = np.zeros((len(texts), words), dtype=np.int32)
    for place in range(longest):
        running = [n for n, text in enumerate(texts) if place < len(text)]
        taken = [texts[n][place - 1] if place else -1 for n in running]
        out = filled[: len(running)]
        out[:] = 0
        advance_and_fill([cursors[n] for n in running], taken, out)
        found[running, place] = out
    return torch.from_numpy(found)


def log_probabilities(
    logits: torch.Tensor, tokens: torch.Tensor, masks: torch.Tensor | None, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of ``tokens`` and the entropies of what they were drawn from.

    Both ``[texts, length]``, in fp32; the entropies carry no gradient.

    Args:
        logits: ``[texts, length, vocabulary]``.
        tokens: ``[texts, length]``.
        masks: int32 ``[texts, length, words]``; ``None`` allows everything.
        temperature: that the tokens were drawn at.

    >>> logits = torch.tensor([[[0.0, 3.0, 0.0]]])
    >>> only = torch.tensor([[[0b101]]], dtype=torch.int32)
    >>> log_probabilities(logits, torch.tensor([[2]]), only, 1.0)[0].exp().tolist()
    [[0.5]]
    """
    scores = logits.float()
    if temperature != 1:
        scores = scores / temperature
    if masks is not None:
        allowed = unpack(masks.flatten(0, 1), scores.shape[-1]).view(scores.shape)
        scores = scores.masked_fill(~allowed, -torch.inf)
    total = torch.logsumexp(scores, dim=-1)
    told = scores.gather(-1, tokens[..., None])[..., 0] - total
    with torch.no_grad():
        logs = scores - total[..., None]
        # What is not allowed adds nothing, where 0 times minus infinity would add NaN.
        entropies = -(logs.exp() * logs.clamp(min=-1e9)).sum(dim=-1)
    return told, entropies
