"""One own database as the grammar sees it: a domain whose words and roles were found out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.own_database.abbreviations import SYNONYMS, TABLE_SYNONYMS
from sqlforge.corpus.own_database.links import LookUp, Reference, references
from sqlforge.corpus.own_database.names_file import Names
from sqlforge.corpus.own_database.phrasing import (
    adjectives,
    by_whom,
    counted,
    dated,
    flagged,
    in_years,
    is_person,
    saying,
    verb,
)
from sqlforge.corpus.own_database.profile import Profile, profile
from sqlforge.corpus.own_database.words import column_words, pieces_of, row_words
from sqlforge.corpus.synthetic.domain import Domain, DomainColumn, DomainTable, Fake
from sqlforge.corpus.synthetic.phrases import plural
from sqlforge.corpus.synthetic.view import ColumnFacts, View
from sqlforge.database.sample import Row, Sampled, TableRows, single_key

_HOUSEKEEPING = re.compile(
    r"(?:alembic_version|schema_migrations|flyway_schema_history|django_(?:migrations|content_type"
    r"|session|admin_log)|knex_migrations(?:_lock)?|ar_internal_metadata|__diesel_schema_migrations"
    r"|databasechangelog(?:lock)?|spatial_ref_sys|geometry_columns|sysdiagrams|typeorm_metadata"
    r"|sqlite_\w+|pg_stat_statements(?:_info)?|__EFMigrationsHistory)\Z",
    re.I,
)


Nouns = tuple[tuple[str, ...], tuple[str, ...]]  # one row, many rows


@dataclass(frozen=True, slots=True)
class Described:
    """What the questions are made from, and what was found out on the way.

    ``left_out`` are sentences about tables, columns and references that no question is about.
    """

    domain: Domain
    rows: Mapping[str, tuple[Row, ...]]
    facts: Mapping[tuple[str, str], ColumnFacts]
    references: tuple[Reference, ...]
    left_out: tuple[str, ...]

    def view(self, domain: Domain | None = None) -> View:
        """The whole database for the grammar, or a part of it."""
        chosen = domain or self.domain
        return View(chosen, self.rows, self.facts, fewest=1, kid_belongs=True)


def describe(
    name: str, schema: Schema, sampled: Sampled, look_up: LookUp, names: Names
) -> Described:
    """Tables, columns, words and references for the grammar.

    ``look_up`` is passed to :func:`~.links.references`; what ``names`` says goes before what the
    database's own names suggest.
    """
    left_out = [f"{table}: cannot be read ({why})" for table, why in sampled.unreadable]
    reads = []
    for read in sampled.tables:
        if reason := _why_not(read, names):
            left_out.append(f"{read.table.name}: {reason}")
        else:
            reads.append(read)
    known = _known(schema)
    found = references(reads, look_up, known)
    left_out += found.left_out
    nouns = _nouns([read.table for read in reads], names, known)
    made = [_table(read, found.kept, names, nouns, known, left_out) for read in reads]
    domain = Domain(name, "train", tuple(table for table, _ in made))
    facts = {(t.name, column): f for t, columns in made for column, f in columns.items()}
    rows = {read.table.name: read.rows for read in reads}
    return Described(domain, rows, facts, found.kept, tuple(left_out))


def with_descriptions(schema: Schema, names: Names) -> Schema:
    """The schema with the user's descriptions of tables and columns."""
    tables = []
    for table in schema.tables:
        columns = tuple(
            replace(
                column,
                description=names.column(table.name, column.name).description or column.description,
            )
            for column in table.columns
        )
        about = names.table(table.name).description or table.description
        tables.append(replace(table, columns=columns, description=about))
    return Schema(tuple(tables), schema.dialect)


def _why_not(read: TableRows, names: Names) -> str | None:
    if names.table(read.table.name).skip:
        return "left out as the names file says"
    if _HOUSEKEEPING.match(read.table.name):
        return "housekeeping of a tool"
    return None if read.rows else "no rows"


def _known(schema: Schema) -> frozenset[str]:
    """Pieces of this database's own names, at which longer ones may be cut."""
    names = [n for t in schema.tables for n in (t.name, *(c.name for c in t.columns))]
    pieces = [piece for name in names if len(pieces_of(name)) > 1 for piece in pieces_of(name)]
    tables = [table.name.lower() for table in schema.tables]
    return frozenset(p for p in [*pieces, *tables] if len(p) >= 4 and p.isalpha())


def _nouns(tables: Sequence[Table], names: Names, known: frozenset[str]) -> dict[str, Nouns]:
    """What rows are called, by table; where two would be called alike, the table is named."""
    made = {table.name: row_words(table.name, known=known) for table in tables}
    counts = Counter(one for one, _ in made.values())
    found: dict[str, Nouns] = {}
    for table, (one, many) in made.items():
        said = names.table(table)
        if said.singular:
            plurals = said.plural or tuple(plural(word) for word in said.singular)
            found[table] = said.singular, plurals
        elif counts[one] > 1:
            found[table] = (f"{one} in {table}",), (f"{many} in {table}",)
        else:
            more = TABLE_SYNONYMS.get(one, ())
            found[table] = (one, *more), (many, *(plural(word) for word in more))
    return found


