"""Perturbed instances of a database: other rows under the same keys, references and types."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set

from sqlforge.core.records import SqlValue
from sqlforge.score.suite.hints import Hints
from sqlforge.score.suite.names import ColumnKey
from sqlforge.score.suite.profile import (
    ColumnProfile,
    DatabaseProfile,
    Link,
    Row,
    TableProfile,
)
from sqlforge.score.suite.style import Style
from sqlforge.score.suite.values import distinct_values, fresh, near, summable

MAX_ROWS = 48
MAX_COUNT = 60  # groups that queries want larger than this are not made
WITNESSES = 0.45  # share of exact literals in a column that the instance is made for

Rows = Mapping[str, Sequence[Row]]
"""The rows of each table, by lower-case name."""


def perturbed_rows(
    profile: DatabaseProfile, hints: Hints, focus: Hints | None, style: Style, rng: random.Random
) -> Rows:
    """Rows for every table, parents before children.

    Args:
        profile: the database's constraints and values.
        hints: what all its queries tell.
        focus: what the queries tell that this instance is made for, if it is for some.
        style: how to depart from the original.
        rng: the only source of chance.
    """
    maker = _Maker(profile, hints, focus, style, rng)
    for table in profile.tables:
        maker.add(table)
    for table in profile.tables:
        maker.refer_back(table)
    return maker.rows


class _Maker:
    """The instance being made: rows so far, and the values that joined columns share."""

    def __init__(
        self,
        profile: DatabaseProfile,
        hints: Hints,
        focus: Hints | None,
        style: Style,
        rng: random.Random,
    ) -> None:
        self.hints, self.focus, self.style, self.rng = hints, focus, style, rng
        self.tables = {table.name.lower(): table for table in profile.tables}
        self.rows: dict[str, list[Row]] = {}
        self._alike: dict[ColumnKey, list[ColumnKey]] = defaultdict(list)
        for link in (link for table in profile.tables for link in table.links):
            for own, theirs in zip(link.columns, link.ref_columns, strict=True):
                self._alike[link.ref_table, theirs].append((link.table, own))

    def add(self, table: TableProfile) -> None:
        name = table.name.lower()
        self.rows[name] = []
        focused = self.focus is not None and name in self.focus.tables
        if self.rng.random() < self.style.empty and not focused:
            return
        size = self._size(table, focused)
        if any(self._lacks_parents(table, link) for link in table.links):
            return
        linked = self._linked(table, size)
        base = self.rng.choices(table.rows, k=size) if table.rows else []
        columns = [
            linked[column.key[1]]
            if column.key[1] in linked
            else self._column(table, column, size, [row[place] for row in base])
            for place, column in enumerate(table.columns)
        ]
        later = {c for k in table.links if self._is_later(name, k.ref_table) for c in k.columns}
        rows = self._complete(table, list(zip(*columns, strict=True)), later)
        self.rows[name] = self._unique(table, rows)

    def refer_back(self, table: TableProfile) -> None:
        """Fill references to a table that was made later, or to the table itself."""
        name = table.name.lower()
        names = [column.key[1] for column in table.columns]
        for link in table.links:
            if not self._is_later(name, link.ref_table):
                continue
            offered = self._parents(link.ref_table, link.ref_columns)
            if not offered:
                self.rows[name] = self._complete(table, self.rows[name], set())
                continue
            places = [names.index(column) for column in link.columns]
            for number, row in enumerate(self.rows[name]):
                cells = list(row)
                for place, value in zip(places, self.rng.choice(offered), strict=True):
                    cells[place] = value
                self.rows[name][number] = tuple(cells)

    def _lacks_parents(self, table: TableProfile, link: Link) -> bool:
        """Whether the rows must refer to a table that is empty here."""
        nullable = all(c.nullable for c in table.columns if c.key[1] in link.columns)
        later = self._is_later(table.name.lower(), link.ref_table)
        return not nullable and not later and not self.rows[link.ref_table]

    def _is_later(self, name: str, ref_table: str) -> bool:
        order = list(self.tables)
        return order.index(ref_table) >= order.index(name)

    def _size(self, table: TableProfile, focused: bool) -> int:
        low, high = (12, 36) if table.links else (5, 14)
        size = round(self.rng.randint(low, high) * self.style.size)
        if self.focus is None or not focused:
            return max(1, min(MAX_ROWS, size))
        wanted = max((c for c in self.focus.counts if c <= MAX_COUNT), default=0)
        return max(8, size, 2 * wanted + 2)  # enough for a group of that many, and others

    def _linked(self, table: TableProfile, size: int) -> dict[str, list[SqlValue]]:
        """The columns that refer to parents; a column of two references follows the first."""
        found: dict[str, list[SqlValue]] = {}
        for link in table.links:
            if any(column in found for column in link.columns):
                continue
            chosen = self._references(table, link.columns, link.ref_table, link.ref_columns, size)
            for position, column in enumerate(link.columns):
                found[column] = [values[position] for values in chosen]
        return found

    def _references(
        self,
        table: TableProfile,
        columns: tuple[str, ...],
        ref_table: str,
        ref_columns: tuple[str, ...],
        size: int,
    ) -> list[Row]:
        nothing: Row = (None,) * len(columns)
        later = self._is_later(table.name.lower(), ref_table)
        offered = [] if later else self._parents(ref_table, ref_columns)
        if not offered:
            return [nothing] * size
        if any(set(key) <= set(columns) for key in table.keys):  # one child each at most
            self.rng.shuffle(offered)
            return [*offered[:size], *([nothing] * (size - len(offered)))]
        used = offered[: max(1, round(len(offered) * self.rng.choice((0.5, 0.8, 1.0))))]
        weights = [1 / (rank + 1) ** self.style.skew for rank in range(len(used))]
        chosen = self.rng.choices(used, weights, k=size)
        nullable = all(c.nullable for c in table.columns if c.key[1] in columns)
        return [
            nothing if nullable and self.rng.random() < self.style.nulls else values
            for values in chosen
        ]

    def _parents(self, ref_table: str, ref_columns: tuple[str, ...]) -> list[Row]:
        """What may be referred to, in random order."""
        names = [column.key[1] for column in self.tables[ref_table].columns]
        places = [names.index(column) for column in ref_columns]
        rows = [tuple(row[place] for place in places) for row in self.rows[ref_table]]
        offered = [row for row in dict.fromkeys(rows) if None not in row]
        self.rng.shuffle(offered)
        return offered

    def _column(
        self, table: TableProfile, column: ColumnProfile, size: int, base: Sequence[SqlValue]
    ) -> list[SqlValue]:
        """Cells drawn anew or as in ``base``, the original rows that this table starts from."""
        rng, style = self.rng, self.style
        wanted = self._wanted(column)
        if (column.key[1],) in table.keys:
            keys = distinct_values(column, self._some(wanted, size), size, rng)
            return [*keys, *([None] * (size - len(keys)))]
        drawn = self._drawn(column, wanted, size)
        keep = style.keep if base and not self._is_focus(column) else 0.0
        cells: list[SqlValue] = []
        for i in range(size):
            if column.nullable and rng.random() < style.nulls:
                cells.append(None)
            elif keep and rng.random() < keep and base[i] is not None:
                cells.append(base[i])
            else:
                cells.append(drawn[i])
        return [cell if cell in wanted else summable(column, cell) for cell in cells]

    def _drawn(self, column: ColumnProfile, wanted: list[SqlValue], size: int) -> list[SqlValue]:
        rng, style = self.rng, self.style
        if self.focus is not None and self._is_focus(column):
            exact = [v for v in self._literals(self.focus, column) if v in wanted] or wanted
            others = [*wanted, fresh(column, rng), fresh(column, rng)]
            return [
                rng.choice(exact if rng.random() < WITNESSES and exact else others)
                for _ in range(size)
            ]
        dice = rng.random()
        if column.key in self.hints.sorted:
            dice = rng.choice((dice, 1.0))  # more often without ties
        if dice < style.few:
            pool = self._some(wanted, rng.randint(1, 3)) or [fresh(column, rng)]
            pool += [fresh(column, rng) for _ in range(rng.randint(1, 2))]
            return rng.choices(pool, k=size)
        if dice > 1 - style.distinct:
            values = distinct_values(column, self._some(wanted, size // 3), size, rng)
            return [*values, *rng.choices(values or [None], k=size - len(values))]
        seen = rng.sample(column.values, min(len(column.values), 6))
        pool = [*wanted, *wanted, *seen, *(fresh(column, rng) for _ in range(4))]
        return rng.choices(pool, k=size)

    def _wanted(self, column: ColumnProfile) -> list[SqlValue]:
        """Values at and around what queries compare the column with."""
        literals = self._literals(self.focus, column) if self.focus is not None else []
        if not literals:
            everything = self._literals(self.hints, column)
            literals = self.rng.sample(everything, min(4, len(everything)))
        wanted = near(column, literals, self.rng)
        for pair in self.hints.equal:
            if column.key in pair:
                other = pair[1] if pair[0] == column.key else pair[0]
                wanted += self._held(other)
        return [value for value in dict.fromkeys(wanted) if value is not None]

    def _held(self, key: ColumnKey) -> list[SqlValue]:
        """Values of a column made before, for one that is joined with it."""
        rows = self.rows.get(key[0])
        if not rows or key[0] not in self.tables:
            return []
        names = [column.key[1] for column in self.tables[key[0]].columns]
        values = list(dict.fromkeys(row[names.index(key[1])] for row in rows))
        return self.rng.sample(values, min(6, len(values)))

    def _literals(self, hints: Hints, column: ColumnProfile) -> list[SqlValue]:
        """What the column, or one that refers to it, is compared with."""
        keys = (column.key, *self._alike[column.key])
        return list(dict.fromkeys(v for key in keys for v in hints.literals.get(key, ())))

    def _is_focus(self, column: ColumnProfile) -> bool:
        return self.focus is not None and bool(self._literals(self.focus, column))

    def _some(self, values: Sequence[SqlValue], size: int) -> list[SqlValue]:
        return self.rng.sample(values, min(len(values), size))

    def _complete(self, table: TableProfile, rows: list[Row], later: Set[str]) -> list[Row]:
        """Rows without NULLs in keys and references that have none; ``later`` ones may wait."""
        bound = {c for link in table.links for c in link.columns} | {
            c for key in table.keys if len(key) < len(table.columns) for c in key
        }
        places = [
            place
            for place, column in enumerate(table.columns)
            if column.key[1] in bound - later and not column.nullable
        ]
        return [row for row in rows if all(row[place] is not None for place in places)]

    def _unique(self, table: TableProfile, rows: list[Row]) -> list[Row]:
        """Of rows that share a key the first; NULLs differ from each other."""
        names = [column.key[1] for column in table.columns]
        places = [[names.index(c) for c in key] for key in table.keys if set(key) <= set(names)]
        kept: list[Row] = []
        taken: list[set[Row]] = [set() for _ in places]
        for row in rows:
            keys = [tuple(row[place] for place in key) for key in places]
            if any(None not in key and key in seen for key, seen in zip(keys, taken, strict=True)):
                continue
            for key, seen in zip(keys, taken, strict=True):
                seen.add(key)
            kept.append(row)
        return kept
