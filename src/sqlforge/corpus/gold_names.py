"""Whether a gold query names only what its schema has, in any dialect that sqlglot reads."""

from __future__ import annotations

from sqlglot import exp

from sqlforge.core.schema import Schema

# Columns that are there without being declared, and words that some dialects write bare.
_ALWAYS = frozenset(
    "rowid oid _rowid_ rownum level sysdate systimestamp current_date current_time "
    "current_timestamp localtime localtimestamp user current_user session_user".split()
)
_UNITS = frozenset(
    "year years quarter month months week weeks day days hour hours minute minutes second seconds "
    "millisecond microsecond dow doy isodow isoweek epoch decade century yy yyyy qq mm m dd d dy "
    "wk ww hh mi ss dayofyear weekday dayofweek".split()
)
_UNDECLARED = frozenset({"dual"})


def missing_name(tree: exp.Expr, schema: Schema, sql: str) -> str | None:
    """The first name of a statement that its schema lacks; ``None`` if all are there.

    A table must be one of the schema or a common table expression. A column with a prefix must
    belong to the table behind it; one without must belong to some table that the statement uses,
    or be an alias. Where each name is visible is not looked at. A double-quoted word that is no
    column counts as a string where a value may stand, as SQLite and MySQL have it.

    Args:
        tree: the statement, parsed.
        schema: the tables and columns that there are.
        sql: its text, to tell ``"x"`` from other quotes.

    Returns:
        ``"table x"`` or ``"column y"``, in the statement's spelling.

    >>> import sqlglot
    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("shop", (Column("name", "TEXT"),)),))
    >>> gold = "SELECT s.nam FROM shop AS s"
    >>> missing_name(sqlglot.parse_one(gold), shop, gold)
    'column s.nam'
    """
    used = _Used(tree, schema)
    if used.unknown_table is not None:
        return f"table {used.unknown_table}"
    if used.is_open:
        return None
    for column in used.columns:
        if not used.has(column) and not _is_string(column, sql) and not _is_unit(column):
            prefix = f"{column.table}." if column.table else ""
            return f"column {prefix}{column.name}"
    return None


class _Used:
    """What one walk over a statement finds: its tables, aliases and columns."""

    def __init__(self, tree: exp.Expr, schema: Schema) -> None:
        self.columns: list[exp.Column] = []
        self.unknown_table: str | None = None
        self.is_open = False  # it reads from something whose columns nobody declared
        self._schema = schema
        self._visible: set[str] = set(_ALWAYS)
        self._behind: dict[str, set[str] | None] = {}  # prefix → its columns; None: derived
        tables: list[exp.Table] = []
        defined: set[str] = set()
        for node in tree.walk():
            if isinstance(node, exp.Column):
                if isinstance(node.this, exp.Identifier):
                    self.columns.append(node)
            elif isinstance(node, exp.Table):
                tables.append(node)
            elif isinstance(node, exp.CTE):
                defined.add(node.alias.lower())
            elif isinstance(node, exp.TableAlias):
                self._behind.setdefault(node.name.lower(), None)
                self._visible.update(part.name.lower() for part in node.columns)
            elif isinstance(node, exp.Alias):
                self._visible.add(node.alias.lower())
            elif isinstance(node, exp.UDTF | exp.Pivot) and not isinstance(node, exp.Values):
                self.is_open = True
        for table in tables:
            self._enter(table, defined)

    def _enter(self, table: exp.Table, defined: set[str]) -> None:
        name = table.name.lower()
        prefix = table.alias_or_name.lower()
        if not isinstance(table.this, exp.Identifier):  # a function that gives a table
            self.is_open = True
        elif name in defined and not table.db:
            self._behind[prefix] = None
        elif (known := self._schema.table(name)) is not None:
            columns = {column.name.lower() for column in known.columns}
            self._visible |= columns
            earlier = self._behind.get(prefix)  # subqueries may use one prefix for two tables
            self._behind[prefix] = columns | earlier if earlier else columns
        elif name not in _UNDECLARED:
            self.unknown_table = self.unknown_table or table.name

    def has(self, column: exp.Column) -> bool:
        name, prefix = column.name.lower(), column.table.lower()
        if not prefix:
            return name in self._visible
        if prefix not in self._behind:
            return False
        columns = self._behind[prefix]
        return name in (self._visible if columns is None else columns | _ALWAYS)


def _is_string(column: exp.Column, sql: str) -> bool:
    place = column.parent
    return (
        not column.table
        and bool(column.this.args.get("quoted"))
        and f'"{column.name}"' in sql
        and isinstance(place, exp.Predicate | exp.Func | exp.Tuple | exp.Binary | exp.Paren)
    )


def _is_unit(column: exp.Column) -> bool:
    """The ``month`` of ``DATEDIFF(month, a, b)``."""
    return (
        not column.table
        and column.name.lower() in _UNITS
        and isinstance(column.parent, exp.Func | exp.Interval)
    )
