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
        forbidden = unset(bits, scores.shape[1])
        # What float() has copied is nobody else's.
        own = scores.data_ptr() != logits.data_ptr()
        fill = scores.masked_fill_ if own else scores.masked_fill
        scores = fill(forbidden, -torch.inf)
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


def unset(bits: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Where bit ``i % 32`` of word ``i // 32`` is not set, as ``[rows, vocabulary]``.

    Missing words are not. Byte by byte, which moves a quarter of what whole words would on a GPU.
    """
    powers = torch.ones(8, dtype=torch.uint8, device=bits.device) << torch.arange(
        8, dtype=torch.uint8, device=bits.device
    )
    octets = bits.view(torch.uint8)  # little-endian, as all that torch runs on
    found = ((octets[:, :, None] & powers) == 0).flatten(1)
    missing = vocabulary - found.shape[1]
    if missing > 0:
        found = torch.nn.functional.pad(found, (0, missing), value=True)
    return found[:, :vocabulary]


def unpack(bits: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Where bit ``i % 32`` of word ``i // 32`` is set, as ``[rows, vocabulary]``."""
    return ~unset(bits, vocabulary)
