"""Forms that a database takes in training, and examples asked of such a form.

A form is a pure function of (database, seed, epoch, number) and an example's form one of (example,
seed, epoch): what a resumed run sees does not depend on where it was cut off.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from sqlforge.core.config import AugmentPart
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Schema, Table
from sqlforge.prompt.augment.masking import mask_values
from sqlforge.prompt.augment.renaming import draw_renaming, rename_link, rename_schema
from sqlforge.prompt.augment.sql_names import (
    NameUse,
    Renaming,
    depends_on_order,
    find_names,
    rename_sql,
)
from sqlforge.prompt.linking import Link

_TRIES = 8  # databases looked at for unrelated tables whose names are free


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a database.

    ``key`` is equal for examples that share the form; ``added`` tells of which database the
    unrelated tables are, by their name in the form.
    """

    key: str
    schema: Schema
    db_id: str
    renaming: Renaming | None = None
    added: Mapping[str, str] = field(default_factory=dict)

    def origin(self, table: str) -> tuple[str, str]:
        """The database that a table of the form comes from, and its name there."""
        return self.added.get(table, self.db_id), _old(self.renaming, "tables", table)

    def old_column(self, column: str) -> str:
        """What a column of the form is called in the database it comes from, in lower case."""
        return _old(self.renaming, "columns", column)


@dataclass(frozen=True, slots=True)
class Varied:
    """An example as it is asked in one epoch; ``example.db_id`` stays the original's."""

    example: Example
    variant: Variant
    links: tuple[Link, ...]


class Augmenter:
    """Varies training examples as a recipe says.

    Args:
        databases: those that training examples ask about, by ``db_id``; unrelated tables are
            drawn from them, so none of a test database may be among them.
        settings: which augmentations, how often.
        seed: of everything drawn.
        groups: for each database, how many groups of questions share a schema in an epoch; no
            database takes more forms than that. One that is not named takes ``variants``.

    >>> from sqlforge.core.schema import Column
    >>> shop = Database("shop", Schema((Table("item", (Column("a", "TEXT"), Column("b", "INT"))),)))
    >>> augmenter = Augmenter({"shop": shop}, AugmentPart(keep=0, rename=1), seed=7)
    >>> asked = Example("x", "Which a?", "SELECT a FROM item", "shop", "own", "MIT")
    >>> augmenter.vary(asked, (), epoch=0) == augmenter.vary(asked, (), epoch=0)
    True
    """

    def __init__(
        self,
        databases: Mapping[str, Database],
        settings: AugmentPart,
        seed: int,
        groups: Mapping[str, int] | None = None,
    ) -> None:
        self._databases, self._settings, self._seed = databases, settings, seed
        self._groups = groups or {}
        self._ids = sorted(databases)
        self._variant = lru_cache(maxsize=512)(self._make)
        self._names = lru_cache(maxsize=4096)(self._find_names)

    def vary(self, example: Example, links: Sequence[Link], epoch: int) -> Varied:
        """``example`` as it is asked in ``epoch``; ``links`` are those of its own question.

        An example whose SQL cannot be carried over to its form with certainty is asked of the
        database as it is.
        """
        rng = random.Random(f"{self._seed}/{epoch}/{example.id}")
        most = min(self._settings.variants, self._groups.get(example.db_id, 1 << 30))
        variant = self._variant(example.db_id, epoch, rng.randrange(max(1, most)))
        masks = rng.random() < self._settings.mask_values
        carried = self._carry(example, variant)
        if carried is None:
            variant, carried = self.plain(example.db_id), example
        schema = self._databases[example.db_id].schema
        question, found = example.question, tuple(links)
        if masks:
            # Masked before renaming: strings are told from names by the names of the original.
            masked = mask_values(question, example.sql, links, schema, rng)
            again = self._carry(replace(example, sql=masked.sql), variant)
            if again is not None:
                question, found = masked.question, masked.links
                carried = replace(again, question=question)
        if variant.renaming is not None:
            renaming = variant.renaming
            found = tuple(rename_link(link, renaming) for link in found)
        return Varied(carried, variant, found)

    def plain(self, db_id: str) -> Variant:
        """The database as it is."""
        return Variant(db_id, self._databases[db_id].schema, db_id)

    def _carry(self, example: Example, variant: Variant) -> Example | None:
        """The example with its SQL for the form; ``None`` where that is not certain."""
        original = self._databases[example.db_id].schema
        if variant.schema is original:
            return example
        if self._settings.shuffle and depends_on_order(example.sql, original.dialect):
            return None
        if variant.renaming is None:
            return example
        uses = self._names(example.db_id, example.sql)
        if uses is None:
            return None
        sql = rename_sql(example.sql, uses, variant.renaming, original.dialect)
        return replace(example, sql=sql) if sql is not None else None

    def _find_names(self, db_id: str, sql: str) -> tuple[NameUse, ...] | None:
        return find_names(sql, self._databases[db_id].schema)

    def _make(self, db_id: str, epoch: int, number: int) -> Variant:
        settings, schema = self._settings, self._databases[db_id].schema
        rng = random.Random(f"{self._seed}/{epoch}/{number}/{db_id}")
        if rng.random() < settings.keep:
            return self.plain(db_id)
        other, added = self._unrelated(db_id, rng) if settings.distractors else ("", ())
        varied = replace(schema, tables=(*schema.tables, *added))
        names = {table.name: other for table in added}
        renaming = None
        if rng.random() < settings.rename:
            style = rng.choice(settings.rename_styles)
            renaming = draw_renaming(varied, style, rng)
            names = {renaming.table(name): other for name in names}
            varied = rename_schema(varied, renaming, describe=style == "opaque")
        if settings.shuffle:
            varied = shuffled(varied, rng)
        return Variant(f"{db_id}/{epoch}/{number}", varied, db_id, renaming, names)

    def _unrelated(self, db_id: str, rng: random.Random) -> tuple[str, tuple[Table, ...]]:
        """The id of one other database and tables of it, with the foreign keys among them."""
        own = {table.name.lower() for table in self._databases[db_id].schema.tables}
        dialect = self._databases[db_id].schema.dialect
        for _ in range(_TRIES):
            other = self._databases[rng.choice(self._ids)]
            free = [t for t in other.schema.tables if _is_free(t.name, own)]
            if other.db_id == db_id or other.schema.dialect != dialect or not free:
                continue
            count = min(self._settings.distractors, len(free))
            drawn = sorted(rng.sample(range(len(free)), count))
            return other.db_id, _closed(tuple(free[index] for index in drawn))
        return "", ()


def _old(renaming: Renaming | None, kind: Literal["tables", "columns"], name: str) -> str:
    names = {} if renaming is None else getattr(renaming, kind)
    return next((old for old, new in names.items() if new == name), name)


def shuffled(schema: Schema, rng: random.Random) -> Schema:
    """``schema`` with tables, and columns within each, in another order."""
    tables = [
        replace(t, columns=tuple(rng.sample(t.columns, len(t.columns)))) for t in schema.tables
    ]
    return replace(schema, tables=tuple(rng.sample(tables, len(tables))))


def _closed(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """``tables`` without foreign keys that lead out of them."""
    names = {table.name.lower() for table in tables}
    return tuple(
        replace(
            table,
            foreign_keys=tuple(k for k in table.foreign_keys if k.ref_table.lower() in names),
        )
        for table in tables
    )


def _is_free(name: str, taken: set[str]) -> bool:
    return name.lower() not in taken and not name.lower().startswith("sqlite_")
