"""What an example is known by: its question, its SQL and its schema, free of spelling.

One :class:`Fingerprint` an example serves the removal of duplicates, the split by schema and the
leak audit; making it costs one parse of the SQL.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from sqlforge.core.records import Example
from sqlforge.core.schema import Schema, Table
from sqlforge.corpus.canonical_sql import canonical_sql
from sqlforge.corpus.folding import fold, fold_name, fold_table, folded_characters

THRESHOLD = 0.7
"""Two normalised questions are nearly the same from this share of common 4-character shingles."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table by its folded name and column names; an opaque name (``table_1_10_2``) is ``t``.

    ``order`` has the columns as the schema lists them. ``signature`` is 16 hexadecimal digits, the
    same for the same names in any order and case.
    """

    name: str
    order: tuple[str, ...]
    columns: frozenset[str]
    signature: str

    @property
    def named(self) -> bool:
        """Whether the name says something."""
        return self.name != "t"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """An example as other data sets may hold it.

    ``words`` is the normalised question, ``key`` the same without blanks. ``canonical`` and
    ``masked`` are the SQL's canonical form with and without its ``literals``, ``None`` where it
    does not parse. ``tables`` are those of the schema, in its order, empty if there is none.
    """

    example: Example
    words: str
    key: str
    canonical: str | None
    masked: str | None
    literals: tuple[str, ...]
    tables: tuple[TableShape, ...]

    @property
    def schema_signature(self) -> str | None:
        """16 hexadecimal digits of all tables, in any order; ``None`` without a schema."""
        return signature_of_all(self.tables) if self.tables else None

    @property
    def duplicate_key(self) -> str:
        """Exact duplicates share it: the same normalised question and the same canonical SQL."""
        return digest(self.key, self._sql)

    @property
    def scope(self) -> int:
        """A 64-bit number of the canonical SQL: near-duplicates have it in common."""
        return int(digest(self._sql), 16)

    @property
    def _sql(self) -> str:
        return self.canonical if self.canonical is not None else fold(self.example.sql)


def fingerprint(
    example: Example,
    schema: Schema | None,
    *,
    tree: exp.Expr | None = None,
    dialect: str | None = None,
) -> Fingerprint:
    """The fingerprint of one example.

    Args:
        example: the example.
        schema: of its database, as far as it is known.
        tree: the SQL as sqlglot parsed it, if that is at hand; it is left as it is.
        dialect: sqlglot's name of the SQL's dialect; else the schema's, else SQLite's.

    >>> asked = Example("a-1", "How many SHOPS?", "select count(*) from shop", "d", "mine", "MIT")
    >>> found = fingerprint(asked, None)
    >>> found.words, found.masked
    ('how many shops', 'SELECT COUNT(*) FROM shop')
    """
    tables = table_shapes(schema) if schema is not None else ()
    found = canonical_sql(
        tree if tree is not None else example.sql,
        dialect=dialect or (schema.dialect if schema is not None else "sqlite"),
        names=_column_names(schema) if schema is not None else (),
    )
    return Fingerprint(
        example=example,
        words=normal_question(example.question),
        key=fold(example.question),
        canonical=found.text if found else None,
        masked=found.masked if found else None,
        literals=found.literals if found else (),
        tables=tables,
    )


def normal_question(text: str) -> str:
    """The words of a question in lower case, without punctuation, one blank between them.

    >>> normal_question(" What's  the Café's No. of CAPS -- in 1995-96? ")
    'what s the cafe s no of caps in 1995 96'
    """
    return " ".join(_WORD.findall(folded_characters(text)))


@lru_cache(maxsize=4096)
def table_shapes(schema: Schema) -> tuple[TableShape, ...]:
    """The tables of a schema as they are compared."""
    return tuple(_shape(table) for table in schema.tables)


def table_signature(table: Table) -> str:
    """16 hexadecimal digits of a table's name and columns, whatever their order, case and types.

    >>> from sqlforge.core.schema import Column
    >>> one = Table("Shop", (Column("Id", "INT"), Column("No_of_Staff", "INT")))
    >>> same = Table("shop", (Column("no of staff", "TEXT"), Column("id", "")))
    >>> table_signature(one) == table_signature(same)
    True
    """
    return _shape(table).signature


@lru_cache(maxsize=4096)
def signature_of_all(tables: tuple[TableShape, ...]) -> str:
    """16 hexadecimal digits of a schema's tables, in any order."""
    return digest(*sorted({table.signature for table in tables}))


def digest(*parts: str) -> str:
    """16 hexadecimal digits of some texts in order, the same everywhere.

    >>> digest("a", "b") == digest("ab")
    False
    """
    whole = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(len(data).to_bytes(8, "little"))
        whole.update(data)
    return whole.hexdigest()


@lru_cache(maxsize=4096)
def _column_names(schema: Schema) -> frozenset[str]:
    return frozenset(fold_name(c.name) for table in schema.tables for c in table.columns)


def _shape(table: Table) -> TableShape:
    name, order = fold_table(table.name), tuple(fold_name(c.name) for c in table.columns)
    columns = frozenset(order)
    return TableShape(name, order, columns, digest(name, *sorted(columns)))
