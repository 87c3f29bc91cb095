"""Choose each row's next token, and tell its probability."""

from __future__ import annotations

import torch


def choose(
    logits: torch.Tensor,
    bits: torch.Tensor | None,
    temperatures: torch.Tensor | None,
    uniforms: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Next tokens and their log-probabilities at temperature 1, both ``[rows]``.

    A draw inverts the distribution function at the row's own number, so it depends on the row's
    logits and that number only, not on the rows beside it.

    Args:
        logits: ``[rows, vocabulary]``.
        bits: allowed tokens, int32 ``[rows, words]``; ``None`` allows all.
        temperatures: ``[rows]``, 0 is greedy; ``None`` where all are.
        uniforms: ``[rows]`` in [0, 1), double precision.

    >>> logits = torch.tensor([[0.0, 3.0, 1.0]])
    >>> choose(logits, None, None, None)[0].tolist()
    [1]
    >>> choose(logits, torch.tensor([[0b101]], dtype=torch.int32), None, None)[0].tolist()
    [2]
    """
    scores = logits.float()
    if bits is not None:
        scores = scores.masked_fill(~unpack(bits, scores.shape[1]), -torch.inf)
    tokens = scores.argmax(dim=-1)
    if temperatures is not None:
        assert uniforms is not None
        heat = torch.where(temperatures > 0, temperatures, 1.0)
        likely = torch.softmax(scores / heat[:, None], dim=-1)
        summed = likely.cumsum(dim=-1, dtype=torch.float64)
        aim = uniforms[:, None] * summed[:, -1:]
        drawn = (summed <= aim).sum(dim=-1).clamp(max=scores.shape[1] - 1)
        tokens = torch.where(temperatures > 0, drawn, tokens)
    told = scores.gather(1, tokens[:, None])[:, 0] - torch.logsumexp(scores, dim=-1)
    return tokens, told


def unpack(bits: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Bit ``i % 32`` of word ``i // 32`` as ``[rows, vocabulary]``; missing words allow nothing."""
    # The 32nd power of two is the sign bit, which the shift wraps to.
    powers = torch.ones(32, dtype=torch.int32, device=bits.device) << torch.arange(
        32, dtype=torch.int32, device=bits.device
    )
    allowed = ((bits[:, :, None] & powers) != 0).flatten(1)
    missing = vocabulary - allowed.shape[1]
    if missing > 0:
        allowed = torch.nn.functional.pad(allowed, (0, missing))
    return allowed[:, :vocabulary]
