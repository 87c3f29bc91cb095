"""How fast values are linked to questions, and how many of the right ones are.

Speed: the index of a column of 100,000 distinct values, exact and fuzzy, with questions that name
a value as it is and with a typing error. Recall: the text literals in Spider's gold queries that
are linked, exact and fuzzy, and the links that no literal bears out. Writes
``docs/results/linking.json``; needs Spider in ``--data-dir`` or ``$SQLFORGE_DATA_DIR``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.config import PromptPart
from sqlforge.core.paths import data_dir
from sqlforge.core.records import Database, Dataset
from sqlforge.corpus.spider import read_spider
from sqlforge.database.values import distinct_text_values
from sqlforge.prompt.augment.masking import text_literals
from sqlforge.prompt.linking import ValueIndex
from sqlforge.prompt.prompter import Prompter

SEED = 7
VALUES = 100_000
QUESTIONS = 2_000
BOUND = "<= 5"  # ms a question


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="the folder that holds spider/")
    folder = data_dir(parser.parse_args().data_dir)
    rows = speed_rows()
    if folder is not None:
        for split in ("train", "dev"):
            rows += recall_rows(split, read_spider(folder, split).dataset)
    print_rows(rows)
    print(write_claims("linking", command="python bench/linking.py", seed=SEED, rows=rows))


def speed_rows() -> list[ClaimRow]:
    """Milliseconds a question over 100,000 distinct values, and what the index costs."""
    values = made_up_names(VALUES)
    rng = random.Random(SEED)
    asked = [rng.choice(values) for _ in range(QUESTIONS)]
    exact = [f"How many sales had {v.lower()} in the last three years?" for v in asked]
    wrong = [f"How many sales had {misspelt(v, rng)} in the last three years?" for v in asked]
    rows = []
    for name, fuzzy in (("exact", False), ("fuzzy", True)):
        started = time.perf_counter()
        index = ValueIndex({("shop", "name"): values}, fuzzy=fuzzy)
        rows.append(ClaimRow(f"{name}_index_built", time.perf_counter() - started, "s", n=VALUES))
        for kind, questions in (("as_it_is", exact), ("misspelt", wrong)):
            times, found = timed(index, questions, asked)
            mean = statistics.mean(times) * 1e3
            worst = sorted(times)[int(0.99 * len(times))] * 1e3
            rows += [
                ClaimRow(f"{name}_{kind}_time", mean, "ms", BOUND, n=QUESTIONS),
                ClaimRow(f"{name}_{kind}_time_p99", worst, "ms", BOUND, n=QUESTIONS),
                ClaimRow(f"{name}_{kind}_found", found / QUESTIONS, "fraction", n=QUESTIONS),
            ]
        del index
        tracemalloc.start()
        index = ValueIndex({("shop", "name"): values}, fuzzy=fuzzy)
        size = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()
        rows.append(ClaimRow(f"{name}_index_size", size, "MB", n=len(index)))
    return rows


def timed(
    index: ValueIndex, questions: Sequence[str], values: Sequence[str]
) -> tuple[list[float], int]:
    """Seconds of each question, and how many of their values were linked."""
    times, found = [], 0
    for question, value in zip(questions, values, strict=True):
        started = time.perf_counter()
        links = index.link(question)
        times.append(time.perf_counter() - started)
        found += any(link.value == value for link in links)
    return times, found


def made_up_names(count: int) -> tuple[str, ...]:
    """Distinct names of one to three made-up words."""
    rng = random.Random(SEED)
    starts = "b c d f g h k l m n p r s t v w br cl dr st tr sh th".split()
    found: set[str] = set()
    while len(found) < count:
        words = []
        for _ in range(rng.choice((1, 2, 2, 3))):
            parts = [rng.choice(starts) + rng.choice("aeiou") for _ in range(rng.randint(2, 4))]
            words.append("".join(parts).capitalize())
        found.add(" ".join(words))
    return tuple(sorted(found))


def misspelt(value: str, rng: random.Random) -> str:
    """``value`` with one letter after the first left out, doubled or swapped with its neighbour."""
    at = rng.randrange(1, len(value) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return value[:at] + value[at + 1 :]
    if kind == 1:
        return value[:at] + value[at] + value[at:]
    return value[:at] + value[at + 1] + value[at] + value[at + 2 :]


@dataclass
class Count:
    """What was found on one data set."""

    literals: int = 0
    held: int = 0  # literals that the database holds
    linked: int = 0
    links: int = 0
    unborne: int = 0  # links that no literal of the gold bears out
    questions: int = 0


def recall_rows(split: str, dataset: Dataset) -> list[ClaimRow]:
    """Recall and false links, exact and fuzzy."""
    rows: list[ClaimRow] = []
    for name, fuzzy in (("exact", False), ("fuzzy", True)):
        count = counted(dataset, PromptPart(fuzzy_values=fuzzy, values_per_column=VALUES))
        if not rows:
            rows.append(
                ClaimRow(f"{split}_literals_held", count.held / count.literals, "fraction",
                         n=count.literals)
            )  # fmt: skip
        rows += [
            ClaimRow(f"{split}_{name}_recall", count.linked / count.literals, "fraction",
                     n=count.literals),
            ClaimRow(f"{split}_{name}_recall_of_held", count.linked / count.held, "fraction",
                     n=count.held),
            ClaimRow(f"{split}_{name}_false_links", count.unborne / count.questions,
                     "a question", n=count.questions),
        ]  # fmt: skip
    return rows


def counted(dataset: Dataset, part: PromptPart) -> Count:
    prompter, count = Prompter.of(part, dataset.databases), Count()
    held: dict[str, set[str]] = {}
    for example in dataset.examples:
        database = dataset.databases[example.db_id]
        if database.path is None:
            continue
        if example.db_id not in held:
            held[example.db_id] = _all_values(database)
        wanted = {_plain(text) for text in text_literals(example.sql, database.schema)}
        links = prompter.links(example.db_id, example.question)
        found = {_plain(link.value) for link in links}
        count.questions += 1
        count.literals += len(wanted)
        count.held += len(wanted & held[example.db_id])
        count.linked += len(wanted & found)
        count.links += len(links)
        count.unborne += sum(_plain(link.value) not in wanted for link in links)
    return count


def _all_values(database: Database) -> set[str]:
    found = distinct_text_values(database, limit_per_column=VALUES)
    return {_plain(text) for texts in found.values() for text in texts}


def _plain(text: str) -> str:
    return text.strip().lower()


if __name__ == "__main__":
    main()
