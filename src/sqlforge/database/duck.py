"""DuckDB files: opened read-only and without the world outside the file, through DuckDB's driver.

SQLAlchemy is not between: the dialect that there is reads columns through PostgreSQL's catalog
tables, some of which DuckDB lacks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.database.place import no_driver

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
_COLUMNS = """
    SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal AND schema_name = current_schema() AND database_name = current_database()
    ORDER BY table_oid, column_index
"""
_CONSTRAINTS = """
    SELECT table_name, constraint_type, constraint_column_names, referenced_table,
           referenced_column_names
    FROM duckdb_constraints()
    WHERE schema_name = current_schema() AND database_name = current_database()
      AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
    ORDER BY table_oid, constraint_index
"""


def open_duckdb(path: Path) -> DuckDBPyConnection:
    """A connection that can only read the file's own tables.

    Raises :class:`DatabaseError` if the driver is missing or the file cannot be opened.
    """
    try:
        import duckdb
    except ModuleNotFoundError as missing:
        raise no_driver("duckdb", missing.name) from None
    try:
        return duckdb.connect(str(path), read_only=True, config=_CONFIG)
    except (duckdb.Error, OSError) as error:
        raise DatabaseError(
            f"{path} ({str(error).partition(chr(10))[0]})",
            "a DuckDB file that can be opened for reading",
            "close the program that is writing to it, or check the file",
        ) from None


def duckdb_schema(connection: DuckDBPyConnection) -> Schema:
    """The tables and views of the file's default schema."""
    columns: dict[str, list[tuple[str, str, str | None]]] = {}
    for table, name, kind, comment in connection.execute(_COLUMNS).fetchall():
        columns.setdefault(table, []).append((name, kind, comment))
    keys: dict[str, set[str]] = {}
    foreign: dict[str, list[ForeignKey]] = {}
    for table, kind, own, target, referred in connection.execute(_CONSTRAINTS).fetchall():
        if kind == "PRIMARY KEY":
            keys.setdefault(table, set()).update(own)
        else:
            foreign.setdefault(table, []).append(ForeignKey(tuple(own), target, tuple(referred)))
    return Schema(
        tuple(
            Table(
                table,
                tuple(Column(n, kind, n in keys.get(table, ()), note) for n, kind, note in found),
                tuple(foreign.get(table, ())),
            )
            for table, found in columns.items()
        ),
        "duckdb",
    )
