"""Which tokens may come next, so that what is written is one SELECT that the schema can answer.

A :class:`SchemaConstraint` knows one schema and one vocabulary; a :class:`Cursor` follows one query
through it. Every prefix that a cursor takes can be ended within its budget, so an output is never
cut. The work is native (``decode/native``) and holds no lock of Python's.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlforge.core.environment import usable_cores
from sqlforge.core.errors import ConstraintError, ModelError
from sqlforge.core.schema import Column, Schema
from sqlforge.decode.vocabulary import Vocabulary

# A writable int32 buffer [rows, words]: a NumPy array, or what a pinned tensor's numpy() gives.
Masks = Any
_MOST_NAMES = 16_000  # distinct ones of a schema


class Cursor:
    """One query under way. Made by :meth:`SchemaConstraint.start`."""

    __slots__ = ("_native",)

    def __init__(self, native: Any) -> None:
        self._native = native

    def advance(self, token: int) -> None:
        """Take the next token.

        Raises:
            ConstraintError: it may not come here; the cursor stands where it stood.
        """
        if not self._native.advance(token):
            raise _refused(token, self._native.text)

    def shorten(self, tokens: int) -> None:
        """Lower the budget to ``tokens``, or as far as a way to end allows; it never grows."""
        self._native.shorten(tokens)

    def copy(self) -> Cursor:
        """An independent cursor at the same place."""
        return Cursor(self._native.copy())

    @property
    def finished(self) -> bool:
        """The end token was taken."""
        return bool(self._native.finished)

    @property
    def may_end(self) -> bool:
        """The end token may come now."""
        return bool(self._native.may_end)

    @property
    def tokens_left(self) -> int:
        """Of the budget, the end token included."""
        return int(self._native.budget)

    @property
    def tokens_needed(self) -> int:
        """How many tokens certainly suffice to end, the end token included."""
        return int(self._native.needed)

    @property
    def text(self) -> bytes:
        """What was written so far."""
        return bytes(self._native.text)


class SchemaConstraint:
    """The queries that one schema can answer, over one vocabulary; see :func:`constraint_for`."""

    def __init__(
        self, schema: Schema, vocabulary: Vocabulary, *, join_on_keys: bool = False
    ) -> None:
        native = _native()
        _check(schema)
        self.vocabulary = vocabulary
        # SQLite's own tables are nobody's data.
        named = [t for t in schema.tables if not t.name.lower().startswith("sqlite_")]
        tables = [(t.name, [(c.name, _holds_text(c)) for c in t.columns]) for t in named]
        self._language = native.Language(
            _native_vocabulary(vocabulary), tables, _keys(schema) if join_on_keys else []
        )
        self._new_cursor = native.Cursor
        self.least_tokens = int(native.Cursor(self._language, 1, None).needed)

    def start(self, max_tokens: int, values: Sequence[str] | None = None) -> Cursor:
        """A query that will have ended after ``max_tokens`` tokens, the end token included.

        Where ``values`` are given, no other literal than these follows a text column and ``=``,
        ``!=``, ``<>`` or ``IN``; ``LIKE``, greater and less take any.

        Raises:
            ConstraintError: no query is that short.
        """
        if max_tokens < self.least_tokens:
            raise ConstraintError(
                f"a budget of {max_tokens} tokens for an answer",
                f"at least {self.least_tokens}, which the shortest query takes",
                "raise --max-new-tokens",
            )
        return Cursor(self._new_cursor(self._language, max_tokens, values))


@lru_cache(maxsize=256)
def constraint_for(
    schema: Schema, vocabulary: Vocabulary, *, join_on_keys: bool = False
) -> SchemaConstraint:
    """The constraint of a schema, built once for each schema and vocabulary.

    With ``join_on_keys`` an ``ON`` begins with a pair of columns that a foreign key connects, where
    there is one between the table just joined and one before it. It may go on by ``AND``.

    Names with bytes that no token of the vocabulary writes are left out, and so are tables without
    a name or column that can be written.

    Raises:
        ConstraintError: another dialect than SQLite's, or names that SQLite would not take.
        ModelError: the native part is not built.
    """
    return SchemaConstraint(schema, vocabulary, join_on_keys=join_on_keys)


def mask_words(vocabulary: Vocabulary) -> int:
    """Length of one mask in 32-bit words."""
    return (len(vocabulary.tokens) + 31) // 32


def fill_masks(cursors: Sequence[Cursor | None], out: Masks, threads: int | None = None) -> None:
    """Write for each cursor which tokens may come next.

    Args:
        cursors: ``None`` allows everything.
        out: ``[at least len(cursors), words]``; bit ``i % 32`` of word ``i // 32`` is token ``i``.
        threads: native threads; one a core if ``None``.
    """
    _fill(cursors, [], out, threads)


def advance_and_fill(
    cursors: Sequence[Cursor | None],
    tokens: Sequence[int],
    out: Masks,
    threads: int | None = None,
) -> None:
    """Let each cursor take its token (a negative one: none), then fill the masks, in one call.

    Raises:
        ConstraintError: a token that may not come; the other cursors have gone on.
    """
    _fill(cursors, tokens, out, threads)


def _fill(
    cursors: Sequence[Cursor | None],
    tokens: Sequence[int],
    out: Masks,
    threads: int | None,
) -> None:
    natives = [None if cursor is None else cursor._native for cursor in cursors]
    wanted = threads if threads is not None else usable_cores()
    refused = _native().fill(natives, tokens, out, out.shape[1], wanted)
    if refused >= 0:
        raise _refused(tokens[refused], natives[refused].text)


def _refused(token: int, text: bytes) -> ConstraintError:
    shown = text.decode("utf-8", "replace")
    return ConstraintError(
        f"token {token} after {shown!r}",
        "a token that the constraint allows there",
        "choose among the tokens of the mask",
    )


def _native() -> Any:
    try:
        return importlib.import_module("sqlforge.decode._native")
    except ImportError as missing:
        raise ModelError(
            "decoding under a schema, whose native part is not built",
            "a C++ compiler when SQLForge was installed",
            "install one (Debian: apt-get install g++) and run pip install -e . again",
        ) from missing


@lru_cache(maxsize=8)
def _native_vocabulary(vocabulary: Vocabulary) -> Any:
    """Its tries take some hundredths of a second: they are built once a vocabulary."""
    return _native().Vocabulary(list(vocabulary.tokens), list(vocabulary.eos_ids))


def _holds_text(column: Column) -> bool:
    """As SQLite tells a column's affinity from its declared type."""
    declared = column.type.upper()
    return "INT" not in declared and any(kind in declared for kind in ("CHAR", "CLOB", "TEXT"))


def _keys(schema: Schema) -> list[tuple[str, str, str, str]]:
    """Pairs of columns (table, column, table, column) that the schema's foreign keys connect."""
    return [
        (table.name, column, key.ref_table, other)
        for table in schema.tables
        for key in table.foreign_keys
        for column, other in zip(key.columns, key.ref_columns, strict=False)
    ]


def _check(schema: Schema) -> None:
    if schema.dialect != "sqlite":
        raise ConstraintError(
            f"a schema of dialect '{schema.dialect}'",
            "sqlite, whose SELECT is what the constraint writes",
            "decode without a constraint",
        )
    names = {t.name.lower() for t in schema.tables}
    names |= {c.name.lower() for t in schema.tables for c in t.columns}
    if len(names) > _MOST_NAMES:
        raise ConstraintError(
            f"a schema of {len(names):,} distinct names",
            f"at most {_MOST_NAMES:,}",
            "leave out tables that are not asked about",
        )
    for name in sorted(names):
        if "\0" in name or len(name.encode()) > 1000:
            raise ConstraintError(
                f"the name {name[:40]!r}",
                "names of at most 1,000 bytes without NUL",
                "rename it, or decode without a constraint",
            )
