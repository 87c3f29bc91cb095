"""Random outputs under a mask, gold queries through it, and what SQLite says of either."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sqlforge.core.errors import ConstraintError
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import Cursor, SchemaConstraint, fill_masks, mask_words
from sqlforge.decode.vocabulary import Vocabulary
from sqlforge.score.validity import check_validity

KEYWORDS = (
    "SELECT DISTINCT ALL FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET JOIN INNER LEFT OUTER CROSS "
    "NATURAL ON USING AS AND OR NOT IN EXISTS BETWEEN LIKE GLOB ESCAPE IS NULL CASE WHEN THEN ELSE "
    "END CAST UNION INTERSECT EXCEPT WITH RECURSIVE ASC DESC OVER PARTITION ROWS RANGE COUNT SUM "
    "AVG MIN MAX"
).split()
_MARKS = ["(", ")", ",", ".", "*", "=", "<", ">", "!=", "||", "+", "-", "/", "%", "'", '"', ";"]


def byte_vocabulary() -> Vocabulary:
    """A token a byte, and an end."""
    return Vocabulary((*(bytes([i]) for i in range(256)), None), (256,))


def word_vocabulary(schema: Schema) -> Vocabulary:
    """A token a keyword, a name, a mark or a byte: short walks through many constructs."""
    names = {table.name for table in schema.tables}
    names |= {column.name for table in schema.tables for column in table.columns[:200]}
    words = {word for k in KEYWORDS for word in (k, f" {k}", f" {k.lower()} ", f" {k} (")}
    for name in names:
        words |= {name, f" {name}", f"{name}.", f'"{name}"', f" {name} AS ", f"`{name}` "}
    words |= {f" {mark} " for mark in _MARKS} | {" T1", " AS T1", " T2.", "T1.", " AS x", "x", " 1"}
    multiple = sorted(word.encode() for word in words if len(word.encode()) > 1)
    return Vocabulary((*(bytes([i]) for i in range(256)), *multiple, None), (256 + len(multiple),))


def weights_of(
    vocabulary: Vocabulary, schema: Schema, end: float = 20.0
) -> npt.NDArray[np.float64]:
    """How often a walk takes each token that is allowed: keywords and names more often.

    Inside a string nearly every token is allowed; what could close it is taken more often, so that
    walks spend their tokens on structure.
    """
    keywords = {word.lower() for word in KEYWORDS}
    names = {t.name.lower() for t in schema.tables}
    names |= {c.name.lower() for t in schema.tables for c in t.columns}
    parts = {part for name in names for part in re.findall(r"\w+", name)}
    weights = np.full(len(vocabulary.tokens), 0.05)
    for i, token in enumerate(vocabulary.tokens):
        text = (token or b"").decode("utf-8", "replace").strip().lower()
        known = text.strip("( ") in keywords or text.strip('"`. ') in names
        if len(text) > 1 and (known or text.removesuffix(" as") in names):
            weights[i] = 30
        elif text in parts:
            weights[i] = 10
        elif text and not any(c.isalnum() for c in text) and text.isascii():
            weights[i] = 200 if text in ("'", '"') else 4
    weights[list(vocabulary.eos_ids)] = end
    return weights


@dataclass(slots=True)
class DeadEndError(Exception):
    """A mask without a single token, or a budget used up before the end."""

    text: bytes
    why: str


def walk(
    constraint: SchemaConstraint,
    weights: npt.NDArray[np.float64],
    max_tokens: int,
    rng: np.random.Generator,
    cursor: Cursor | None = None,
) -> bytes:
    """One random output of at most ``max_tokens`` tokens, the end included."""
    cursor = cursor or constraint.start(max_tokens)
    for _ in steps(cursor, constraint.vocabulary, weights, rng):
        pass
    if not cursor.finished:
        raise DeadEndError(cursor.text, "no token is allowed")
    return cursor.text


def steps(
    cursor: Cursor,
    vocabulary: Vocabulary,
    weights: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[int]:
    """Random tokens of the masks, taken by ``cursor`` until it has ended or cannot go on."""
    out = np.zeros((1, mask_words(vocabulary)), np.int32)
    while not cursor.finished:
        fill_masks([cursor], out, threads=1)
        bits = np.unpackbits(out.view(np.uint8), bitorder="little")[: len(weights)]
        allowed = np.flatnonzero(bits)
        if not len(allowed):
            return
        sums = np.cumsum(weights[allowed])
        token = int(allowed[np.searchsorted(sums, rng.random() * sums[-1], "right")])
        cursor.advance(token)
        yield token


def oracle(sql: str, schema: Schema) -> str | None:
    """What is wrong with ``sql``; ``None`` if SQLite prepares it and every name in it exists.

    It is prepared as it stands against empty tables with their types and keys, and once more with
    "names" in another quotation, because SQLite takes an unknown one for a string. Only where a
    value is compared may double quotes hold a string, as many golds of Spider write them.
    """
    words = sql.split(None, 1)
    if not words or not re.match(r"(?i)(select|with)\b", sql.strip()):
        return "not a SELECT"
    try:
        _created(schema).execute(f"EXPLAIN {sql}").close()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return str(error)
    return check_validity(sql, schema, quoted_literals=True).error


@lru_cache(maxsize=512)
def _created(schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
    for table in schema.tables:
        if table.name.lower().startswith("sqlite_"):  # SQLite's own, as some descriptions list them
            continue
        columns = ", ".join(f"{quoted(c.name)} {_type(c.type)}" for c in table.columns)
        connection.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
    return connection


def quoted(name: str) -> str:
    """``name`` as SQLite takes it anywhere."""
    return '"' + name.replace('"', '""') + '"'


def _type(declared: str) -> str:
    return declared if re.fullmatch(r"\w+(\(\d+(,\s*\d+)?\))?", declared) else ""


def first_refused(constraint: SchemaConstraint, tokens: Sequence[int]) -> int | None:
    """Index of the first token that is refused; ``len(tokens)`` if the end is; ``None`` if none."""
    cursor = constraint.start(len(tokens) + 4_000)
    for i, token in enumerate(tokens):
        try:
            cursor.advance(token)
        except ConstraintError:
            return i
    return None if cursor.may_end else len(tokens)


def allowed_next(constraint: SchemaConstraint, tokens: Sequence[int]) -> Iterator[bytes]:
    """What may come after ``tokens``."""
    cursor = constraint.start(len(tokens) + 4_000)
    for token in tokens:
        cursor.advance(token)
    out = np.zeros((1, mask_words(constraint.vocabulary)), np.int32)
    fill_masks([cursor], out, threads=1)
    for i in np.flatnonzero(np.unpackbits(out.view(np.uint8), bitorder="little")):
        yield constraint.vocabulary.tokens[i] or b"<end>"
