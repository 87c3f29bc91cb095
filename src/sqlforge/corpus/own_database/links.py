"""Which columns refer to which tables: as declared, or evident from names and values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Column, Table
from sqlforge.corpus.own_database.words import column_words, row_words, words_of
from sqlforge.database.sample import TableRows, single_key

_PLAIN_KEYS = frozenset("id uid code key number name no uuid guid".split())
_ENOUGH = 200  # values that are looked up in a table too large to be read whole

LookUp = Callable[[Table, Column, Sequence[SqlValue]], bool]


@dataclass(frozen=True, slots=True)
class Reference:
    """``child.column`` holds ``key`` values of ``parent``; ``inferred`` if nobody declared it."""

    child: str
    column: str
    parent: str
    key: str
    inferred: bool


@dataclass(frozen=True, slots=True)
class References:
    """The references that joins may use, and a sentence for each declared one that they don't."""

    kept: tuple[Reference, ...]
    left_out: tuple[str, ...]


def references(
    tables: Sequence[TableRows], look_up: LookUp, known: frozenset[str] = frozenset()
) -> References:
    """Declared foreign keys of one column, and evident ones that were never declared.

    A reference is evident if the column is called as the other table's key is, or as the table
    and its key, and every value of it that was seen is a value of that key. ``look_up`` says
    whether a table that was not read whole holds all of some values.
    """
    by_name = {read.table.name.lower(): read for read in tables}
    declared, left_out = _declared(tables, by_name)
    taken = {(r.child, r.column) for r in declared}
    inferred = [
        found
        for read in tables
        for column in read.table.columns
        if (read.table.name, column.name) not in taken
        and (found := _evident(read, column, tables, look_up, known)) is not None
    ]
    return _one_key_each([*declared, *inferred], by_name, left_out)


def _declared(
    tables: Sequence[TableRows], by_name: Mapping[str, TableRows]
) -> tuple[list[Reference], list[str]]:
    found: list[Reference] = []
    left_out: list[str] = []
    for read in tables:
        seen: set[str] = set()
        for link in read.table.foreign_keys:
            target = by_name.get(link.ref_table.lower())
            said = f"{read.table.name}({', '.join(link.columns)}) → {link.ref_table}"
            if target is None:
                left_out.append(f"{said}: there is no such table with rows")
                continue
            if len(link.columns) != 1:
                left_out.append(f"{said}: a key of several columns")
                continue
            key = single_key(target.table)
            named = link.ref_columns[0] if link.ref_columns else (key.name if key else "")
            own, other = read.table.column(link.columns[0]), target.table.column(named)
            if own is None or other is None:
                left_out.append(f"{said}: no such column")
            elif own.name not in seen:
                seen.add(own.name)
                made = (read.table.name, own.name, target.table.name, other.name)
                found.append(Reference(*made, inferred=False))
    return found, left_out


def _evident(
    read: TableRows,
    column: Column,
    tables: Sequence[TableRows],
    look_up: LookUp,
    known: frozenset[str],
) -> Reference | None:
    own = single_key(read.table)
    if own is not None and own.name == column.name:
        return None  # a key of its own; that another table has the same numbers says nothing
    words = words_of(column.name, known=known)
    for target in tables:
        key = single_key(target.table)
        if target is read or key is None or not _called_so(words, target.table, key, known):
            continue
        if _kind(column) == _kind(key) and _included(read, column, target, key, look_up):
            made = (read.table.name, column.name, target.table.name, key.name)
            return Reference(*made, inferred=True)
    return None


def _called_so(words: Sequence[str], parent: Table, key: Column, known: frozenset[str]) -> bool:
    row = row_words(parent.name, known=known)[0]
    short = column_words(key.name, row, parent.name, known=known)[0]
    whole = words_of(key.name, known=known)
    said = " ".join(words)
    wanted = {" ".join(whole)} if len(whole) > 1 else set()
    if short in _PLAIN_KEYS:
        wanted |= {f"{row} {short}", f"{row.split()[-1]} {short}"}
    if said == row and _kind(key) == "number":  # flights.airline holds numbers of airlines
        return True
    return any(said == want or said.endswith(f" {want}") for want in wanted)


def _kind(column: Column) -> str:
    return "number" if re.search(r"int|num|dec|serial", column.type, re.I) else "text"


def _included(
    read: TableRows, column: Column, target: TableRows, key: Column, look_up: LookUp
) -> bool:
    index = read.table.columns.index(column)
    values = {row[index] for row in read.rows} - {None}
    if not values:
        return False
    there = target.table.columns.index(key)
    keys = {row[there] for row in target.rows}
    missing = values - keys
    if not missing:
        return True
    if target.complete:
        return False
    some = sorted((v for v in missing if isinstance(v, int | str)), key=str)[:_ENOUGH]
    return look_up(target.table, key, some)


def _one_key_each(
    found: Sequence[Reference], by_name: Mapping[str, TableRows], left_out: list[str]
) -> References:
    """A table is referred to by one of its columns: the one most often used, its key at a tie."""
    keys: dict[str, str] = {}
    for parent in {reference.parent for reference in found}:
        counts = Counter(r.key for r in found if r.parent == parent)
        primary = single_key(by_name[parent.lower()].table)
        keys[parent] = max(
            counts, key=lambda k: (counts[k], primary is not None and k == primary.name, k)
        )
    kept = []
    for reference in found:
        if reference.key == keys[reference.parent]:
            kept.append(reference)
        else:
            left_out.append(
                f"{reference.child}({reference.column}) → {reference.parent}({reference.key}):"
                f" other tables refer to its {keys[reference.parent]}"
            )
    return References(tuple(kept), tuple(left_out))
