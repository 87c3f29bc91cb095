"""Opening a SQLite file so that nothing can be done with it but reading; standard library only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

MAX_SQL_BYTES = 1_000_000

# Every way in which SQLite's C code may be asked for more than a real query needs.
SQLITE_LIMITS = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: MAX_SQL_BYTES,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 500,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 200,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1_000_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}

FUNCTIONS = frozenset(
    """
    abs char coalesce concat concat_ws format glob hex ifnull iif if instr length like likelihood
    likely lower ltrim max min nullif octet_length printf quote random replace round rtrim sign
    soundex substr substring total trim typeof unhex unicode unlikely upper zeroblob randomblob
    avg count group_concat string_agg sum median percentile percentile_cont percentile_disc
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value date time datetime julianday unixepoch strftime timediff current_date current_time
    current_timestamp acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp
    floor ln log log10 log2 mod pi pow power radians sin sinh sqrt tan tanh trunc json json_array
    json_array_length json_error_position json_extract json_group_array json_group_object
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set
    json_type json_valid -> ->> match regexp
    """.split()
)
TABLE_FUNCTIONS = ("json_each", "json_tree")


def readonly_uri(path: str) -> str:
    """The SQLite URI that reads the file at ``path`` and leaves no file beside it.

    A database in WAL mode is read as immutable unless a log is lying next to it: SQLite would
    otherwise create ``-wal`` and ``-shm`` files even for reading.

    >>> readonly_uri("/tmp/a b.sqlite")
    'file:///tmp/a%20b.sqlite?mode=ro'
    """
    flags = "&immutable=1" if _is_quiet_wal(Path(path)) else ""
    return f"{Path(os.path.abspath(path)).as_uri()}?mode=ro{flags}"  # noqa: PTH100  (keeps links)


def _is_quiet_wal(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            header = file.read(20)
        log = path.with_name(path.name + "-wal")
        return header[18:20] == b"\x02\x02" and not (log.exists() and log.stat().st_size)
    except OSError:
        return False


def decode_text(raw: bytes) -> str:
    """Text as the official evaluators read it: bytes that are not UTF-8 are left out."""
    return raw.decode("utf-8", "ignore")


class ReadOnly:
    """An authorizer for :meth:`sqlite3.Connection.set_authorizer` that lets a query only read.

    ``allowed`` names the tables that may be read, lower case; ``existing`` those of the whole
    file, so that the name of a common table expression is told from a table. After a refusal
    ``denied`` says what was refused.
    """

    def __init__(
        self, existing: Iterable[str] = (), views: dict[str, set[str]] | None = None
    ) -> None:
        self.existing = frozenset(existing)
        self.views = views or {}
        self.allowed: frozenset[str] = frozenset()
        self.denied: str | None = None

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        base: str | None,
        inner: str | None,
    ) -> int:
        """SQLite's question whether the statement being prepared may do ``action``."""
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            if self._may_read((first or "").lower(), second or "", (inner or "").lower()):
                return sqlite3.SQLITE_OK
            self.denied = self.denied or f"reading table {first}"
        elif action == sqlite3.SQLITE_FUNCTION:
            if (second or "").lower() in FUNCTIONS:
                return sqlite3.SQLITE_OK
            self.denied = self.denied or f"calling function {second}"
        else:
            self.denied = self.denied or "anything but reading"
        return sqlite3.SQLITE_DENY

    def _may_read(self, table: str, column: str, inner: str) -> bool:
        if table in self.allowed or table in TABLE_FUNCTIONS:
            return True
        if table in self.views.get(inner, ()) and inner in self.allowed:
            return True
        if table.startswith(("sqlite_", "pragma_", "dbstat", "bytecode", "tables_used")):
            return False
        # Without a column it may be a subquery or a common table expression, which has no rows
        # of its own; SQLite asks about the tables below it separately.
        return not column and table not in self.existing


def connect(path: str, timeout: float = 1.0) -> sqlite3.Connection:
    """A read-only connection with SQLite's limits set, before any authorizer.

    Raises ``sqlite3.Error`` if the file is missing or no database.
    """
    connection = sqlite3.connect(
        readonly_uri(path),
        uri=True,
        timeout=timeout,
        isolation_level=None,
        cached_statements=0,  # a cached statement would not ask the authorizer again
    )
    limit(connection)
    for pragma in ("temp_store=MEMORY", "query_only=ON", "trusted_schema=OFF", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def limit(connection: sqlite3.Connection) -> None:
    """Make ``connection`` ready for SQL from outside, before any authorizer is set."""
    connection.text_factory = decode_text
    for name, value in SQLITE_LIMITS.items():
        connection.setlimit(name, value)
    for function in TABLE_FUNCTIONS:  # the first use declares a virtual table, which is no reading
        connection.execute(f"SELECT 1 FROM {function}('[]')").close()
