"""How fast the embedded corpus is made, and what comes out: 20,000 examples.

Writes ``docs/results/synth.json``.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from claims import ClaimRow, write_claims
from sqlforge.core.records import Dataset
from sqlforge.corpus.synthetic.domain import SplitName
from sqlforge.corpus.synthetic.domains import DOMAINS
from sqlforge.corpus.synthetic.generate import generate_corpus, is_empty
from sqlforge.corpus.synthetic.grammar import KINDS, PATTERNS

COUNTS: Mapping[SplitName, int] = {"train": 16000, "validation": 1000, "test": 3000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        corpus = generate_corpus(Path(folder), seed=seed, counts=COUNTS, max_tables=3)
        seconds = time.perf_counter() - started
        rows = measured(corpus, seconds)
    for row in rows:
        print(f"{row.name:<24} {row.value:>12,.4g} {row.unit:<10} {row.bound or ''}")
    command = "python bench/synth_speed.py" + (f" --seed {seed}" if seed else "")
    print(write_claims("synth", command=command, seed=seed, rows=rows))


def measured(corpus: Mapping[SplitName, Dataset], seconds: float) -> list[ClaimRow]:
    """Execute every gold once more, on the files as written, and count."""
    failing = empty = 0
    kinds: Counter[str] = Counter()
    for made in corpus.values():
        files = {
            db_id: sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)
            for db_id, database in made.databases.items()
        }
        for example in made.examples:
            kinds[example.kind or ""] += 1
            try:
                empty += is_empty(files[example.db_id].execute(example.sql).fetchall())
            except sqlite3.Error:
                failing += 1
        for connection in files.values():
            connection.close()
    total = sum(kinds.values())
    databases = sum(len(made.databases) for made in corpus.values())
    return [
        ClaimRow("examples", total, bound=">= 20000"),
        ClaimRow("seconds", seconds, "s", "<= 60"),
        ClaimRow("examples_per_second", total / seconds, "examples/s"),
        ClaimRow("failing_gold", failing, bound="== 0", n=total),
        ClaimRow("empty_results", empty / total, "fraction", "<= 0.05", n=total),
        ClaimRow("domains", len(DOMAINS), bound=">= 24"),
        ClaimRow("databases", databases),
        ClaimRow("kinds", sum(kinds[kind] > 0 for kind in KINDS), bound=f">= {len(KINDS)}"),
        ClaimRow("patterns", len(PATTERNS)),
        ClaimRow("fewest_wordings", min(len(p.frames) for p in PATTERNS), bound=">= 5"),
    ]


if __name__ == "__main__":
    main()
