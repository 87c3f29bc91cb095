"""A schema as the text that a model reads: one line a table.

Names that SQL would have to quote are shown quoted, so that the model can copy what it sees.
"""

from __future__ import annotations

from sqlforge.core.names import sql_name
from sqlforge.core.schema import Column, ForeignKey, Schema, Table

_TYPES = {
    "text": ("char", "clob", "text", "string", "enum"),
    "int": ("int", "serial"),
    "real": ("real", "floa", "doub", "num", "dec", "money"),
    "date": ("date", "time"),
    "bool": ("bool", "bit"),
}


def schema_text(schema: Schema) -> str:
    """The compact form of a schema: types, keys and foreign keys.

    >>> shop = Schema((
    ...     Table("customer", (Column("id", "INTEGER", True), Column("city", "VARCHAR(20)"))),
    ...     Table("order", (Column("no", "INTEGER", True), Column("customer_id", "INTEGER")),
    ...           (ForeignKey(("customer_id",), "customer", ("id",)),))))
    >>> print(schema_text(shop))
    customer(id int key, city text)
    "order"(no int key, customer_id int = customer.id)
    """
    return "\n".join(_table_line(table) for table in schema.tables)


def type_word(declared: str) -> str:
    """One of five words for a declared column type; unknown types read as ``text``.

    >>> [type_word(t) for t in ("VARCHAR(20)", "BIGINT", "decimal(8,2)", "timestamp", "")]
    ['text', 'int', 'real', 'date', 'text']
    """
    lowered = declared.lower()
    for word, marks in _TYPES.items():
        if any(mark in lowered for mark in marks):
            return word
    return "text"


def _table_line(table: Table) -> str:
    targets = _targets(table.foreign_keys)
    columns = ", ".join(_column_text(column, targets) for column in table.columns)
    return f"{sql_name(table.name)}({columns})"


def _targets(foreign_keys: tuple[ForeignKey, ...]) -> dict[str, str]:
    """Lower-cased column name → ``table.column`` that it refers to (the first, if several)."""
    targets: dict[str, str] = {}
    for key in foreign_keys:
        for column, target in zip(key.columns, key.ref_columns, strict=False):
            spelled = f"{sql_name(key.ref_table)}.{sql_name(target)}"
            targets.setdefault(column.lower(), spelled)
    return targets


def _column_text(column: Column, targets: dict[str, str]) -> str:
    text = f"{sql_name(column.name)} {type_word(column.type)}"
    if column.primary_key:
        text += " key"
    if target := targets.get(column.name.lower()):
        text += f" = {target}"
    return text
