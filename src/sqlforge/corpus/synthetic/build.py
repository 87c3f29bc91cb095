"""Turn a filled domain into an SQLite file and a schema."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlforge.core.files import make_folder, storage_error, storing
from sqlforge.core.records import Database
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.corpus.synthetic.domain import Domain, DomainColumn, DomainTable, Numbers
from sqlforge.corpus.synthetic.seeds import seed_for
from sqlforge.corpus.synthetic.values import Rows, foreign_keys, is_link

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words that SQLite or another common dialect would read as syntax where a name should stand.
_RESERVED = frozenset(
    "add all alter and as asc between by case check collate column commit create cross current_date"
    " default delete desc distinct drop else end escape except exists filter foreign from full"
    " group having if in index inner insert intersect into is join key left like limit match"
    " natural no not null of offset on or order outer over primary references right row rows"
    " select set table then to transaction trigger union unique update user using values view"
    " when where window with".split()
)


def write_database(domain: Domain, rows: Mapping[str, Rows], folder: Path) -> Database:
    """Write ``folder/<name>/<name>.sqlite`` holding exactly the domain's tables and rows.

    The file is written under a temporary name and renamed, so that it is whole or absent. The
    same input gives the same bytes with the same SQLite library.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    path = folder / domain.name / f"{domain.name}.sqlite"
    partial = path.with_suffix(".partial")
    with storing(path):
        make_folder(path.parent)
        partial.unlink(missing_ok=True)
        try:
            _write(partial, domain, rows)
            partial.replace(path)
        except sqlite3.OperationalError as fault:  # a full disk, a folder that cannot be written
            raise storage_error(path, str(fault)) from fault
        finally:
            partial.unlink(missing_ok=True)
    return Database(domain.name, schema_of(domain), path)


def load(connection: sqlite3.Connection, domain: Domain, rows: Mapping[str, Rows]) -> None:
    """Create the domain's tables on ``connection`` and insert the rows."""
    for table in domain.tables:
        connection.execute(create_table(domain, table))
        marks = ", ".join("?" * len(table.columns))
        connection.executemany(f"INSERT INTO {name(table.name)} VALUES ({marks})", rows[table.name])
    connection.commit()


def name(identifier: str) -> str:
    """The identifier as SQL writes it: quoted only if it has to be.

    >>> name("unitPrice"), name("order"), name("net weight")
    ('unitPrice', '"order"', '"net weight"')
    """
    if _PLAIN.fullmatch(identifier) and identifier.lower() not in _RESERVED:
        return identifier
    return '"' + identifier.replace('"', '""') + '"'


def schema_of(domain: Domain) -> Schema:
    """The schema of the database that :func:`write_database` makes."""
    return Schema(tuple(_table(domain, table) for table in domain.tables))


def create_table(domain: Domain, table: DomainTable) -> str:
    """The ``CREATE TABLE`` statement with declared types, primary key and foreign keys."""
    spec = _table(domain, table)
    parts = [f"{name(column.name)} {column.type}" for column in spec.columns]
    key = [name(column.name) for column in spec.columns if column.primary_key]
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(key)})")
    parts += [
        f"FOREIGN KEY ({name(link.columns[0])})"
        f" REFERENCES {name(link.ref_table)}({name(link.ref_columns[0])})"
        for link in spec.foreign_keys
    ]
    return f"CREATE TABLE {name(table.name)} (\n  " + ",\n  ".join(parts) + "\n)"


def key_of(table: DomainTable) -> DomainColumn | None:
    """The table's key column; ``None`` for a table that only links others."""
    return next((c for c in table.columns if c.role == "key" or c.natural_key), None)


def _write(path: Path, domain: Domain, rows: Mapping[str, Rows]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        load(connection, domain, rows)


def _table(domain: Domain, table: DomainTable) -> Table:
    present = {other.name: other for other in domain.tables}
    links = []
    for column in foreign_keys(table):
        target = present.get(column.refers_to or "")
        key = key_of(target) if target else None
        if target and key:  # in a slice the other table may be missing: a plain column remains
            links.append(ForeignKey((column.name,), target.name, (key.name,)))
    linking = is_link(table) and len(foreign_keys(table)) > 1
    columns = tuple(
        Column(
            column.name,
            _declared_type(domain, column),
            column.role == "key" or (linking and column.role == "foreign_key"),
        )
        for column in table.columns
    )
    return Table(table.name, columns, tuple(links))


def _declared_type(domain: Domain, column: DomainColumn) -> str:
    """A type as people declare it; which spelling is used depends on the database's name."""
    style = seed_for("types", domain.name) % 3
    spec = column.values
    match column.role:
        case "key" | "foreign_key":
            return "INTEGER"
        case "date":
            return "DATE"
        case "number" | "money" | "year" | "flag" if isinstance(spec, Numbers):
            if spec.decimals == 0:
                return ("INTEGER", "INT", "INTEGER")[style]
            return ("REAL", "DECIMAL(10,2)", "NUMERIC")[style]
        case _:
            return ("TEXT", "VARCHAR(80)", "TEXT")[style]
