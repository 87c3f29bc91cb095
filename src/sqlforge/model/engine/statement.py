"""Where a SQL statement ends."""

from __future__ import annotations

import re

_BEGINS = re.compile(r"\s*(?:select|with|values)\b", re.IGNORECASE)
# What may hold a semicolon that ends nothing, or a semicolon. Open ends count as held.
_PIECE = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)"
    r'|"(?:[^"]|"")*(?:"|\Z)'
    r"|`(?:[^`]|``)*(?:`|\Z)"
    r"|\[[^\]]*(?:\]|\Z)"
    r"|--[^\n]*"
    r"|/\*.*?(?:\*/|\Z)"
    r"|;",
    re.DOTALL,
)


def ends_statement(text: str) -> bool:
    """Whether ``text`` is a SELECT with the semicolon that ends it.

    Prose around SQL ends nothing, neither do semicolons in literals, quoted names and comments.

    >>> ends_statement("SELECT a FROM b;")
    True
    >>> ends_statement("SELECT ';"), ends_statement("SELECT ';' -- ;"), ends_statement("Here's;")
    (False, False, False)
    """
    return bool(_BEGINS.match(text)) and any(m.group() == ";" for m in _PIECE.finditer(text))
