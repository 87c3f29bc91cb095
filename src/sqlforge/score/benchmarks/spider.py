"""Spider as a benchmark: its questions with their official hardness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlforge.core.errors import GoldError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.corpus.spider import read_spider
from sqlforge.score.official.rules import hardness
from sqlforge.score.official.tokens import UnreadableError


def load_spider(data_dir: Path, split: Literal["train", "dev"]) -> Dataset:
    """One split of Spider; ``kind`` is easy, medium, hard or extra.

    Raises:
        DataError: as :func:`sqlforge.corpus.spider.read_spider`.
        GoldError: a gold query cannot be parsed.
    """
    dataset = read_spider(data_dir, split).dataset
    databases = dataset.databases
    return replace(
        dataset, examples=tuple(_with_hardness(e, databases[e.db_id]) for e in dataset.examples)
    )


def _with_hardness(example: Example, database: Database) -> Example:
    try:
        return replace(example, kind=hardness(example.sql, database))
    except UnreadableError as fault:
        raise GoldError(example.id, example.sql, "it cannot be parsed") from fault
