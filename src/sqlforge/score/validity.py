"""Whether a query is SQL and every name in it exists, from the schema alone."""

from __future__ import annotations

import re
import sqlite3
import threading
from dataclasses import dataclass
from functools import lru_cache

from sqlforge.core.schema import Schema
from sqlforge.database.readonly import MAX_SQL_BYTES, ReadOnly, limit

NOT_PARSED = "does not parse"
MAX_DEFINITIONS = 200  # common table expressions in one query
MAX_EXPANSIONS = 5_000  # copies of common table expressions that SQLite makes: 50 milliseconds

_LOCK = threading.Lock()  # the cached connections serve all threads, one at a time
_TOKEN = re.compile(
    r"(?P<name>\"(?:[^\"]|\"\")*\")|(?P<other>'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\])"
    r"|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<word>\w+)|(?P<mark>[<>=!]+|\S)",
    re.DOTALL,
)
_VALUE_BEFORE = {"=", "==", "!=", "<>", "<", ">", "<=", ">=", "like", "glob", "between"}
_SYNTAX: tuple[str, ...] = (
    "syntax error",
    "incomplete input",
    "unrecognized token",
    "parser stack overflow",
    "one statement at a time",
    "null character",
    "surrogates not allowed",
)
_UNKNOWN = re.compile(r"no such (table|column): (.+)")


@dataclass(frozen=True, slots=True)
class Validity:
    """``valid`` implies ``parsed``; ``error`` is a short phrase, ``None`` if valid.

    The phrases are "does not parse", "unknown table: x", "unknown column: x" and
    "database error: …" for everything else that SQLite refuses before it runs a query.
    """

    parsed: bool
    valid: bool
    error: str | None


def check_validity(sql: str, schema: Schema, *, quoted_literals: bool = False) -> Validity:
    """Check ``sql`` against empty tables of ``schema``; no row is read and nothing is run.

    A query is valid if it is exactly one SELECT, WITH … SELECT or VALUES, if every table and
    column in it exists, unambiguously, and if SQLite can prepare it (aggregates in their place,
    set operations of one width). SQLite takes an unknown ``"name"`` for a string; here it is an
    unknown column. With ``quoted_literals`` that leniency is kept where a value is expected
    (after a comparison, LIKE, IN or BETWEEN), for data sets whose golds quote strings like that.

    >>> from sqlforge.core.schema import Column, Table
    >>> schema = Schema((Table("shop", (Column("name", "TEXT"),)),))
    >>> check_validity('SELECT "nam" FROM shop', schema)
    Validity(parsed=True, valid=False, error='unknown column: nam')
    """
    if len(sql) > MAX_SQL_BYTES:  # the sandbox refuses it too
        return Validity(False, False, NOT_PARSED)
    tokens = [match for match in _TOKEN.finditer(sql) if match.lastgroup != "comment"]
    while tokens and tokens[-1].group() == ";":
        tokens.pop()
    words = [match.group().lower() for match in tokens]
    if not words or words[0] not in ("select", "with", "values"):
        return Validity(False, False, NOT_PARSED)
    if "with" in words and _expansions(words) > MAX_EXPANSIONS:
        return Validity(True, False, "database error: too many nested common table expressions")
    return _prepare(_strictly_quoted(sql, tokens, quoted_literals), schema)


def _prepare(sql: str, schema: Schema) -> Validity:
    denied = None
    try:
        with _LOCK:
            connection, authorizer = _empty_database(schema)
            authorizer.denied = None
            try:
                connection.execute(f"EXPLAIN {sql.rstrip('; ')}").close()
            finally:
                denied = authorizer.denied
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
        message = str(error)
        if any(phrase in message for phrase in _SYNTAX):
            return Validity(False, False, NOT_PARSED)
        if denied:
            return Validity(True, False, f"database error: {denied} is not allowed")
        if unknown := _UNKNOWN.match(message):
            return Validity(True, False, f"unknown {unknown[1]}: {unknown[2]}")
        return Validity(True, False, f"database error: {message}")
    return Validity(True, True, None)


