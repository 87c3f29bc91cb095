"""New names for tables and columns: snake, camel, abbreviated and opaque."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

from sqlforge.core.config import RenameStyle
from sqlforge.core.names import sql_name, words_of

_TAKEN = frozenset(("rowid", "oid", "_rowid_"))  # SQLite's own columns


def new_names(
    names: Iterable[str], style: RenameStyle, rng: random.Random, *, of_tables: bool
) -> dict[str, str]:
    """A new name for each of ``names``, by the old name in lower case.

    No two new names are equal, without regard to case, and each can stand bare in SQL unless its
    letters are not ASCII. ``rng`` draws how words are shortened and the numbers of opaque names.

    >>> new_names(["CustomerID", "Customer_id"], "snake", random.Random(1), of_tables=False)
    {'customerid': 'customer_id', 'customer_id': 'customer_id_2'}
    """
    old = list(dict.fromkeys(name.lower() for name in names))
    spelled = {name.lower(): name for name in names}
    spell = _speller(style, rng, len(old), of_tables)
    found: dict[str, str] = {}
    taken = set(_TAKEN)
    for name in old:
        found[name] = _free(spell(words_of(spelled[name])), taken)
        taken.add(found[name].lower())
    return found


def _speller(
    style: RenameStyle, rng: random.Random, count: int, of_tables: bool
) -> Callable[[list[str]], str]:
    if style == "snake":
        return "_".join
    if style == "camel":
        return lambda words: _camel(words, of_tables)
    if style == "opaque":
        numbers = iter(rng.sample(range(1, count + 1), count))
        return lambda words: f"{'tbl' if of_tables else 'col'}_{next(numbers)}"
    # One word is always shortened in the same way, as people do.
    seed = rng.random()
    return lambda words: "_".join(_short(word, random.Random(f"{seed}/{word}")) for word in words)


def _camel(words: list[str], of_tables: bool) -> str:
    first = words[0].capitalize() if of_tables else words[0]
    return first + "".join(word.capitalize() for word in words[1:])


def _short(word: str, rng: random.Random) -> str:
    if len(word) <= 3 or not word.isascii():
        return word
    consonants = word[0] + re.sub("[aeiou]", "", word[1:])
    return rng.choice((word[:3], word[:4], consonants[:4] if len(consonants) > 1 else word[:3]))


def _free(name: str, taken: set[str]) -> str:
    name = f"n{name}" if name[0].isdigit() else name
    if name.isascii() and sql_name(name) != name:  # a keyword
        name = f"{name}_"
    free, number = name, 2
    while free.lower() in taken:
        free, number = f"{name}_{number}", number + 1
    return free
