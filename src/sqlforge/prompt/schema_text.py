"""A schema as the text that a model reads: compact (one line a table), DDL or Markdown.

Names that SQL would have to quote are shown quoted, so that the model can copy what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlforge.core.names import sql_name
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.prompt.look import SchemaLook

_Spell = Callable[[str], str]
_TYPES = {
    "text": ("char", "clob", "text", "string", "enum"),
    "int": ("int", "serial"),
    "real": ("real", "floa", "doub", "num", "dec", "money"),
    "date": ("date", "time"),
    "bool": ("bool", "bit"),
}


def schema_text(schema: Schema, look: SchemaLook | None = None) -> str:
    """A schema as ``look`` says; without one the compact form: types, keys and foreign keys.

    >>> shop = Schema((
    ...     Table("customer", (Column("id", "INTEGER", True), Column("city", "VARCHAR(20)"))),
    ...     Table("order", (Column("no", "INTEGER", True), Column("customer_id", "INTEGER")),
    ...           (ForeignKey(("customer_id",), "customer", ("id",)),))))
    >>> print(schema_text(shop))
    customer(id int key, city text)
    "order"(no int key, customer_id int = customer.id)
    >>> samples = {("customer", "city"): ("Bath", "Ayr")}
    >>> print(schema_text(shop, SchemaLook("ddl", samples=samples)))
    CREATE TABLE customer (
      id INTEGER PRIMARY KEY,
      city VARCHAR(20) -- such as 'Bath', 'Ayr'
    );
    CREATE TABLE "order" (
      no INTEGER PRIMARY KEY,
      customer_id INTEGER,
      FOREIGN KEY (customer_id) REFERENCES customer (id)
    );
    """
    look = look or SchemaLook()
    forms = {"compact": _table_line, "ddl": _table_ddl, "markdown": _table_markdown}
    # No blank line between tables: the part of the prompt that no other shares follows one.
    spell = partial(sql_name, dialect=schema.dialect)
    return "\n".join(forms[look.form](table, look, spell) for table in schema.tables)


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


def _table_line(table: Table, look: SchemaLook, spell: _Spell) -> str:
    targets = _targets(table.foreign_keys, spell) if look.foreign_keys else {}
    columns = ", ".join(
        _column_text(table, column, targets, look, spell) for column in table.columns
    )
    return f"{spell(table.name)}({columns}){_comment(look.of_table(table))}"


def _targets(foreign_keys: tuple[ForeignKey, ...], spell: _Spell) -> dict[str, str]:
    """Lower-cased column → ``table.column`` that it refers to; of two targets the first."""
    targets: dict[str, str] = {}
    for key in foreign_keys:
        for column, target in zip(key.columns, key.ref_columns, strict=False):
            spelled = f"{spell(key.ref_table)}.{spell(target)}"
            targets.setdefault(column.lower(), spelled)
    return targets


def _column_text(
    table: Table, column: Column, targets: dict[str, str], look: SchemaLook, spell: _Spell
) -> str:
    text = f"{spell(column.name)} {type_word(column.type)}"
    if column.primary_key:
        text += " key"
    if target := targets.get(column.name.lower()):
        text += f" = {target}"
    return text + _comment(look.note(table, column))


def _comment(note: str) -> str:
    return f" /* {note.replace('*/', '* /')} */" if note else ""


def _table_ddl(table: Table, look: SchemaLook, spell: _Spell) -> str:
    """``CREATE TABLE``, notes as comments at the ends of lines."""
    keys = [column.name for column in table.columns if column.primary_key]
    lines = []
    for column in table.columns:
        text = f"{spell(column.name)} {column.type}".rstrip()
        text += " PRIMARY KEY" if keys == [column.name] else ""
        lines.append((text, look.note(table, column)))
    if len(keys) > 1:
        lines.append((f"PRIMARY KEY ({_names(keys, spell)})", ""))
    for key in table.foreign_keys if look.foreign_keys else ():
        target = f"{spell(key.ref_table)} ({_names(key.ref_columns, spell)})"
        lines.append((f"FOREIGN KEY ({_names(key.columns, spell)}) REFERENCES {target}", ""))
    body = []
    for number, (text, note) in enumerate(lines, start=1):
        comma = "," if number < len(lines) else ""
        body.append(f"  {text}{comma}{f' -- {note}' if note else ''}")
    said = look.of_table(table)
    head = f"CREATE TABLE {spell(table.name)} ({f' -- {said}' if said else ''}"
    return "\n".join([head, *body, ");"])


def _table_markdown(table: Table, look: SchemaLook, spell: _Spell) -> str:
    """A heading and a table of the columns; what no column has is no column of the table."""
    targets = _targets(table.foreign_keys, spell) if look.foreign_keys else {}
    rows = [
        [
            spell(column.name),
            type_word(column.type),
            "primary" if column.primary_key else "",
            targets.get(column.name.lower(), ""),
            look.of_column(table, column),
            look.values(table, column),
        ]
        for column in table.columns
    ]
    heads = ["column", "type", "key", "refers to", "meaning", "such as"]
    shown = [i for i in range(len(heads)) if i < 2 or any(row[i] for row in rows)]
    cells = [[heads[i] for i in shown], ["---"] * len(shown)]
    cells += [[row[i].replace("|", "\\|") for i in shown] for row in rows]
    said = look.of_table(table)
    head = f"## {spell(table.name)}{f': {said}' if said else ''}"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in cells)])


def _names(names: list[str] | tuple[str, ...], spell: _Spell) -> str:
    return ", ".join(map(spell, names))
