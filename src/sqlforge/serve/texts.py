"""From tokens to text while they come: whole characters, and nothing from a stop string on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_UNFINISHED = "\ufffd"  # what a decoder writes for the first bytes of a character
_LONGEST = 8  # tokens a character takes at most; what is no character by then never will be


class TextStream:
    """The text of tokens that come one by one.

    Args:
        decode: tokens to text.
        stops: the text ends before the first of them, which is not part of it.

    >>> stream = TextStream(lambda ids: "".join(map(chr, ids)), stops=["END"])
    >>> [stream.feed(ord(letter)) for letter in "SEEND!"], stream.stopped
    (['S', '', 'E', '', '', ''], True)
    """

    def __init__(self, decode: Callable[[list[int]], str], stops: Sequence[str] = ()) -> None:
        self._decode, self._stops = decode, stops
        self._ids: list[int] = []  # from where decoding begins: a word's look depends on the last
        self._read = 0  # of them, told already
        self._held = ""  # may be the beginning of a stop string
        self.stopped = False

    def feed(self, token: int) -> str:
        """Take a token; the text that is certain by now."""
        if self.stopped:
            return ""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(_UNFINISHED) and len(self._ids) - self._read < _LONGEST:
            return ""
        new = text[len(self._decode(self._ids[: self._read])) :]
        self._ids, self._read = self._ids[self._read :], len(self._ids) - self._read
        return self._certain(new)

    def rest(self) -> str:
        """What was held back, once no token comes any more."""
        if self.stopped:
            return ""
        new = self._decode(self._ids)[len(self._decode(self._ids[: self._read])) :]
        self._ids, self._read = [], 0
        certain = self._certain(new)
        held, self._held = self._held, ""
        return certain if self.stopped else certain + held

    def _certain(self, new: str) -> str:
        text, self._held = self._held + new, ""
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        if keep:
            text, self._held = text[:-keep], text[-keep:]
        return text


def _overlap(text: str, stop: str) -> int:
    """How many letters at the end of ``text`` are the beginning of ``stop``."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