def _table(
    read: TableRows,
    found: Sequence[Reference],
    names: Names,
    nouns: Mapping[str, Nouns],
    known: frozenset[str],
    left_out: list[str],
) -> tuple[DomainTable, dict[str, ColumnFacts]]:
    table = read.table
    singular, plurals = nouns[table.name]
    words = _distinct(table, names, singular[0], known)
    own = {r.column: r for r in found if r.child == table.name}
    referred = next((r.key for r in found if r.parent == table.name), None)
    primary = single_key(table)
    key = referred or (primary.name if primary else None)
    columns, facts, verbs = [], {}, []
    crowded = Counter(r.parent for r in own.values())
    for index, column in enumerate(table.columns):
        if names.column(table.name, column.name).skip:
            left_out.append(f"{table.name}.{column.name}: left out as the names file says")
            continue
        values = [row[index] for row in read.rows]
        seen = profile(column, words[column.name][0].split(), values, complete=read.complete)
        if seen is None:
            left_out.append(f"{table.name}.{column.name}: no values that a question could name")
            continue
        reference = own.get(column.name)
        said = words[column.name]
        if not names.column(table.name, column.name).words:
            said = _fitted(said, seen.role, singular[0], words)
        made = _column(column, said, seen, reference, is_key=column.name == key)
        if reference is not None:
            given = names.column(table.name, column.name).verb
            several = crowded[reference.parent] > 1
            row = nouns[reference.parent][0][0]
            verbs.append(given or verb(words[column.name][0], row, several=several))
        facts[column.name] = seen.facts
        columns.append(made)
    spoken = DomainTable(
        table.name, singular, plurals, tuple(columns), len(read.rows), tuple(verbs)
    )
    return _as_person(spoken), facts


def _fitted(
    words: tuple[str, ...], role: str, row: str, all_words: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The words as a noun phrase: "date placed" for "placed at", "name" for a row's own word."""
    first = words[0]
    if first == row and row.split()[-1] in ("code", "id", "number"):
        return (row.split()[-1], *words)
    if role in ("name", "code") and first in (row, row.split()[-1]):
        others = {word for said in all_words.values() for word in said}
        more = ("name",) if "name" not in others and role == "name" else ()
        return (*more, f"{first} {'name' if role == 'name' else 'code'}", *words)
    match role:
        case "flag":
            return (flagged(first),)
        case "date":
            return tuple(dated(word) for word in words)
        case "year":
            return tuple(in_years(word) for word in words)
        case "number" | "money":
            return (counted(first, row, is_money=role == "money"), *words[1:])
        case _:
            return tuple(by_whom(word) for word in words)


def _column(
    column: Column,
    words: tuple[str, ...],
    seen: Profile,
    reference: Reference | None,
    *,
    is_key: bool,
) -> DomainColumn:
    role = seen.role
    opaque = role in ("number", "money", "year", "code", "category") and all(
        not isinstance(value, str) or value.isdigit() for value in seen.facts.values
    )
    if is_key and opaque:
        role = "key"
    elif reference is not None and opaque:
        role = "foreign_key"
    return DomainColumn(
        column.name,
        role,
        words,
        refers_to=reference.parent if reference else None,
        adjectives=adjectives(words[0]) if role in ("number", "money", "date", "year") else None,
        functions=seen.functions,
        natural_key=is_key and role != "key",
        saying=saying(column.name, words[0]) if role == "flag" else None,
    )


def _distinct(
    table: Table, names: Names, row: str, known: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Words for every column of a table, each with one that no other column has."""
    strip = _shared_prefix(table)
    found: dict[str, tuple[str, ...]] = {}
    for column in table.columns:
        given = names.column(table.name, column.name).words
        found[column.name] = given or column_words(
            column.name, row, table.name, known=known, strip=strip
        )
    taken = Counter(word for words in found.values() for word in set(words))
    for name, words in found.items():
        own = tuple(word for word in words if taken[word] == 1)
        more = () if names.column(table.name, name).words else SYNONYMS.get(words[0], ())
        extra = tuple(word for word in more if word not in taken)
        taken.update(extra)
        found[name] = (*own, *extra) if own else (name,)
    return found


def _shared_prefix(table: Table) -> str:
    """``c_`` where every column starts so; a prefix that is the table's word is no secret."""
    names = [column.name.lower() for column in table.columns]
    first = re.match(r"[a-z]{1,6}_", names[0]) if len(names) >= 3 else None
    if first is None or not all(name.startswith(first.group()) for name in names):
        return ""
    rest = [name[len(first.group()) :] for name in names]
    return first.group() if all(rest) and len(set(rest)) == len(rest) else ""


def _as_person(table: DomainTable) -> DomainTable:
    """Mark the name of a person, so that a question says "their" and not "its"."""
    words = {word for column in table.columns for word in column.words}
    if not is_person(table.singular[0]) and not {"first name", "last name"} <= words:
        return table
    marked = tuple(
        replace(column, values=Fake("name")) if column.role == "name" else column
        for column in table.columns
    )
    return replace(table, columns=marked)
