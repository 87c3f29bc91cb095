"""What reinforcement may learn from: training examples of databases that nothing else asks."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Example
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import StoredExamples, read_examples
from sqlforge.corpus.synthetic.generate import SOURCE


@dataclass(frozen=True, slots=True)
class Left:
    """Training examples that reinforcement leaves out, by why.

    ``without_rows``: of databases that are only a schema. ``held_out``: of databases that
    validation or test ask too. ``too_long``: prompts beyond the window.
    """

    without_rows: int = 0
    held_out: int = 0
    too_long: int = 0
    failing_golds: int = 0
    empty_golds: int = 0


def rewardable(
    run: RunDir, databases: Mapping[str, Database], sources: Sequence[str], most: int, seed: int
) -> tuple[list[Example], Left]:
    """At most ``most`` training examples, drawn by seed, and how many can never be.

    Args:
        run: with its data.
        databases: the run's.
        sources: of training, as the recipe calls them; empty: all.
        most: how many.
        seed: of the order.

    Raises:
        DataError: there are none.
    """
    held_out = {
        example.db_id
        for name in ("validation.jsonl", "test.jsonl")
        for example in read_examples(run.data_file(name))
    }
    # A recipe calls the embedded corpus by another name than its examples do.
    known_as = {SOURCE if name == "synthetic" else name for name in sources}
    found: list[Example] = []
    without_rows = shared = 0
    for example in StoredExamples(run.data_file("train.jsonl")):
        if known_as and example.source not in known_as:
            continue
        if databases[example.db_id].path is None:
            without_rows += 1
        elif example.db_id in held_out:
            shared += 1
        else:
            found.append(example)
    if not found:
        raise DataError(
            f"no training example to reinforce on ({without_rows:,} of databases without rows, "
            f"{shared:,} of databases that validation or test ask too)",
            "examples of databases with rows that only training asks",
            "add such a source to data.train and to reinforce.sources",
        )
    random.Random(f"{seed}/reinforce").shuffle(found)
    return found[:most], Left(without_rows=without_rows, held_out=shared)
