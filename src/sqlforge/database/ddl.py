"""Schemas from the text of ``CREATE TABLE`` statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.database.introspect import read_schema
from sqlforge.database.readonly import limit

if TYPE_CHECKING:  # loaded where SQLite cannot read it
    from sqlglot import exp


def schema_from_ddl(ddl: str, dialect: str = "sqlite") -> Schema:
    """The schema that ``CREATE TABLE`` statements describe; other statements are ignored.

    ``dialect`` is sqlglot's name. SQLite reads its own DDL, in memory; what it refuses and what
    is written for other databases is read by sqlglot. Raises :class:`DatabaseError` if no table
    comes out.

    >>> schema_from_ddl("CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT)").tables[0].columns
    (Column(name='id', type='INTEGER', primary_key=True, description=None),
     Column(name='name', type='TEXT', primary_key=False, description=None))
    """
    schema = _build_in_memory(ddl) if dialect == "sqlite" else None
    schema = schema or _parse_ddl(ddl, dialect)
    if not schema.tables:
        raise DatabaseError(
            f"DDL without a table ({ddl.strip()[:60]!r})",
            f"CREATE TABLE statements in the dialect {dialect}",
            "check the DDL",
        )
    return schema


_DDL_ACTIONS = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_REINDEX,
}


def _build_in_memory(ddl: str) -> Schema | None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    limit(connection)
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _DDL_ACTIONS else sqlite3.SQLITE_DENY
    )
    budget = iter(range(2_000))  # times 10,000 steps: well under a second
    connection.set_progress_handler(lambda: next(budget, None) is None, 10_000)
    try:
        connection.executescript(ddl)
        connection.set_authorizer(None)
        return read_schema(connection)
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return None
    finally:
        connection.close()


def _parse_ddl(ddl: str, dialect: str) -> Schema:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = sqlglot.parse(ddl, dialect=dialect)
    except (SqlglotError, ValueError, RecursionError):
        return Schema((), dialect)
    creates = [s for s in statements if isinstance(s, exp.Create) and s.kind == "TABLE"]
    tables = [_parsed_table(create, dialect) for create in creates]
    return Schema(_united(table for table in tables if table.columns), dialect)


def _united(tables: Iterable[Table]) -> tuple[Table, ...]:
    """Each table once: one that is declared in pieces has the columns of them all.

    sql-create-context declares a table anew for every alias of a query, and a column for every
    spelling (``Id``, ``ID``).
    """
    found: dict[str, Table] = {}
    for table in tables:
        known = found.setdefault(table.name.lower(), Table(table.name, ()))
        columns = list(known.columns)
        taken = {column.name.lower() for column in columns}
        for column in table.columns:
            if column.name.lower() not in taken:
                taken.add(column.name.lower())
                columns.append(column)
        keys = tuple(dict.fromkeys(known.foreign_keys + table.foreign_keys))
        found[table.name.lower()] = Table(known.name, tuple(columns), keys)
    return tuple(found.values())


def _parsed_table(create: exp.Create, dialect: str) -> Table:
    from sqlglot import exp

    together = {
        part.name.lower() for key in create.find_all(exp.PrimaryKey) for part in key.expressions
    }
    columns = []
    for part in create.this.expressions if isinstance(create.this, exp.Schema) else ():
        if not isinstance(part, exp.ColumnDef | exp.Identifier):  # a table constraint
            continue
        kinds = [constraint.kind for constraint in part.args.get("constraints") or ()]
        is_key = any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds)
        kind = part.args.get("kind")  # a column without a type is a bare identifier
        columns.append(
            Column(
                part.name,
                kind.sql(dialect=dialect) if kind is not None else "",
                is_key or part.name.lower() in together,
            )
        )
    keys = [_parsed_key(key) for key in create.find_all(exp.ForeignKey)]
    table = create.find(exp.Table)
    return Table(table.name if table else "", tuple(columns), tuple(k for k in keys if k))


def _parsed_key(key: exp.ForeignKey) -> ForeignKey | None:
    from sqlglot import exp

    reference = key.args.get("reference")
    target = reference.find(exp.Table) if reference is not None else None
    if target is None:
        return None
    referred = target.parent.expressions if isinstance(target.parent, exp.Schema) else []
    return ForeignKey(
        tuple(part.name for part in key.expressions),
        target.name,
        tuple(part.name for part in referred),
    )
