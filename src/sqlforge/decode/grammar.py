"""A schema's SELECT language as a context-free grammar, for servers that take grammars.

One set of rules, written below in a small notation, is spelled for three readers: Lark as
llguidance reads it, EBNF as xgrammar does, GBNF as llama.cpp does. In the notation ``WORDS`` in
capitals are keywords in any case, ``words`` are rules, and the rest is what all three share:
``"text"``, ``[class]``, brackets, ``|``, ``?``, ``*``.

A context-free grammar knows the schema's names but not a query's scope: see docs/decoding.md.
:mod:`sqlforge.decode.constrain` enforces both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from sqlforge.core.errors import ConstraintError
from sqlforge.core.names import sql_name
from sqlforge.core.schema import Schema

Dialect = Literal["lark", "ebnf", "gbnf"]

_RULES = """
root = o (WITH s definition (o "," o definition)* s)? query o (";" o)?
definition = common s AS o "(" o query o ")"
query = core (s setop s core)* (s ordering)? (s LIMIT s digits (s OFFSET s digits)?)?
setop = UNION (s ALL)? | INTERSECT | EXCEPT
core = SELECT s ((DISTINCT | ALL) s)? item (o "," o item)* (s reading)? (s filtering)? (s grouping)?
item = "*" | qualifier "." "*" | expr (s AS s word)?
reading = FROM s source (joining source (s ON s expr)?)*
source = (table | common | "(" o query o ")") (s (AS s)? alias)?
column = name | (alias | common) "." name
qualifier = alias | common | table
joining = o "," o | s ((INNER | CROSS | LEFT (s OUTER)?) s)? JOIN s
filtering = WHERE s expr
grouping = GROUP s BY s exprs (s HAVING s expr)?
ordering = ORDER s BY s sorted (o "," o sorted)*
sorted = expr (s (ASC | DESC))?
exprs = expr (o "," o expr)*
expr = conjunct (s OR s conjunct)*
conjunct = negated (s AND s negated)*
negated = (NOT s)? predicate
predicate = sum test?
test = o compare o operand | s (NOT s)? (LIKE | GLOB) s operand | s (NOT s)? BETWEEN s operand s AND s operand | s (NOT s)? IN o "(" o (query | operand (o "," o operand)*) o ")" | s IS s (NOT s)? NULL | s (ISNULL | NOTNULL)
compare = "=" | "==" | "!=" | "<>" | "<" | ">" | "<=" | ">="
operand = sum | quoted
sum = product (o ("+" | "-" | "||") o product)*
product = signed (o ("*" | "/" | "%") o signed)*
signed = "-"? single
single = number | string | NULL | call | case | cast | column | "(" o (query | expr) o ")" | EXISTS o "(" o query o ")"
case = CASE (s expr)? (s WHEN s expr s THEN s expr) (s WHEN s expr s THEN s expr)* (s ELSE s expr)? s END
cast = CAST o "(" o expr s AS s (INTEGER | INT | REAL | TEXT | NUMERIC | FLOAT | VARCHAR) o ")"
call = COUNT o "(" o "*" o ")" window? | function o "(" o ((DISTINCT s)? exprs o)? ")" window?
window = s OVER o "(" o (PARTITION s BY s exprs o)? (ordering o)? ")"
"""  # noqa: E501 -- a rule a line: GBNF's rules end with it
_FUNCTIONS = (
    "COUNT SUM AVG TOTAL GROUP_CONCAT MIN MAX ABS ROUND LENGTH LOWER UPPER SUBSTR SUBSTRING TRIM "
    "LTRIM RTRIM REPLACE INSTR COALESCE IFNULL NULLIF IIF STRFTIME DATE DATETIME TIME JULIANDAY "
    "TYPEOF ROW_NUMBER RANK DENSE_RANK PERCENT_RANK CUME_DIST NTILE LAG LEAD FIRST_VALUE "
    "LAST_VALUE NTH_VALUE"
).split()
# What is read letter by letter: as Lark's terminal, and as rules.
_LETTERS = {
    "s": (r"/[ \t\r\n]+/", r"[ \t\r\n] [ \t\r\n]*"),
    "o": (r"/[ \t\r\n]+/?", r"[ \t\r\n]*"),
    "digits": (r"/[0-9]+/", "[0-9] [0-9]*"),
    "number": (r"/[0-9]+(\.[0-9]+)?/", '[0-9] [0-9]* ("." [0-9] [0-9]*)?'),
    "string": (r"/'([^'\r\n]|'')*'/", r""" "'" ([^'\r\n] | "''")* "'" """.strip()),
    "quoted": (r'/"([^"\r\n]|"")*"/', r""" "\"" ([^"\r\n] | "\"\"")* "\"" """.strip()),
    "word": (r"/[A-Za-z_][A-Za-z0-9_]*/", "[A-Za-z_] [A-Za-z0-9_]*"),
    "common": (r"/cte[0-9]/i", "[Cc] [Tt] [Ee] [0-9]"),
    "alias": (r"/[A-Za-z][0-9]?[0-9]?/", "[A-Za-z] [0-9]? [0-9]?"),
}
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Z_]{2,}|[a-z]+|\S')