def _expansions(words: list[str]) -> int:
    """How many times SQLite copies the bodies of common table expressions while preparing.

    Thirty of them that each name the one before twice make a billion: no deadline reaches into
    the preparation of a statement, so such a query must not get that far.
    """
    bodies = _mentions(words)
    if len(bodies) > MAX_DEFINITIONS:
        return MAX_EXPANSIONS + 1
    costs: dict[str, int] = {}

    def cost(name: str) -> int:
        if name not in costs:
            costs[name] = 1  # what a recursive mention of itself costs
            costs[name] += sum(cost(word) for word in bodies[name] if word in bodies)
        return costs[name]

    return cost("")


def _mentions(words: list[str]) -> dict[str, list[str]]:
    """The words of each common table expression's body by its name; ``""`` is the query itself."""
    bodies: dict[str, list[str]] = {"": []}
    names, depths = [""], [0]
    depth = 0
    for i, word in enumerate(words):
        if word == "(":
            depth += 1
            if (name := _defined_name(words, i)) is not None:
                bodies.setdefault(name, [])
                names.append(name)
                depths.append(depth)
        elif word == ")":
            if depth == depths[-1] and depth > 0:
                names.pop()
                depths.pop()
            depth -= 1
        elif words[i + 1 : i + 2] != ["."]:  # a table, not the prefix of a column
            bodies[names[-1]].append(word.strip("\"`[]'"))
    return bodies


def _defined_name(words: list[str], i: int) -> str | None:
    """The ``x`` of ``x [(columns)] AS [NOT] [MATERIALIZED] (`` whose last bracket is at ``i``."""
    i -= 1
    while i >= 0 and words[i] in ("materialized", "not"):
        i -= 1
    if i < 1 or words[i] != "as":
        return None
    i -= 1
    if words[i] == ")":
        while i > 0 and words[i] != "(":
            i -= 1
        i -= 1
    return words[i].strip("\"`[]'")


def _strictly_quoted(sql: str, tokens: list[re.Match[str]], quoted_literals: bool) -> str:
    """``sql`` with "names" in backticks, which SQLite never takes for strings."""
    if '"' not in sql:
        return sql
    parts, end = [], 0
    for i, token in enumerate(tokens):
        if token.lastgroup != "name" or (quoted_literals and _expects_value(tokens, i)):
            continue
        name = token.group()[1:-1].replace('""', '"').replace("`", "``")
        parts += [sql[end : token.start()], f"`{name}`"]
        end = token.end()
    return "".join(parts) + sql[end:]


def _expects_value(tokens: list[re.Match[str]], i: int) -> bool:
    before = [token.group().lower() for token in tokens[max(0, i - 400) : i]]
    if not before:
        return False
    if before[-1] in _VALUE_BEFORE:
        return True
    if before[-1] == "and":
        return "between" in before[-4:]
    while before and (before[-1] == "," or before[-1][0] in "\"'0123456789"):
        before.pop()
    return before[-2:] == ["in", "("]


@lru_cache(maxsize=256)
def _empty_database(schema: Schema) -> tuple[sqlite3.Connection, ReadOnly]:
    connection = sqlite3.connect(
        ":memory:", isolation_level=None, cached_statements=0, check_same_thread=False
    )
    for table in schema.tables:
        if table.name.lower().startswith("sqlite_"):  # SQLite's own, as some descriptions list them
            continue
        columns = ", ".join(_quoted(column.name) for column in table.columns)
        connection.execute(f"CREATE TABLE {_quoted(table.name)} ({columns})")
    limit(connection)
    authorizer = ReadOnly(table.name.lower() for table in schema.tables)
    authorizer.allowed = authorizer.existing
    connection.set_authorizer(authorizer)
    return connection, authorizer


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
