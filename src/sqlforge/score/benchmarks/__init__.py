"""Benchmarks as the scorer takes them: examples with their databases and query kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset
from sqlforge.corpus.bird import read_bird
from sqlforge.database.sandbox import Limits
from sqlforge.score.benchmarks import spider, wikisql

BenchmarkName = Literal["spider", "wikisql", "bird"]
DEFAULT_SPLITS = {"spider": "dev", "wikisql": "test", "bird": "dev"}
"""The split that each benchmark is scored on where none is named."""


def load_benchmark(
    name: BenchmarkName,
    data_dir: Path,
    split: str | None = None,
    *,
    skip_bad_gold: bool = False,
) -> Dataset:
    """A benchmark's examples with ``kind`` filled in.

    Args:
        name: ``"spider"``, ``"wikisql"`` or ``"bird"``.
        data_dir: the benchmark's own folder or the folder above it.
        split: ``dev`` (default) or ``train`` for Spider; ``test`` (default), ``dev`` or
            ``train`` for WikiSQL; ``dev`` (default), ``mini_dev`` or ``train`` for BIRD.
        skip_bad_gold: leave ``kind`` open where a gold cannot be read, instead of stopping.

    Raises:
        DataError: the files are missing or malformed, or there is no such split.
        GoldError: a gold query cannot be read.

    >>> load_benchmark("spider", Path("/nowhere"), "test")
    Traceback (most recent call last):
    sqlforge.core.errors.DataError: Got the split 'test' of spider, expected dev or train:
    choose another --split.
    """
    loaders: dict[str, Callable[[Path, Any], Dataset]] = {
        "spider": partial(spider.load_spider, skip_bad_gold=skip_bad_gold),
        "wikisql": wikisql.load_wikisql,
        "bird": lambda folder, chosen: read_bird(folder, chosen).dataset,
    }
    splits = {
        "spider": ("dev", "train"),
        "wikisql": ("test", "dev", "train"),
        "bird": ("dev", "mini_dev", "train"),
    }
    if name not in loaders:
        raise DataError(f"the benchmark '{name}'", "spider, wikisql or bird", "choose one of them")
    chosen = DEFAULT_SPLITS[name] if split is None else split
    if chosen not in splits[name]:
        known = " or ".join(splits[name])
        raise DataError(f"the split '{chosen}' of {name}", known, "choose another --split")
    return loaders[name](data_dir, chosen)


def limits_of(name: BenchmarkName) -> Limits:
    """What one query of the benchmark may use.

    BIRD's databases are large: its evaluator waits thirty seconds, and some golds give more rows
    than any of Spider's.

    >>> limits_of("spider").seconds, limits_of("bird").seconds
    (5.0, 30.0)
    """
    if name != "bird":
        return Limits()
    return Limits(seconds=30.0, rows=1_000_000, bytes=256 * 2**20, memory=3 * 2**30)
