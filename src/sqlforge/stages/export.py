"""``export``: what another program needs to answer as SQLForge does."""

from __future__ import annotations

from pathlib import Path

from sqlforge.core.errors import DatabaseError
from sqlforge.core.files import write_text
from sqlforge.core.schema import Schema
from sqlforge.database.introspect import schema_from_ddl, schema_from_url
from sqlforge.decode.grammar import Dialect, export_grammar


def export_a_grammar(db: str, dialect: Dialect, out: Path) -> Schema:
    """Write the grammar of the queries on a database into ``out``; return its schema.

    Args:
        db: an SQLite file, a file of CREATE TABLE statements (``.sql``), or a URL.

    Raises:
        DatabaseError: the database cannot be read, or has no tables.
        ConstraintError: another dialect than SQLite's.
        StorageError: ``out`` cannot be written.
    """
    schema = _schema_of(db)
    if not schema.tables:
        raise DatabaseError(f"{db} without tables", "at least one to ask about", "name another")
    write_text(out, export_grammar(schema, dialect))
    return schema


def _schema_of(db: str) -> Schema:
    path = Path(db)
    if path.suffix == ".sql" and path.is_file():
        return schema_from_ddl(path.read_text(encoding="utf-8"))
    return schema_from_url(db)
