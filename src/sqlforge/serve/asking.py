"""From a question to a prompt: what it mentions, the tables that fit, what was said before."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot.errors import SqlglotError

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import UserError
from sqlforge.core.schema import Schema
from sqlforge.database.cells import Cells, read_cells
from sqlforge.database.readers import Readers
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.linking import Link, ValueIndex
from sqlforge.prompt.look import SchemaLook
from sqlforge.prompt.schema_text import schema_text
from sqlforge.prompt.shown import named, shown_schema
from sqlforge.prompt.template import Message, messages

if TYPE_CHECKING:
    from sqlforge.model.online import AsksModel
    from sqlforge.model.writer import Asked

_LONGEST = 4_000  # characters of a question
_TURNS = 3  # of a conversation that are looked back at
_WAIT = 4.0  # seconds for the cells to be read before the first question goes without them
# What goes on from the question before: it begins so, or says so.
_GOES_ON = re.compile(
    r"^\W*(?:and|or|but|what about|how about|only|also|now|then|instead|same|sort|order them|"
    r"exclude|include|without|just|show (?:only|me only))\b"
    r"|\b(?:them|they|their|those|these|it|its|he|she|his|her|that one|ones|the same|previous|"
    r"above|instead|again|as well)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt, and what led to it: (table, column, value, words of the question)."""

    asked: Asked
    schema_text: str
    linked: tuple[tuple[str, str | None, str | None, str], ...]


class Asking:
    """Builds the prompts about one database for one model; may be used from many threads.

    The model is shown SQLite's look of the database and writes SQLite's SQL, as it was trained to.
    The cells are read in a thread of their own meanwhile.
    """

    def __init__(self, model: AsksModel, readers: Readers, max_new_tokens: int) -> None:
        self._model, self._readers = model, readers
        self._max_new_tokens = max_new_tokens
        self._schema = Schema(readers.schema.tables, "sqlite")
        part = model.part
        self._look = SchemaLook(part.form, part.descriptions, part.foreign_keys)
        self._cells: Cells | None = None
        self._index: ValueIndex | None = None
        self._encoding = threading.Lock()  # a fast tokenizer borrows itself
        self._reading = threading.Thread(target=self._read, name="cells", daemon=True)
        self._reading.start()
        self._waited = False

    @property
    def cells(self) -> Cells | None:
        """What was read of the database's cells; ``None`` while that is not done."""
        return self._cells

    def wait(self) -> None:
        """Before the first question: give the reading of the cells some seconds to end."""
        if not self._waited:
            self._reading.join(_WAIT)
            self._waited = True

    def close(self) -> None:
        """Wait for the reading to end, which is bounded."""
        self._reading.join()

    def prompted(
        self, question: str, history: Sequence[tuple[str, str]], decoding: Decoding
    ) -> Prompted:
        """The prompt for a question, within the model's window.

        Raises:
            UserError: the question is too long.
        """
        question = question.strip()
        if not question or len(question) > _LONGEST:
            raise UserError(
                f"a question of {len(question):,} characters",
                f"1 to {_LONGEST:,}",
                "ask something, in a few sentences",
            )
        turns = list(history[-_TURNS:]) if history and _GOES_ON.search(question) else []
        about = " ".join([*(asked for asked, _ in turns), question])
        links = self._links(about)

        def conversation(schema: Schema) -> list[Message]:
            return self._conversation(schema, links, question, turns)

        def fits(schema: Schema) -> bool:
            columns = sum(len(table.columns) for table in schema.tables)
            return columns < self._room and len(self._ids(conversation(schema))) <= self._room

        shown = shown_schema(self._schema, about, links, fits)
        links = kept = [link for link in links if shown.table(link.table) is not None]
        ids = self._ids(conversation(shown))
        if not shown.tables or len(ids) + self._max_new_tokens > self._model.width:
            raise UserError(
                f"a question of {len(question):,} characters, which does not fit with a table",
                f"{self._model.width:,} tokens in all",
                "ask in fewer words",
            )
        from sqlforge.model.answer import linked_values
        from sqlforge.model.writer import Asked

        names = named(shown, about)
        linked: list[tuple[str, str | None, str | None, str]]
        linked = [(n.table, n.column, None, n.said) for n in names]
        linked += [(k.table, k.column, k.value, _said(k.value, about)) for k in kept]
        key, values = f"{hash(shown)}", linked_values(kept, decoding)
        text = schema_text(shown, self._look)
        return Prompted(Asked(ids, key, shown, values), text, tuple(linked))

    @property
    def _room(self) -> int:
        """Tokens of a prompt: no more than the model has seen in training, and than its window."""
        return min(self._model.part.max_tokens, self._model.width) - self._max_new_tokens

    def _conversation(
        self,
        schema: Schema,
        links: Sequence[Link],
        question: str,
        turns: Sequence[tuple[str, str]],
    ) -> list[Message]:
        text = schema_text(schema, self._look)
        style = self._model.style
        if not turns:
            return messages(text, links, question, style)
        (first, sql), *later = ((asked, self._as_written(sql)) for asked, sql in turns)
        said = messages(text, (), first, style)
        said.append({"role": "assistant", "content": sql})
        for asked, sql in later:
            said.append({"role": "user", "content": f"Question: {asked}"})
            said.append({"role": "assistant", "content": sql})
        asking = messages("", links, question, "plain")[0]["content"]
        said.append({"role": "user", "content": asking.partition("\n\n")[2]})
        return said

    def _as_written(self, sql: str) -> str:
        """SQL of the database in the words that the model writes."""
        dialect = self._readers.place.dialect
        try:
            return sql if dialect == "sqlite" else sqlglot.transpile(sql, dialect, "sqlite")[0]
        except (SqlglotError, ValueError, RecursionError):
            return sql

    def _ids(self, conversation: list[Message]) -> tuple[int, ...]:
        with self._encoding:
            return encode_prompt(self._model.tokenizer, conversation)

    def _links(self, question: str) -> list[Link]:
        if not self._model.part.link_values:
            return []
        self.wait()
        return list(self._index.link(question)) if self._index is not None else []

    def _read(self) -> None:
        if not self._model.part.link_values:
            return
        cells = read_cells(self._readers)
        fuzzy = self._model.part.fuzzy_values
        tables = self._schema.tables
        names = [name for t in tables for name in (t.name, *(c.name for c in t.columns))]
        self._index = ValueIndex(cells.values, fuzzy=fuzzy, names=names if fuzzy else ())
        self._cells = cells


def _said(value: str, question: str) -> str:
    """The words of the question that mean ``value``: the same, or those most like it."""
    at = question.lower().find(value.lower())
    if at >= 0:
        return question[at : at + len(value)]
    words = re.findall(r"[\w'’.\-/]+", question)
    count = max(1, len(value.split()))
    spans = [" ".join(words[i : i + count]) for i in range(max(1, len(words) - count + 1))]

    def like(span: str) -> float:
        return difflib.SequenceMatcher(None, span.lower(), value.lower()).ratio()

    return max(spans, key=like, default="")
