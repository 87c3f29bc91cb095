"""Which statements may be sent to a database server: one query that only reads.

The server's own read-only transaction is the wall; this is the fence before it, for what such a
transaction lets through: files written by ``INTO OUTFILE``, files read by functions, several
statements in one text.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_WRITES = (exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command, exp.Set, exp.Pragma, exp.Transaction)
# By family: sessions and files of PostgreSQL, files and locks of MySQL, files of DuckDB.
_REFUSED_FUNCTION = re.compile(
    r"(?:pg_(?!typeof|size_pretty)|lo_|dblink|set_config|setval|nextval|currval|query_to|table_to"
    r"|schema_to|database_to|cursor_to|load_file|sys_|benchmark|sleep|get_lock|release_|read_"
    r"|parquet_|glob$|sniff_csv|sqlite_|postgres_|mysql_|duckdb_|getenv|txid_|pgp_|copy_|iceberg_"
    r"|delta_|install|xpath_table|is_used_lock|is_free_lock|master_pos_wait|source_pos_wait|wait_)"
)


def refusal(sql: str, dialect: str) -> str | None:
    """Why ``sql`` is not sent to a server that speaks sqlglot's ``dialect``; ``None`` if it may be.

    >>> refusal("SELECT 1", "postgres") is None
    True
    >>> refusal("SELECT 1; DROP TABLE t", "postgres"), refusal("DELETE FROM t", "mysql")
    ('2 statements', 'anything but reading')
    >>> refusal("SELECT pg_read_file('/etc/passwd')", "postgres")
    'calling function pg_read_file'
    """
    if re.search(r"/\*[!M]", sql) or re.search(r"\binto\s+(?:out|dump)file\b", sql, re.I):
        return "anything but reading"
    try:
        parsed = [s for s in sqlglot.parse(sql, dialect=dialect) if s is not None]
    except (SqlglotError, ValueError, RecursionError):
        return "SQL that cannot be parsed"
    if len(parsed) != 1:
        return f"{len(parsed)} statements" if parsed else "no statement"
    query = parsed[0]
    if not isinstance(query, exp.Query) or any(isinstance(n, _WRITES) for n in query.walk()):
        return "anything but reading"
    return _refused_function(query)


def _refused_function(query: exp.Query) -> str | None:
    for function in query.find_all(exp.Func):
        names = (function.name, function.sql_name()) if function.name else (function.sql_name(),)
        for name in names:
            if isinstance(name, str) and _REFUSED_FUNCTION.match(name.lower()):
                return f"calling function {name.lower()}"
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) and table.this is not None:
            name = table.this.name if isinstance(table.this, exp.Anonymous) else ""
            if _REFUSED_FUNCTION.match(name.lower()):
                return f"calling function {name.lower()}"
    return None
