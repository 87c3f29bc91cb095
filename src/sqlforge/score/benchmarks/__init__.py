"""Benchmarks as the scorer takes them: examples with their databases and query kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset
from sqlforge.score.benchmarks import spider, wikisql

BenchmarkName = Literal["spider", "wikisql"]
DEFAULT_SPLITS = {"spider": "dev", "wikisql": "test"}
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
        name: ``"spider"`` or ``"wikisql"``.
        data_dir: the benchmark's own folder or the folder above it.
        split: ``dev`` (default) or ``train`` for Spider; ``test`` (default), ``dev`` or
            ``train`` for WikiSQL.
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
    }
    splits = {"spider": ("dev", "train"), "wikisql": ("test", "dev", "train")}
    if name not in loaders:
        raise DataError(f"the benchmark '{name}'", "spider or wikisql", "choose one of them")
    chosen = DEFAULT_SPLITS[name] if split is None else split
    if chosen not in splits[name]:
        known = " or ".join(splits[name])
        raise DataError(f"the split '{chosen}' of {name}", known, "choose another --split")
    return loaders[name](data_dir, chosen)
