"""What the official evaluator does to the text of a query before it runs it."""

from __future__ import annotations

import re

from sqlforge.score.official.tokens import MAX_CHARACTERS

# Words as sqlparse cuts them. A backslash keeps a string open, which SQL does not know.
_TOKEN = re.compile(
    r"""(?:--|\#[ ])[^\r\n]*
    | /\*[\s\S]*?\*/
    | `(?:``|[^`])*`
    | '(?:''|\\'|[^'])*'
    | "(?:""|\\"|[^"])*"
    | (?<![\w\])])\[[^\]\[]+\]
    | [$:?@\#]?\w[\w$\#]*
    | [();]""",
    re.VERBOSE,
)
# What still belongs to a statement after its semicolon. The second kind is none to SQLite.
_TAIL = re.compile(r"(?:[^\S\r\n]|(?:--|\# )[^\r\n]*(?:\r\n|\r|\n|\Z))*")
_NOW = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)
_SPLIT_COMPARISONS = (("> =", ">="), ("< =", "<="), ("! =", "!="))
_NOTHING = re.compile(r"(?>\s|;|--[^\n]*(?:\n|\Z)|/\*[\s\S]*?(?:\*/|\Z))*+\Z")


def without_placeholders(sql: str) -> str:
    """A prediction with ``1`` for every ``value``, even inside longer names.

    Systems that do not predict values wrote the word as a placeholder.

    >>> without_placeholders("SELECT value_points FROM t WHERE a > value")
    'SELECT 1_points FROM t WHERE a > 1'
    """
    return sql.replace("value", "1")


def executed_text(sql: str) -> str:
    """The text that is executed for ``sql``: its first statement, without DISTINCT.

    ``> =``, ``< =`` and ``! =`` are put together, and MySQL's ``YEAR(CURDATE())`` is 2020. A text
    too long for any query is left whole.

    >>> executed_text("SELECT DISTINCT a FROM t WHERE b > = 'distinct'; SELECT 2")
    "SELECT  a FROM t WHERE b >= 'distinct'; "
    """
    for apart, together in _SPLIT_COMPARISONS:
        sql = sql.replace(apart, together)
    if len(sql) <= MAX_CHARACTERS and (";" in sql or "distinct" in sql.lower()):
        sql = _first_statement(sql)
    return _NOW.sub("2020", sql)


def is_nothing(sql: str) -> bool:
    """Whether ``sql`` has comments and semicolons only; the official result of that is empty.

    >>> is_nothing("-- I do not know"), is_nothing("SELECT 1")
    (True, False)
    """
    return _NOTHING.match(sql) is not None


def _first_statement(sql: str) -> str:
    kept, end, depth = [], 0, 0
    for token in _TOKEN.finditer(sql):
        word = token.group().lower()
        if word == "distinct":
            kept.append(sql[end : token.start()])
            end = token.end()
        elif word == "(":
            depth += 1
        elif word in (")", "end"):
            depth -= 1
        elif word == ";" and depth <= 0:
            tail = _TAIL.match(sql, token.end())
            kept.append(sql[end : tail.end() if tail else token.end()])
            return "".join(kept)
    return "".join(kept) + sql[end:]
