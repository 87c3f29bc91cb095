"""Cut a domain into several small databases: connected tables with some of their columns."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

from sqlforge.corpus.synthetic.domain import Domain, DomainColumn, DomainTable
from sqlforge.corpus.synthetic.seeds import rng_for
from sqlforge.corpus.synthetic.values import Rows, foreign_keys, is_link
from sqlforge.corpus.synthetic.view import content

FEWEST = 3  # columns that a table keeps, keys not counted
_SIZES = (2, 3, 1, 2, 3)  # slices are made in this rhythm, so that linked tables prevail


def slices(domain: Domain, seed: int, *, max_tables: int, count: int) -> tuple[Domain, ...]:
    """``count`` different connected sub-schemas of one to ``max_tables`` tables.

    Each is a domain of its own, named after the domain and the tables in it. A foreign key to a
    table outside is dropped, or now and then kept as a plain column. The same set of tables may
    come again with other columns.

    Raises:
        ValueError: if ``max_tables`` or ``count`` is less than 1.
    """
    if max_tables < 1 or count < 1:
        raise ValueError("max_tables and count are at least 1")
    rng = rng_for(seed, domain.name, "slices")
    by_size = {size: connected(domain, size) for size in range(1, max_tables + 1)}
    for options in by_size.values():
        rng.shuffle(options)
    found: list[Domain] = []
    shapes: set[tuple[tuple[str, tuple[str, ...]], ...]] = set()
    for turn in range(count * 20):
        options = by_size.get(min(_SIZES[turn % len(_SIZES)], max_tables), [])
        if not options:
            continue
        tables = options[(turn // len(_SIZES)) % len(options)]
        made = _cut(domain, tables, rng_for(seed, domain.name, "slice", turn))
        shape = tuple((t.name, tuple(c.name for c in t.columns)) for t in made.tables)
        if shape not in shapes:
            shapes.add(shape)
            found.append(replace(made, name=_fresh(made.name, found)))
        if len(found) == count:
            break
    return tuple(found)


def connected(domain: Domain, size: int) -> list[tuple[str, ...]]:
    """All sets of ``size`` tables that hang together, at least one of them with content."""
    edges = {
        frozenset((table.name, column.refers_to))
        for table in domain.tables
        for column in foreign_keys(table)
        if column.refers_to and column.refers_to != table.name
    }
    return [
        names
        for names in combinations([table.name for table in domain.tables], size)
        if _hangs_together(names, edges)
        and any(len(content(domain.table(name))) >= FEWEST for name in names)
    ]


def rows_of(part: Domain, whole: Domain, rows: Mapping[str, Rows]) -> dict[str, Rows]:
    """The rows of the slice ``part``: those of ``whole`` with the columns that it kept."""
    found = {}
    for table in part.tables:
        names = [column.name for column in whole.table(table.name).columns]
        kept = [names.index(column.name) for column in table.columns]
        found[table.name] = tuple(tuple(row[i] for i in kept) for row in rows[table.name])
    return found


def _hangs_together(names: tuple[str, ...], edges: set[frozenset[str]]) -> bool:
    reached, waiting = {names[0]}, [names[0]]
    while waiting:
        here = waiting.pop()
        for other in names:
            if other not in reached and frozenset((here, other)) in edges:
                reached.add(other)
                waiting.append(other)
    return len(reached) == len(names)


def _cut(domain: Domain, names: tuple[str, ...], rng: random.Random) -> Domain:
    tables = tuple(_narrowed(domain.table(name), names, rng) for name in names)
    return Domain("_".join([domain.name, *(n.lower() for n in names)]), domain.split, tables)


def _narrowed(table: DomainTable, names: tuple[str, ...], rng: random.Random) -> DomainTable:
    """The table with some of its columns: keys, links inside the slice, and a few others."""
    plain = content(table)
    keep = len(plain)
    if len(plain) > FEWEST and rng.random() < 0.75:
        keep = rng.randint(FEWEST, len(plain))
    # The first plain column is what the row is called; a table without it is hard to ask about.
    first = {plain[0].name} if plain else set()
    others = [column.name for column in plain[1:]]
    kept = first | set(rng.sample(others, max(0, min(len(others), keep - len(first)))))
    columns: list[DomainColumn] = []
    verbs: list[str] = []
    spare = iter(table.verb)
    for column in table.columns:
        if column.role == "foreign_key":
            verb = next(spare, None)
            # Without one of its links a linking table would hold the same row twice.
            spared = column.refers_to in names or is_link(table)
            if not spared and rng.random() < 0.7:
                continue
            verbs += [verb] if verb else []
        elif column.role != "key" and column.name not in kept:
            continue
        columns.append(column)
    return replace(table, columns=tuple(columns), verb=tuple(verbs))


def _fresh(name: str, found: list[Domain]) -> str:
    """The name, numbered from the second database of that name on."""
    taken = {domain.name for domain in found}
    if name not in taken:
        return name
    return next(f"{name}_{n}" for n in range(2, len(taken) + 3) if f"{name}_{n}" not in taken)
