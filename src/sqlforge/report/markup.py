"""HTML by construction: whatever is not markup already gets escaped, and passwords go first."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from sqlforge.core.redact import without_password


class Html(str):
    """Text that is markup already. ``Html + str`` is a plain ``str`` and would be escaped."""

    __slots__ = ()


def text(value: object) -> Html:
    """``value`` as text on the page: passwords in URLs removed, then escaped.

    >>> text("<script> at db://ann:pw@host")
    '&lt;script&gt; at db://ann:***@host'
    """
    return Html(html.escape(without_password(str(value))))


def el(tag: str, *children: str | None, **attributes: str | int | float | None) -> Html:
    """One element; children that are not :class:`Html` are escaped, ``None`` is left out.

    An attribute's trailing underscore goes and others become hyphens, as in ``class_`` and
    ``aria_label``; an attribute that is ``None`` is left out.

    >>> el("p", "a < b", el("b", "bold"), class_="note")
    '<p class="note">a &lt; b<b>bold</b></p>'
    """
    names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    shown = "".join(f' {name}="{text(v)}"' for name, v in names.items() if v is not None)
    return Html(f"<{tag}{shown}>{join(children)}</{tag}>")


def join(parts: Iterable[str | None]) -> Html:
    """Parts one after the other, each escaped unless it is markup."""
    kept = (part for part in parts if part is not None)
    return Html("".join(part if isinstance(part, Html) else text(part) for part in kept))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table whose first column names the rows; it scrolls sideways where it is too wide.

    >>> "<th scope=\\"row\\">base</th><td>3</td>" in table("t", ["system", "n"], [["base", "3"]])
    True
    """
    header = el("thead", el("tr", *(el("th", name, scope="col") for name in head)))
    body = el("tbody", *(_row(row) for row in rows))
    inner = el("table", el("caption", caption), header, body)
    return el("div", inner, class_="scroll", role="region", aria_label=caption, tabindex=0)


def folded(summary: str, *children: str | None, is_open: bool = False) -> Html:
    """A part that the reader folds out.

    >>> folded("more", "x")
    '<details><summary>more</summary>x</details>'
    """
    return el("details", el("summary", summary), *children, open="" if is_open else None)


def _row(cells: Sequence[str]) -> Html:
    first, *others = cells
    return el("tr", el("th", first, scope="row"), *(el("td", cell) for cell in others))
