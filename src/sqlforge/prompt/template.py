"""The messages that ask for SQL: one function for training, evaluation and serving.

What the questions about one database share (instruction and schema) comes first, so that packed
training and generation compute it once; linked values and the question come last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

from sqlforge.core.config import PromptPart, PromptStyle
from sqlforge.core.names import sql_name
from sqlforge.core.schema import Schema
from sqlforge.prompt.linking import Link
from sqlforge.prompt.look import literal
from sqlforge.prompt.schema_text import schema_text

PROMPT_VERSION = "2"
"""Changes with every change of the text below; see :func:`prompt_version`.

Version 1 called every database a SQLite database and quoted names as SQLite wants them; for SQLite
the two are the same.
"""

_DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB"}
_PLAIN = "{dialect} tables:"
_INSTRUCTED = (
    "You are given the tables of a {dialect} database. Answer the question with one {dialect} "
    "SELECT statement that uses only these tables and columns. Reply with the SQL only: no "
    "explanation, no Markdown.\n\nTables:"
)


def prompt_version(part: PromptPart) -> str:
    """The version that stands in the manifest and in results; other settings than the default show.

    >>> prompt_version(PromptPart()), prompt_version(PromptPart(form="ddl", samples=3))
    ('2', '2 form=ddl samples=3')
    """
    default = PromptPart()
    names = [name for name in PromptPart.model_fields if name != "max_tokens"]
    told = [
        f"{name}={getattr(part, name)}"
        for name in names
        if getattr(part, name) != getattr(default, name)
    ]
    return " ".join([PROMPT_VERSION, *told])


class Message(TypedDict):
    """One chat message in the form that chat templates take."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A solved question to show before the one that is asked."""

    schema: Schema | str
    links: tuple[Link, ...]
    question: str
    sql: str
    dialect: str = "sqlite"


def messages(
    schema: Schema | str,
    links: Sequence[Link],
    question: str,
    style: PromptStyle = "plain",
    shots: Sequence[Shot] = (),
    dialect: str = "sqlite",
) -> list[Message]:
    """The conversation up to the question.

    ``schema`` is shown in its compact form, unless it comes as the text to show; a text's
    ``dialect`` is sqlglot's name for the SQL that is asked for, a schema brings its own.
    ``plain`` is what models are trained on; ``instructed`` and ``few_shot`` (which needs
    ``shots``) give a model that was not trained here a fair chance.

    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("customer", (Column("city", "TEXT"),)),))
    >>> print(messages(shop, [Link("customer", "city", "Bath")], "Who is in Bath?")[0]["content"])
    SQLite tables:
    customer(city text)
    <BLANKLINE>
    Values: customer.city = 'Bath'
    Question: Who is in Bath?
    """
    head = _PLAIN if style == "plain" else _INSTRUCTED
    conversation: list[Message] = []
    for shot in shots if style == "few_shot" else ():
        asked = _ask(head, shot.schema, shot.links, shot.question, shot.dialect)
        conversation.append({"role": "user", "content": asked})
        conversation.append({"role": "assistant", "content": shot.sql})
    asked = _ask(head, schema, links, question, dialect)
    conversation.append({"role": "user", "content": asked})
    return conversation


def _ask(
    head: str, schema: Schema | str, links: Sequence[Link], question: str, dialect: str
) -> str:
    if isinstance(schema, Schema):
        dialect, schema = schema.dialect, schema_text(schema)
    spell = partial(sql_name, dialect=dialect)
    values = ", ".join(
        f"{spell(link.table)}.{spell(link.column)} = {literal(link.value)}" for link in links
    )
    value_line = f"Values: {values}\n" if values else ""
    told = head.format(dialect=_DIALECTS.get(dialect, dialect))
    return f"{told}\n{schema}\n\n{value_line}Question: {question.strip()}"
