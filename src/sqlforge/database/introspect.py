"""Schemas from SQLite files, from DDL text and from any database that SQLAlchemy reaches."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.database.duck import duckdb_schema, open_duckdb
from sqlforge.database.place import Place, engine_for, place_of, without_secrets
from sqlforge.database.readonly import connect, limit

if TYPE_CHECKING:  # sqlglot and SQLAlchemy are loaded where a file is not enough
    from sqlalchemy import Engine
    from sqlalchemy.engine.reflection import Inspector
    from sqlglot import exp


def schema_from_sqlite(path: Path) -> Schema:
    """The tables and views of a SQLite file, in the order in which they were created.

    Raises :class:`DatabaseError` if the file is missing, unreadable or no SQLite database.

    >>> schema_from_sqlite(Path("nowhere.sqlite"))
    Traceback (most recent call last):
    ...
    sqlforge.core.errors.DatabaseError: Got no file at nowhere.sqlite, expected a SQLite ...
    """
    if not path.is_file():
        raise DatabaseError(
            f"no file at {path}", "a SQLite database", "give the path of an existing file"
        )
    try:
        connection = connect(str(path))
        try:
            return _read_schema(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseError(
            f"{path} ({error})", "a readable SQLite database", "check that it is the right file"
        ) from error


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


def schema_from_url(url: str) -> Schema:
    """The tables and views behind any SQLAlchemy database URL.

    Raises :class:`DatabaseError` if the URL is malformed, its driver missing or the database out
    of reach; no password of the URL is ever part of the message.
    """
    place = place_of(url)
    if place.kind == "sqlite" and place.path is not None:
        return schema_from_sqlite(place.path)
    if place.kind == "duckdb" and place.path is not None:
        connection = open_duckdb(place.path)
        try:
            return duckdb_schema(connection)
        finally:
            connection.close()
    engine = engine_for(place)
    try:
        return schema_of_engine(engine, place)
    finally:
        engine.dispose()


def schema_of_engine(engine: Engine, place: Place) -> Schema:
    """The tables and views in the default schema of a server.

    Raises :class:`DatabaseError` if it cannot be reached.
    """
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _inspected(inspect(engine), place.dialect)
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise DatabaseError(
            f"{place.shown} ({without_secrets(error, place.url)})",
            "a database that can be reached",
            "check host, name, user and password",
        ) from None


def _read_schema(connection: sqlite3.Connection) -> Schema:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    ).fetchall()
    tables = []
    for (name,) in names:
        try:
            columns = _columns(connection, name)
        except sqlite3.OperationalError:  # a view over a table that is gone
            continue
        if columns:
            tables.append(Table(name, columns, _foreign_keys(connection, name)))
    return Schema(tuple(tables))


def _columns(connection: sqlite3.Connection, table: str) -> tuple[Column, ...]:
    rows = connection.execute(
        "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,)
    )
    return tuple(Column(name, kind, bool(key)) for name, kind, key in rows)


def _foreign_keys(connection: sqlite3.Connection, table: str) -> tuple[ForeignKey, ...]:
    rows = connection.execute(
        'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq',
        (table,),
    ).fetchall()  # SQLite numbers them from the last to the first
    keys = []
    for key_id in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == key_id]
        target = own[0][1]
        referred = tuple(row[3] for row in own)
        if None in referred:  # REFERENCES without columns means the primary key
            referred = tuple(c.name for c in _columns(connection, target) if c.primary_key)
        keys.append(ForeignKey(tuple(row[2] for row in own), target, referred))
    return tuple(keys)


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
        return _read_schema(connection)
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


def _inspected(inspector: Inspector, dialect: str) -> Schema:
    """All tables, then all views; asked for in a few questions where the server can answer so."""
    from sqlalchemy.engine.reflection import ObjectKind

    keys = _named(inspector.get_multi_pk_constraint(kind=ObjectKind.TABLE))
    columns = _named(inspector.get_multi_columns(kind=ObjectKind.TABLE))
    columns |= _view_columns(inspector)
    foreign = _named(inspector.get_multi_foreign_keys(kind=ObjectKind.TABLE))
    tables = []
    for name in [*inspector.get_table_names(), *inspector.get_view_names()]:
        if name not in columns:  # it went away in between, or what a view rests on did
            continue
        key = set((keys.get(name) or {}).get("constrained_columns") or ())
        tables.append(
            Table(
                name,
                tuple(
                    Column(c["name"], str(c["type"]), c["name"] in key, c.get("comment"))
                    for c in columns[name]
                ),
                tuple(
                    ForeignKey(
                        tuple(k["constrained_columns"]),
                        k["referred_table"],
                        tuple(k["referred_columns"]),
                    )
                    for k in foreign.get(name) or ()
                ),
            )
        )
    return Schema(tuple(tables), dialect)


def _view_columns(inspector: Inspector) -> dict[str, Any]:
    """Those of the views that the user may look at: MySQL wants a right of its own for that."""
    from sqlalchemy.engine.reflection import ObjectKind
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _named(inspector.get_multi_columns(kind=ObjectKind.ANY_VIEW))
    except SQLAlchemyError:
        found: dict[str, Any] = {}
        for name in inspector.get_view_names():
            with contextlib.suppress(SQLAlchemyError):
                found[name] = inspector.get_columns(name)
        return found


def _named(found: Mapping[tuple[str | None, str], Any]) -> dict[str, Any]:
    return {name: value for (_, name), value in found.items()}
