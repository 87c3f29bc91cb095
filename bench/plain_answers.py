"""Golds of Spider without table aliases: the same rows, the same parts, taken by the constraint.

python bench/plain_answers.py --data-dir DIR, which writes ``docs/results/plain_answers.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.errors import ConstraintError
from sqlforge.core.paths import data_dir
from sqlforge.core.records import Database, Example
from sqlforge.corpus.spider import read_spider
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.decode.constrain import constraint_for
from sqlforge.decode.vocabulary import vocabulary_of
from sqlforge.model.load import load_tokenizer
from sqlforge.prompt.answers import plain_answer
from sqlforge.score.official.rules import comparer

ROOM = 512  # tokens, so that none is refused for want of room to end
Pair = tuple[Example, Database, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=data_dir())
    asked = parser.parse_args()
    rows: list[ClaimRow] = []
    for split in ("dev", "train"):
        dataset = read_spider(asked.data_dir, split).dataset
        pairs = []
        for example in dataset.examples:
            database = dataset.databases[example.db_id]
            pairs.append((example, database, plain_answer(example.sql, database.schema)))
        rows += measured(split, pairs)
        print_rows(rows)
    command = "python bench/plain_answers.py --data-dir DIR"
    print(write_claims("plain_answers", command=command, seed=None, rows=rows))


def measured(split: str, pairs: Sequence[Pair]) -> Iterator[ClaimRow]:
    """What became of the golds of one split."""
    before = [example for example, _, _ in pairs if has_aliases(example.sql)]
    yield ClaimRow(f"{split}_golds", len(pairs))
    yield ClaimRow(f"{split}_golds_with_aliases", len(before))
    kept = sum(has_aliases(plain) for _, _, plain in pairs)
    yield ClaimRow(f"{split}_golds_that_keep_aliases", kept)
    executed = [pair for pair in pairs if pair[1].path is not None]
    yield ClaimRow(f"{split}_other_rows", other_rows(executed), "", "== 0", n=len(executed))
    if split != "dev":
        return
    other = sum(not comparer(d)(e.sql, plain)[0] for e, d, plain in pairs)
    yield ClaimRow(f"{split}_other_parts", other, "", "== 0", n=len(pairs))
    yield from taken(split, pairs)


def taken(split: str, pairs: Sequence[Pair]) -> Iterator[ClaimRow]:
    """Answers that the schema constraint refuses, and their tokens against the golds'."""
    tokenizer = load_tokenizer("smollm2-135m")
    vocabulary = vocabulary_of(tokenizer)
    tokens, refused = [0, 0], 0
    for example, database, plain in pairs:
        ids = tokenizer.encode(plain, add_special_tokens=False)
        tokens[0] += len(tokenizer.encode(example.sql, add_special_tokens=False))
        tokens[1] += len(ids)
        cursor = constraint_for(database.schema, vocabulary).start(ROOM)
        try:
            for token in ids:
                cursor.advance(token)
            refused += not cursor.may_end
        except ConstraintError:
            refused += 1
    yield ClaimRow(f"{split}_refused_by_the_constraint", refused, "", "== 0", n=len(pairs))
    yield ClaimRow(f"{split}_tokens_saved", 1 - tokens[1] / tokens[0], "fraction")


def other_rows(pairs: Sequence[Pair]) -> int:
    """How many golds that run give other rows than their plain form, order aside."""
    with Sandbox(Limits(), workers=2) as sandbox:
        queries = ((d, sql) for e, d, plain in pairs for sql in (e.sql, plain))
        results = list(sandbox.run_many(queries))
    both = zip(results[::2], results[1::2], strict=True)
    return sum(
        gold.ok and (not plain.ok or sorted(map(repr, gold.rows)) != sorted(map(repr, plain.rows)))
        for gold, plain in both
    )


def has_aliases(sql: str) -> bool:
    """Whether a gold names tables as Spider does, ``T1`` and so on."""
    words = sql.lower().replace(".", " ").replace(",", " ").split()
    return any(word in ("t1", "t2") for word in words)


if __name__ == "__main__":
    main()
