"""Texts, names and values without what differs in spelling only."""

from __future__ import annotations

import re
import unicodedata

_OPAQUE = re.compile(r"t|tables?|table(_name)?(_\d+)+", re.IGNORECASE)
_NUMBER = re.compile(r"([+-]?)0*(\d[\d,]*|)(?:\.(\d+?)0*)?", re.ASCII)


def fold(text: str) -> str:
    """``text`` in lower case, without accents and without all that is no letter or digit.

    Changed case, blanks and punctuation never change it.

    >>> fold("No. of Caps"), fold("  what's ON-THE menu ?"), fold("Ärger, STRASSE straße")
    ('noofcaps', 'whatsonthemenu', 'argerstrassestrasse')
    """
    return "".join(c for c in folded_characters(text) if c.isalnum())


def folded_characters(text: str) -> str:
    """``text`` in lower case, compatible characters made one, Latin accents dropped.

    >>> folded_characters("Ｗhat’s the Café?")
    'what’s the cafe?'
    """
    if text.isascii():
        return text.lower()
    # Upper case first: what upper case maps together (ß and ss, ı and i) is one.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).upper()).casefold()
    return "".join(c for c in plain if not "\u0300" <= c <= "\u036f")


def fold_table(name: str) -> str:
    """As :func:`fold`, but ``t`` for names that say nothing (``table_1_10015132_11``).

    >>> fold_table("Head_Of_State"), fold_table("table_name_77")
    ('headofstate', 't')
    """
    return "t" if _OPAQUE.fullmatch(name) else fold_name(name)


def fold_literal(text: str) -> str:
    """As :func:`fold`, but a number is the same with and without commas and zeros behind.

    >>> fold_literal("36,642"), fold_literal("7.0"), fold_literal("-2.5"), fold_literal("7.13 (55)")
    ('36642', '7', '-2.5', '71355')
    """
    number = _NUMBER.fullmatch(text.strip())
    if number is None or not (number[2] or number[3]):
        return fold(text)
    whole, after = number[2].replace(",", "") or "0", (number[3] or "").rstrip("0")
    return ("-" if number[1] == "-" else "") + whole + (f".{after}" if after else "")


def fold_name(name: str) -> str:
    """As :func:`fold`, for names: those of signs only keep them.

    >>> fold_name("No. of Caps"), fold_name("#")
    ('noofcaps', '#')
    """
    return fold(name) or folded_characters(name).replace("'", "_").strip() or "_"
