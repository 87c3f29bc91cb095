import json
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.prompt.schema_text import schema_text, type_word

PAIRS = Path(__file__).resolve().parent.parent / "fixtures" / "prompt" / "schema_text.json"


def pairs() -> list[Any]:
    found: list[Any] = json.loads(PAIRS.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair["name"])
def test_a_schema_reads_as_its_pair_says(pair: Any) -> None:
    tables = tuple(
        Table(
            name,
            tuple(Column(c[0], c[1], "key" in c[2:]) for c in columns),
            tuple(
                ForeignKey(tuple(own), table, tuple(theirs))
                for own, table, theirs in pair.get("foreign_keys", {}).get(name, [])
            ),
        )
        for name, columns in pair["tables"].items()
    )
    assert schema_text(Schema(tables)).split("\n") == pair["text"]


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ("varchar(30)", "text"),
        ("CHARACTER VARYING", "text"),
        ("tinyint", "int"),
        ("DOUBLE PRECISION", "real"),
        ("NUMERIC", "real"),
        ("datetime", "date"),
        ("BOOLEAN", "bool"),
        ("geometry", "text"),
        ("blob", "text"),
    ],
)
def test_declared_types_become_five_words(declared: str, word: str) -> None:
    assert type_word(declared) == word
