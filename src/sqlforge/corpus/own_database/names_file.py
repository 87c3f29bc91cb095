"""The small YAML file in which a user says what people call tables and columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sqlforge.core.errors import DataError
from sqlforge.core.schema import Schema, Table
from sqlforge.corpus.synthetic.domain import Domain

_HEAD = """\
# What people call the tables and columns of this database. Edit it and give it back with --names.
# The first word is used most; add the ones that your people say. "skip: true" leaves a table or
# column out. A "verb" says how a row relates to the row it refers to: an order is "placed by" a
# customer. Descriptions go into the schema that the model is shown.
"""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _shortened(value: object) -> object:
    return {"words": value} if isinstance(value, str | list) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnNames(_Part):
    """What one column is called; ``verb`` is for a column that refers to another table."""

    words: Words = ()
    verb: str | None = None
    description: str | None = None
    skip: bool = False


class TableNames(_Part):
    """What one row and many rows of a table are called, and its columns."""

    singular: Words = ()
    plural: Words = ()
    description: str | None = None
    skip: bool = False
    columns: dict[str, Annotated[ColumnNames, BeforeValidator(_shortened)]] = Field(
        default_factory=dict
    )


class Names(_Part):
    """Everything that a names file says; what it leaves open is made from the names."""

    tables: dict[str, TableNames] = Field(default_factory=dict)

    def table(self, name: str) -> TableNames:
        """What is said of a table; an empty record if nothing is."""
        return self.tables.get(name, TableNames())

    def column(self, table: str, column: str) -> ColumnNames:
        """What is said of a column; an empty record if nothing is."""
        return self.table(table).columns.get(column, ColumnNames())


def read_names(path: Path, schema: Schema) -> Names:
    """Read and check a names file.

    Raises:
        DataError: it is missing, is not such a file, or names what ``schema`` has not; all faults
            are named.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise DataError(
            f"{path} ({fault.strerror})", "a names file", "write one with --suggest-names FILE"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        where = " ".join(str(fault).split())
        raise DataError(f"{path}, which is not YAML ({where})", "YAML", "mend it") from None
    try:
        names = Names.model_validate(raw or {})
    except ValidationError as error:
        faults = "; ".join(
            f"'{'.'.join(map(str, f['loc']))}': {f['msg'].lower()}" for f in error.errors()
        )
        raise DataError(
            f"{path} with {faults}", "known keys", "compare it with what --suggest-names writes"
        ) from None
    _check(path, names, schema)
    return names


def _check(path: Path, names: Names, schema: Schema) -> None:
    tables: Mapping[str, Table] = {table.name: table for table in schema.tables}
    strange = [name for name in names.tables if name not in tables]
    uneven = []
    for name, said in names.tables.items():
        if name in tables:
            known = {column.name for column in tables[name].columns}
            strange += [f"{name}.{column}" for column in said.columns if column not in known]
        if len(said.singular) != len(said.plural) and said.plural:
            uneven.append(name)
    if strange:
        raise DataError(
            f"{path} with {', '.join(strange)}",
            "names that the database has, spelled as it spells them",
            "mend or remove them",
        )
    if uneven:
        raise DataError(
            f"{path} with singular and plural of different length for {', '.join(uneven)}",
            "one plural for each singular, or no plural at all",
            "mend the lists",
        )


def suggested(domain: Domain, schema: Schema, names: Names) -> str:
    """A names file with the words that are in use, for the user to edit."""
    tables: dict[str, object] = {}
    spoken = {table.name: table for table in domain.tables}
    for table in schema.tables:
        said = names.table(table.name)
        if table.name not in spoken:
            if said.skip:
                tables[table.name] = {"skip": True}
            continue
        own = spoken[table.name]
        columns: dict[str, object] = {}
        words = {column.name: list(column.words) for column in own.columns}
        verbs = dict(zip([c.name for c in own.columns if c.refers_to], own.verb, strict=False))
        for column in table.columns:
            given = names.column(table.name, column.name)
            entry: dict[str, object] = {"words": words.get(column.name, list(given.words))}
            if column.name in verbs:
                entry["verb"] = verbs[column.name]
            if description := given.description or column.description:
                entry["description"] = description
            if given.skip:
                entry["skip"] = True
            columns[column.name] = entry if len(entry) > 1 else entry["words"]
        entry = {"singular": list(own.singular), "plural": list(own.plural)}
        if description := said.description or table.description:
            entry["description"] = description
        tables[table.name] = {**entry, "columns": columns}
    body = yaml.safe_dump(
        {"tables": tables}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return _HEAD + body
