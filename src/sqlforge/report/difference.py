"""Two queries side by side with the tokens that differ marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from sqlforge.core.redact import without_password
from sqlforge.report.markup import Html, el, join

_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|\w+(?:\.\w+)*|<>|[<>!=]=|\|\||\S|\s+"
)
_LONGEST = 1_500  # characters; a run-away answer is shown by its beginning


def marked(left: str, right: str) -> tuple[Html, Html]:
    """Both queries as markup, tokens that the other lacks in ``<mark>``.

    Case and white space do not count.

    >>> marked("SELECT a FROM t", "select b FROM t")[1]
    'select <mark>b</mark> FROM t'
    """
    # Passwords go before the text is cut into tokens: a mark inside a URL would hide it.
    first, second = (_TOKEN.findall(shortened(without_password(sql))) for sql in (left, right))
    words_first = [index for index, token in enumerate(first) if not token.isspace()]
    words_second = [index for index, token in enumerate(second) if not token.isspace()]
    matcher = SequenceMatcher(
        None,
        [first[index].lower() for index in words_first],
        [second[index].lower() for index in words_second],
        autojunk=False,
    )
    same_first: set[int] = set()
    same_second: set[int] = set()
    for a, b, size in matcher.get_matching_blocks():
        same_first.update(words_first[a : a + size])
        same_second.update(words_second[b : b + size])
    return _with_marks(first, same_first), _with_marks(second, same_second)


def shortened(sql: str) -> str:
    """``sql``, or its beginning where it does not end.

    >>> shortened("x" * 9_999)[-29:]
    'xxx … (8,499 characters more)'
    """
    more = len(sql) - _LONGEST
    return sql if more <= 0 else f"{sql[:_LONGEST]} … ({more:,} characters more)"


def _with_marks(tokens: Sequence[str], same: set[int]) -> Html:
    parts: list[str] = []
    open_run: list[str] = []
    for index, token in enumerate(tokens):
        if index in same:
            parts += _closed(open_run)
            parts.append(token)
            open_run = []
        else:
            open_run.append(token)
    return join([*parts, *_closed(open_run)])


def _closed(run: Sequence[str]) -> list[str]:
    """One mark around a run of differing tokens; white space at its ends stays outside."""
    inner = "".join(run)
    words = inner.strip()
    if not words:
        return [inner]
    start = inner.index(words)
    return [inner[:start], el("mark", words), inner[start + len(words) :]]
