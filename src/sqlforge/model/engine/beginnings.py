"""Keys and values of prompts that later prompts may begin like."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class _Kept:
    ids: tuple[int, ...]
    kv: torch.Tensor


class Beginnings:
    """The last prompt of each key, the least recently used dropped first.

    Args:
        tokens: how many to keep of all keys together.
    """

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __contains__(self, key: str | None) -> bool:
        return key in self._kept

    def shared(self, key: str | None, prompt: Sequence[int]) -> int:
        """How many tokens of ``prompt`` are kept; at least its last is not."""
        kept = self._kept.get(key) if key is not None else None
        return 0 if kept is None else common(kept.ids, prompt[:-1])

    def kv(self, key: str) -> torch.Tensor:
        """``[layers, 2, heads, tokens, head size]``."""
        self._kept.move_to_end(key)
        return self._kept[key].kv

    def keep(self, key: str, ids: tuple[int, ...], kv: torch.Tensor) -> None:
        """Keep a prompt in place of the key's last one."""
        self._kept[key] = _Kept(ids, kv)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(len(k.ids) for k in self._kept.values()) > self._tokens:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Give the memory back."""
        self._kept.clear()


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common beginning.

    >>> common((1, 2, 3), (1, 2, 4)), common((1,), ())
    (2, 0)
    """
    for n, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return n
    return min(len(a), len(b))
