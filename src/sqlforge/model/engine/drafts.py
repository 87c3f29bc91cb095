"""Guesses at a text's next tokens, which one pass checks together.

SQL repeats what stands before it: names and values of the prompt, its own aliases, phrases of the
answers before. A short pass on a CPU takes hardly longer than one over a single token, because it
reads the weights once. What the model would not have written is thrown away, so guesses change how
long a text takes and nothing else (https://arxiv.org/abs/2211.17192 with lookups in place of a
model, as in https://github.com/apoorvumang/prompt-lookup-decoding).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MOST = 3  # tokens: further ones are right too seldom for what they cost
_LONGEST = 3  # tokens that have to have come before
_KEPT = 4_000  # tokens of earlier answers


class Drafts:
    """Looks up where the last tokens of a text came before, in it or in earlier texts."""

    def __init__(self) -> None:
        self._of: Any = None
        self._text, self._earlier = _Lookup(), _Lookup()
        self._prompt = 0

    def guess(self, of: Any, prompt: tuple[int, ...], written: list[int]) -> list[int]:
        """Up to ``MOST`` tokens that may follow.

        Args:
            of: whose text it is; the same object as long as ``written`` only grows.
            prompt: its prompt.
            written: all that follows the prompt so far.
        """
        if of is not self._of:
            self._keep()
            self._of, self._text, self._prompt = of, _Lookup(), len(prompt)
            self._text.extend(prompt)
        self._text.extend(written[len(self._text.ids) - self._prompt :])
        for length in range(_LONGEST, 0, -1):
            last = tuple(self._text.ids[-length:])
            for lookup in (self._text, self._earlier):
                if found := lookup.after(last):
                    return found
        return []

    def _keep(self) -> None:
        if len(self._earlier.ids) > _KEPT:
            last = self._earlier.ids[-_KEPT // 2 :]
            self._earlier = _Lookup()
            self._earlier.extend(last)
        self._earlier.extend(self._text.ids[self._prompt :])


class _Lookup:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}

    def extend(self, tokens: Iterable[int]) -> None:
        for token in tokens:
            here = len(self.ids)
            for length in range(1, min(_LONGEST, here) + 1):
                self._after[tuple(self.ids[-length:])] = here
            self.ids.append(token)

    def after(self, last: tuple[int, ...]) -> list[int]:
        """What came after ``last`` when it came for the last time."""
        at = self._after.get(last)
        return [] if at is None else self.ids[at : at + MOST]
