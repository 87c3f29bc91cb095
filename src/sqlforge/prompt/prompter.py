"""Conversations for examples: finds the schema, links the values, builds the messages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlforge.core.config import PromptPart, PromptStyle
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Schema
from sqlforge.database.values import distinct_text_values, sample_values
from sqlforge.prompt.answers import plain_answer
from sqlforge.prompt.augment.variants import Variant, Varied
from sqlforge.prompt.linking import Link, ValueIndex
from sqlforge.prompt.look import Samples, SchemaLook
from sqlforge.prompt.schema_text import schema_text
from sqlforge.prompt.template import Message, Shot, messages
from sqlforge.prompt.used import used_schema

_INDEXED_VALUES = 1_000_000  # kept in memory over all databases, and at least one database's
_TEXTS = 1_024  # schema texts kept


class Prompter:
    """Builds the conversation for a question; training, evaluation and serving share it.

    Args:
        databases: by ``db_id``.
        link_values: whether to look up the values that a question mentions. The index of a
            database is built on its first question and kept while there is room.
        part: everything else about prompts, as a recipe says; the default prompt without one.

    >>> from sqlforge.core.schema import Column, Schema, Table
    >>> shop = Database("shop", Schema((Table("item", (Column("name", "TEXT"),)),)))
    >>> Prompter({"shop": shop}, link_values=False).ask("shop", "Which items?")[0]["role"]
    'user'
    """

    def __init__(
        self,
        databases: Mapping[str, Database],
        *,
        link_values: bool,
        part: PromptPart | None = None,
    ) -> None:
        part = part or PromptPart()
        self._databases, self._link_values, self._part = databases, link_values, part
        self._look = SchemaLook(part.form, part.descriptions, part.foreign_keys)
        self._indices: OrderedDict[str, ValueIndex] = OrderedDict()
        self._samples: dict[str, Samples] = {}
        self._texts: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def of(cls, part: PromptPart, databases: Mapping[str, Database]) -> Prompter:
        """A prompter as a recipe's ``prompt`` part describes it."""
        return cls(databases, link_values=part.link_values, part=part)

    def links(self, db_id: str, question: str) -> tuple[Link, ...]:
        """The values of the database that the question mentions."""
        if not self._link_values or self._databases[db_id].path is None:
            return ()
        return self._index(db_id).link(question)

    def schema(self, db_id: str) -> Schema:
        """The whole schema of a database, whatever prompts show of it."""
        return self._databases[db_id].schema

    def ask(
        self,
        db_id: str,
        question: str,
        style: PromptStyle = "plain",
        shots: Sequence[Shot] = (),
        sql: str | None = None,
    ) -> list[Message]:
        """The conversation that asks ``question`` of the database ``db_id``.

        ``sql`` is the gold query, looked at only where the recipe shows no more of a schema than
        what it uses.
        """
        text = self.schema_text(db_id, sql)
        dialect = self._databases[db_id].schema.dialect
        return messages(text, self.links(db_id, question), question, style, shots, dialect)

    def ask_varied(self, varied: Varied) -> list[Message]:
        """The conversation for an example in the form that augmentation gave its database."""
        text = self._text(varied.variant, varied.example.sql)
        dialect = varied.variant.schema.dialect
        return messages(text, varied.links, varied.example.question, dialect=dialect)

    def shot(self, example: Example) -> Shot:
        """A solved example for few-shot prompts."""
        links = self.links(example.db_id, example.question)
        text = self.schema_text(example.db_id, example.sql)
        dialect = self._databases[example.db_id].schema.dialect
        return Shot(text, links, example.question, example.sql, dialect)

    def answer(self, sql: str, schema: Schema) -> str:
        """The gold query as training writes it."""
        return plain_answer(sql, schema) if self._part.answers == "plain" else sql

    def schema_text(self, db_id: str, sql: str | None = None) -> str:
        """What is shown of the schema to a question whose gold query is ``sql``."""
        return self._text(Variant(db_id, self._databases[db_id].schema, db_id), sql)

    def shares_schemas(self) -> bool:
        """Whether all questions about one form of a database are shown the same schema."""
        return self._part.schema_shown == "full"

    def _text(self, variant: Variant, sql: str | None) -> str:
        if sql is not None and not self.shares_schemas():
            return self._spelled(
                variant, used_schema(variant.schema, sql, frozenset(variant.added))
            )
        if variant.key not in self._texts:
            self._texts[variant.key] = self._spelled(variant, variant.schema)
            if len(self._texts) > _TEXTS:
                self._texts.popitem(last=False)
        return self._texts[variant.key]

    def _spelled(self, variant: Variant, schema: Schema) -> str:
        if not self._part.samples:
            return schema_text(schema, self._look)
        samples = {}
        for table in schema.tables:
            db_id, old_table = variant.origin(table.name)
            known = self._sampled(db_id)
            for column in table.columns:
                place = old_table.lower(), variant.old_column(column.name).lower()
                samples[table.name.lower(), column.name.lower()] = known.get(place, ())
        return schema_text(schema, replace(self._look, samples=samples))

    def _sampled(self, db_id: str) -> Samples:
        if db_id not in self._samples:
            self._samples[db_id] = sample_values(self._databases[db_id], self._part.samples)
        return self._samples[db_id]

    def _index(self, db_id: str) -> ValueIndex:
        if db_id in self._indices:
            self._indices.move_to_end(db_id)
            return self._indices[db_id]
        values = distinct_text_values(
            self._databases[db_id], limit_per_column=self._part.values_per_column
        )
        tables = self._databases[db_id].schema.tables
        names = [name for t in tables for name in (t.name, *(c.name for c in t.columns))]
        fuzzy = self._part.fuzzy_values
        self._indices[db_id] = ValueIndex(values, fuzzy=fuzzy, names=names if fuzzy else ())
        while len(self._indices) > 1 and sum(map(len, self._indices.values())) > _INDEXED_VALUES:
            self._indices.popitem(last=False)
        return self._indices[db_id]
