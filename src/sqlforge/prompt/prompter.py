"""Conversations for examples: finds the schema, links the values, builds the messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlforge.core.config import PromptStyle
from sqlforge.core.records import Database, Example
from sqlforge.database.values import distinct_text_values
from sqlforge.prompt.linking import Link, ValueIndex
from sqlforge.prompt.template import Message, Shot, messages


class Prompter:
    """Builds the conversation for a question; training, evaluation and serving share it.

    Args:
        databases: by ``db_id``.
        link_values: whether to look up the values that a question mentions. The index of a
            database is built on its first question and kept.

    >>> from sqlforge.core.schema import Column, Schema, Table
    >>> shop = Database("shop", Schema((Table("item", (Column("name", "TEXT"),)),)))
    >>> Prompter({"shop": shop}, link_values=False).ask("shop", "Which items?")[0]["role"]
    'user'
    """

    def __init__(self, databases: Mapping[str, Database], *, link_values: bool) -> None:
        self._databases, self._link_values = databases, link_values
        self._indices: dict[str, ValueIndex] = {}

    def links(self, db_id: str, question: str) -> tuple[Link, ...]:
        """The values of the database that the question mentions."""
        database = self._databases[db_id]
        if not self._link_values or database.path is None:
            return ()
        if db_id not in self._indices:
            self._indices[db_id] = ValueIndex(distinct_text_values(database))
        return self._indices[db_id].link(question)

    def ask(
        self, db_id: str, question: str, style: PromptStyle = "plain", shots: Sequence[Shot] = ()
    ) -> list[Message]:
        """The conversation that asks ``question`` of the database ``db_id``."""
        schema = self._databases[db_id].schema
        return messages(schema, self.links(db_id, question), question, style, shots)

    def shot(self, example: Example) -> Shot:
        """A solved example for few-shot prompts."""
        schema = self._databases[example.db_id].schema
        links = self.links(example.db_id, example.question)
        return Shot(schema, links, example.question, example.sql)