def export_grammar(schema: Schema, dialect: Dialect) -> str:
    """The grammar of the queries on ``schema``, as text.

    Names are taken in any case, in double quotes where they need them; aliases of tables are a
    letter and up to two digits, names of common table expressions ``cte0`` to ``cte9``. After
    ``table.`` come the columns of that table, after an alias any column of the schema.

    Raises:
        ConstraintError: another dialect than SQLite's.

    >>> from sqlforge.core.schema import Column, Table
    >>> schema = Schema((Table("shop", (Column("city", "TEXT"), Column("No.", "TEXT"))),))
    >>> print(export_grammar(schema, "lark").partition("\\nname")[2])
    : "city"i | "\\"No.\\""i
    table: "shop"i
    inside: "shop"i "." ("city"i | "\\"No.\\""i)
    <BLANKLINE>
    """
    if schema.dialect != "sqlite":
        raise ConstraintError(
            f"a schema of dialect '{schema.dialect}'",
            "sqlite, whose SELECT the grammar describes",
            "leave the grammar out",
        )
    lark = dialect == "lark"
    any_case = _lark_text if lark else _bnf_text
    rules = {}
    for line in _RULES.strip().splitlines():
        name, _, body = line.partition(" = ")
        rules[name] = " ".join(
            any_case(piece) if piece.isupper() else piece for piece in _PIECES.findall(body)
        )
    rules["function"] = _either(_FUNCTIONS, any_case)
    rules |= {name: forms[0 if lark else 1] for name, forms in _LETTERS.items()}
    for name, body in _of_schema(schema, any_case).items():
        rules[name] = f"{rules[name]} | {body}" if name == "column" else body
    if not schema.tables:
        rules = _without_tables(rules)
    if lark:
        rules = {"start": rules.pop("root")} | rules
    return "".join(f"{name}{':' if lark else ' ::='} {body}\n" for name, body in rules.items())


def _of_schema(schema: Schema, any_case: Callable[[str], str]) -> dict[str, str]:
    if not schema.tables:
        return {}
    tables = [(sql_name(t.name), [sql_name(c.name) for c in t.columns]) for t in schema.tables]
    inside = [f'{any_case(table)} "." ({_either(names, any_case)})' for table, names in tables]
    return {
        "name": _either((name for _, names in tables for name in names), any_case),
        "table": _either((table for table, _ in tables), any_case),
        "inside": " | ".join(inside),
        "column": "inside",
    }


def _without_tables(rules: dict[str, str]) -> dict[str, str]:
    """Where there is no table, all that FROM can read is a subquery."""
    rules = {name: body.replace("table | ", "") for name, body in rules.items()}
    rules["qualifier"] = "alias | common"
    rules["single"] = rules["single"].replace("column | ", "")
    return {name: body for name, body in rules.items() if name != "column"}


def _either(words: Iterable[str], any_case: Callable[[str], str]) -> str:
    spelled: dict[str, str] = {}
    for word in words:
        spelled.setdefault(word.lower(), word)
    return " | ".join(any_case(word) for word in spelled.values())


def _lark_text(text: str) -> str:
    """SQLite folds the letters of ASCII only; Lark's ``i`` would fold all of them."""
    return f'"{_escaped(text)}"' + ("i" if text.isascii() else "")


def _bnf_text(text: str) -> str:
    """Letters as classes of both cases, the rest as it is."""
    parts = re.findall(r"[A-Za-z]|[^A-Za-z]+", text)
    return " ".join(
        f"[{part.upper()}{part.lower()}]"
        if part.isalpha() and part.isascii()
        else f'"{_escaped(part)}"'
        for part in parts
    )


def _escaped(text: str) -> str:
    marks = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(marks.get(letter, letter) for letter in text)
