"""Read Spider and WikiSQL as published and execute every gold query in the sandbox.

Writes ``docs/results/readers.json``. WikiSQL's ``test`` here may be held-out tables rather than
the official split; the reader says which.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.records import Dataset
from sqlforge.corpus.files import Reading
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.synthetic.generate import is_empty
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.database.sandbox import Sandbox


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    readers: dict[str, Callable[[], Reading]] = {
        "spider_train": lambda: read_spider(data_dir, "train"),
        "spider_dev": lambda: read_spider(data_dir, "dev"),
        "wikisql_train": lambda: read_wikisql(data_dir, "train"),
        "wikisql_test": lambda: read_wikisql(data_dir, "test"),
    }
    rows: list[ClaimRow] = []
    for name, read in readers.items():
        started = time.perf_counter()
        dataset = read().dataset
        seconds = time.perf_counter() - started
        rows.append(ClaimRow(f"{name}_read", seconds, "s", n=len(dataset.examples)))
        rows += _executed(name, dataset)
    print_rows(rows)
    command = "python bench/readers.py --data-dir DIR"
    print(write_claims("readers", command=command, seed=None, rows=rows))


def _executed(name: str, dataset: Dataset) -> list[ClaimRow]:
    """How many golds fail, and how many give nothing (no row, or one NULL or 0)."""
    with_rows = [e for e in dataset.examples if dataset.databases[e.db_id].path is not None]
    queries = ((dataset.databases[e.db_id], e.sql) for e in with_rows)
    failing = empty = 0
    with Sandbox(workers=2) as sandbox:
        for result in sandbox.run_many(queries):
            failing += not result.ok
            empty += result.ok and is_empty(result.rows)
    bound = "== 0" if name.startswith("wikisql") else None
    n = len(with_rows)
    return [
        ClaimRow(f"{name}_golds_failing", failing, bound=bound, n=n),
        ClaimRow(f"{name}_golds_empty", empty, n=n),
        ClaimRow(f"{name}_without_database", len(dataset.examples) - n, n=len(dataset.examples)),
    ]


if __name__ == "__main__":
    main()
