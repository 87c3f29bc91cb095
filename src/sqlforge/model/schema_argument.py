"""A schema as one string argument of a request, and the vocabulary of a tokenizer by its place.

Both sides of vLLM import this: where requests are made, and where tokens are masked, which may be
another process. A string passes through its HTTP interface (``vllm_xargs``) too.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache

from transformers import AutoTokenizer

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import ConstraintError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.decode.vocabulary import Vocabulary, vocabulary_of
from sqlforge.model.writer import Asked

SCHEMA = "sqlforge_schema"
JOIN_ON_KEYS = "sqlforge_join_on_keys"
"""``"true"``: see :func:`sqlforge.decode.constrain.constraint_for`."""
VALUES = "sqlforge_values"
"""A JSON list: see :meth:`sqlforge.decode.constrain.SchemaConstraint.start`."""


@lru_cache(maxsize=1024)
def schema_argument(schema: Schema) -> str:
    """The schema as JSON; what only prompts need (descriptions) is left out."""
    told = asdict(schema)
    for table in told["tables"]:
        del table["description"]
        for column in table["columns"]:
            del column["description"]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def constraint_arguments(asked: Asked, decoding: Decoding) -> dict[str, str]:
    """What :mod:`sqlforge.model.vllm_constraint` reads of one question."""
    told = {SCHEMA: schema_argument(asked.schema)}
    if decoding.join_on_keys:
        told[JOIN_ON_KEYS] = "true"
    if asked.values is not None:
        told[VALUES] = json.dumps(asked.values, ensure_ascii=False)
    return told


@lru_cache(maxsize=1024)
def schema_of_argument(argument: str) -> Schema:
    """What :func:`schema_argument` made; column types and keys may be left out.

    Raises:
        ConstraintError: it is something else.

    >>> schema_of_argument('{"tables": [{"name": "t", "columns": [{"name": "a"}]}]}').table("t")
    Table(name='t', columns=(Column(name='a', type='', ...),), foreign_keys=(), description=None)
    """
    try:
        told = json.loads(argument)
        tables = tuple(
            Table(
                table["name"],
                tuple(
                    Column(c["name"], c.get("type", ""), bool(c.get("primary_key")))
                    for c in table["columns"]
                ),
                tuple(
                    ForeignKey(tuple(k["columns"]), k["ref_table"], tuple(k["ref_columns"]))
                    for k in table.get("foreign_keys", ())
                ),
            )
            for table in told["tables"]
        )
        return Schema(tables, told.get("dialect", "sqlite"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConstraintError(
            f"{argument[:60]!r} as the argument {SCHEMA}",
            'JSON such as {"tables": [{"name": "t", "columns": [{"name": "a"}]}]}',
            "let sqlforge make it (sqlforge.model.schema_argument)",
        ) from None


def values_of_argument(argument: str | None) -> list[str] | None:
    """What text columns may be compared with; ``None`` is anything.

    Raises:
        ConstraintError: it is no JSON list of strings.

    >>> values_of_argument('["Bath"]')
    ['Bath']
    """
    if argument is None:
        return None
    try:
        found = json.loads(argument)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(value, str) for value in found):
        raise ConstraintError(
            f"{argument[:60]!r} as the argument {VALUES}",
            'a JSON list of strings such as ["Bath"]',
            "leave it out to allow any literal",
        )
    return found


@lru_cache(maxsize=4)
def vocabulary_at(location: str) -> Vocabulary:
    """The vocabulary of the tokenizer in a folder, or under a hub id that is in the cache."""
    return vocabulary_of(AutoTokenizer.from_pretrained(location))
