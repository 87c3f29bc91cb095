"""Spider as a benchmark: its questions with their official hardness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlglot.errors import SqlglotError

from sqlforge.core.errors import GoldError
from sqlforge.core.records import Dataset, Example
from sqlforge.corpus.spider import read_spider
from sqlforge.score.benchmarks.spider_hardness import spider_hardness


def load_spider(data_dir: Path, split: Literal["train", "dev"]) -> Dataset:
    """One split of Spider; ``kind`` is easy, medium, hard or extra.

    Raises:
        DataError: as :func:`sqlforge.corpus.spider.read_spider`.
        GoldError: a gold query cannot be parsed.
    """
    dataset = read_spider(data_dir, split).dataset
    return replace(dataset, examples=tuple(_with_hardness(e) for e in dataset.examples))


def _with_hardness(example: Example) -> Example:
    try:
        return replace(example, kind=spider_hardness(example.sql))
    except SqlglotError as fault:
        raise GoldError(example.id, example.sql, "it cannot be parsed") from fault
