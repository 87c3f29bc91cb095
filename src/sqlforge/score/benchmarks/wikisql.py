"""WikiSQL as a benchmark: its questions by what they select and how many conditions they have."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlforge.core.records import Dataset
from sqlforge.corpus.wikisql import read_wikisql

_AGGREGATE = re.compile(r"SELECT (MAX|MIN|COUNT|SUM|AVG)\(")


def load_wikisql(data_dir: Path, split: Literal["train", "dev", "test"]) -> Dataset:
    """One split of WikiSQL; ``kind`` is the aggregate (``count``, …) or ``select``.

    Raises:
        DataError: as :func:`sqlforge.corpus.wikisql.read_wikisql`.
        StorageError: the cache for the table rows cannot be written.
    """
    dataset = read_wikisql(data_dir, split).dataset
    return replace(
        dataset, examples=tuple(replace(e, kind=query_kind(e.sql)) for e in dataset.examples)
    )


def query_kind(sql: str) -> str:
    """The aggregate of a WikiSQL query in lower case, or ``select`` where there is none.

    >>> query_kind("SELECT COUNT(Player) FROM t"), query_kind('SELECT "MAX(x)" FROM t')
    ('count', 'select')
    """
    found = _AGGREGATE.match(sql)
    return found.group(1).lower() if found else "select"
