"""Decoding under a schema: sound, tight and fast, and two engines for grammars beside it.

Needs Spider and WikiSQL in the folder that ``SQLFORGE_DATA_DIR`` names. llguidance and xgrammar
are measured where they are installed (``pip install --no-deps llguidance==1.9.1 xgrammar==0.2.8
apache-tvm-ffi``). Each part writes its figures into ``docs/results/decode.json`` as soon as it has
them, and those of the other parts stay; every gold that is not taken goes into
``docs/decoding-exceptions.md``. ``--only`` runs one part. Random outputs are kept in batches beside
the commit that made them, and a run that was cut off goes on from there. ``--small`` is a trial run
that writes nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from claims import ROOT, ClaimRow, keep_claims
from decode_engines import engine_rows
from decode_random import tightness
from decode_schemas import awkward_schemas
from decode_speed import build_rows, mask_rows
from decode_walks import byte_vocabulary, first_refused, oracle
from finished_run import print_rows
from mistral_vocabulary import mistral_tokenizer, vocabulary_file
from sqlforge.core.errors import ConstraintError
from sqlforge.core.files import write_text
from sqlforge.core.paths import data_dir
from sqlforge.core.records import Dataset, Example
from sqlforge.core.schema import Schema
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.decode.constrain import advance_and_fill, constraint_for, mask_words
from sqlforge.decode.vocabulary import Vocabulary, vocabulary_of
from sqlforge.model.load import load_tokenizer
from sqlforge.score.statistics import wilson

SEED = 6
OUTPUTS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--outputs", type=int, default=OUTPUTS, help="of the random models")
    parser.add_argument("--only", choices=("golds", "random", "masks", "engines"))
    asked = parser.parse_args()
    small = asked.small
    folder = data_dir()
    if folder is None:
        sys.exit("name the folder with spider/ and wikisql/ in SQLFORGE_DATA_DIR")
    dev = read_spider(folder, "dev").dataset
    tokenizer = load_tokenizer("smollm2-135m")
    smollm2 = vocabulary_of(tokenizer)

    def golds() -> list[ClaimRow]:
        rows, refusals = soundness(all_golds(folder, dev), tokenizer, smollm2, small)
        if not small:
            write_text(ROOT / "docs" / "decoding-exceptions.md", listed(refusals))
        return rows

    def random() -> list[ClaimRow]:
        schemas = {name: database.schema for name, database in sorted(dev.databases.items())}
        outputs = min(400, asked.outputs) if small else asked.outputs
        return tightness(schemas | awkward_schemas(), smollm2, outputs, keep=not small)

    def masks() -> list[ClaimRow]:
        with tempfile.TemporaryDirectory() as temporary:
            rows = speed(dev, tokenizer, smollm2, Path(temporary), small)
        return rows + build_rows(smollm2)

    def engines() -> list[ClaimRow]:
        return engine_rows(tokenizer, smollm2, dev, 1 if small else 10)

    parts: list[Callable[[], list[ClaimRow]]] = [masks, engines, golds, random]
    for part in [p for p in parts if asked.only in (None, p.__name__)]:
        started = time.perf_counter()
        rows = part()
        print_rows(rows)
        print(f"{part.__name__}: {time.perf_counter() - started:.0f} s", flush=True)
        if not small and rows:
            keep_claims("decode", command=" ".join(["python", *sys.argv]), seed=SEED, rows=rows)


def all_golds(folder: Path, dev: Dataset) -> dict[str, Dataset]:
    """By the name under which they are counted."""
    return {
        "spider_train": read_spider(folder, "train").dataset,
        "spider_dev": dev,
        "wikisql_train": read_wikisql(folder, "train").dataset,
        "wikisql_held_out": read_wikisql(folder, "test").dataset,
    }


def soundness(
    golds: dict[str, Dataset], tokenizer: Any, vocabulary: Vocabulary, small: bool
) -> tuple[list[ClaimRow], list[Refusal]]:
    """The share of golds that are taken byte by byte and, of Spider dev's, by their masks."""
    rows, refusals = [], []
    for name, dataset in golds.items():
        examples = dataset.examples[:300] if small else dataset.examples
        found = [
            refusal
            for example in examples
            if (refusal := refusal_of(example, dataset.databases[example.db_id].schema))
        ]
        refusals += found
        rows.append(share_row(f"golds_taken_{name}", len(examples) - len(found), len(examples)))
    dev = golds["spider_dev"]
    examples = dev.examples[:100] if small else dev.examples
    ids = [tokenizer(e.sql, add_special_tokens=False)["input_ids"] for e in examples]
    taken = sum(
        masked(dev.databases[e.db_id].schema, vocabulary, tokens)
        for e, tokens in zip(examples, ids, strict=True)
    )
    return [*rows, share_row("golds_taken_spider_dev_tokens", taken, len(examples))], refusals


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gold that is not taken: from which byte on, and what SQLite says of it."""

    id: str
    db_id: str
    at: int | None
    refused: str
    sqlite: str


def listed(refusals: list[Refusal]) -> str:
    """The page of exceptions."""
    lines = [
        "# Golds that the constraint does not take",
        "",
        "Written by `python bench/decode.py`. *At* counts bytes; the golds themselves are in their "
        "data sets.",
        "",
        "| gold | database | at | refused | SQLite |",
        "|---|---|---|---|---|",
    ]
    for r in refusals:
        refused = r.refused.replace("|", "\\|").replace("`", "'")
        lines.append(f"| {r.id} | {r.db_id} | {r.at} | `{refused}` | {r.sqlite} |")
    return "\n".join(lines) + "\n"


def refusal_of(example: Example, schema: Schema) -> Refusal | None:
    """Where a gold is not taken, if anywhere."""
    tokens = list(example.sql.encode())
    said = oracle(example.sql, schema) or "takes it"
    try:
        constraint = constraint_for(schema, byte_vocabulary_once())
    except ConstraintError as error:
        return Refusal(example.id, example.db_id, None, f"the schema: {error.got}", said)
    at = first_refused(constraint, tokens)
    if at is None:
        return None
    shown = bytes(tokens[max(0, at - 12) : at + 12]).decode("utf-8", "replace")
    return Refusal(example.id, example.db_id, at, shown, said)


_BYTES: list[Vocabulary] = []


def byte_vocabulary_once() -> Vocabulary:
    """One object, so that what is built for it is found again."""
    if not _BYTES:
        _BYTES.append(byte_vocabulary())
    return _BYTES[0]


def masked(schema: Schema, vocabulary: Vocabulary, tokens: list[int]) -> bool:
    """Whether every token is in its mask, and the end in the last."""
    cursor = constraint_for(schema, vocabulary).start(len(tokens) + 200)
    out = np.zeros((1, mask_words(vocabulary)), np.int32)
    advance_and_fill([cursor], [-1], out, 1)
    for token in (*tokens, vocabulary.eos_ids[0]):
        if not out[0, token // 32] >> (token % 32) & 1:
            return False
        advance_and_fill([cursor], [token], out, 1)
    return cursor.finished


def speed(
    dev: Dataset, tokenizer: Any, smollm2: Vocabulary, folder: Path, small: bool
) -> list[ClaimRow]:
    """Mask times with both vocabularies."""
    found = vocabulary_file()
    if found is None:
        sys.exit("pip install mistral-common for the vocabulary of Mistral v0.3")
    mistral = mistral_tokenizer(found, folder)
    n = 40 if small else 200
    return [
        *mask_rows("49152", dev, tokenizer, smollm2, n),
        *mask_rows("32768", dev, mistral, vocabulary_of(mistral), n),
    ]


def share_row(name: str, taken: int, n: int) -> ClaimRow:
    """A share with its interval, held against the bound of soundness."""
    found = wilson(taken, n)
    return ClaimRow(name, taken / n, "fraction", ">= 0.995", found.low, found.high, n)


if __name__ == "__main__":
    main()
