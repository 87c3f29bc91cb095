"""Time and memory of near-duplicates over up to a million questions, and of the whole audit.

Prints a table and writes ``docs/results/audit_speed.json``. Takes some five minutes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from audit_samples import audited, benchmarks, varied
from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.records import Example
from sqlforge.corpus.fingerprints import digest, normal_question
from sqlforge.corpus.near_duplicates import near_duplicates
from sqlforge.corpus.training_data import TrainingRow, open_training

SEED = 7
SIZES = (10_000, 100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--part", choices=("near", "audit"), help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.part:  # one size in a process of its own, so that its memory can be told
        print(*_timed(told.part, told.rows, told.data_dir))
        return
    rows = list(_speed(told.data_dir))
    print_rows(rows)
    command = "python bench/audit_speed.py --data-dir DIR"
    print(write_claims("audit_speed", command=command, seed=SEED, rows=rows))


def _speed(data_dir: Path) -> Iterator[ClaimRow]:
    for part, sizes in (("near", SIZES), ("audit", SIZES[:2])):
        per_row = {}
        for count in sizes:
            command = [sys.executable, __file__, "--data-dir", str(data_dir)]
            command += ["--part", part, "--rows", str(count)]
            shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            seconds, gigabytes, found = map(float, shown.split())
            per_row[count] = seconds / count
            name = f"{part}_{count // 1000}k"
            yield ClaimRow(f"{name}_seconds", seconds, "s", n=count)
            bound = "< 4" if count == max(SIZES) else None
            yield ClaimRow(f"{name}_peak_memory", gigabytes, "GB", bound, n=count)
            yield ClaimRow(f"{name}_found", found, n=count)
        growth = per_row[sizes[-1]] / per_row[sizes[0]]
        yield ClaimRow(f"{part}_time_a_row_growth", growth, "times", "<= 1.5", n=sizes[-1])


def _timed(part: str, count: int, data_dir: Path) -> tuple[float, float, int]:
    """Seconds, peak memory in GB and what was found, over ``count`` rows."""
    published = [
        (normal_question(row.example.question), row)
        for row in open_training("wikisql", data_dir).rows()
    ]
    questions = varied([words for words, _ in published], count, SEED)
    if part == "near":
        started = time.perf_counter()
        found = sum(near is not None for near in near_duplicates((q, 0) for q in questions))
    else:
        references = benchmarks(data_dir)
        started = time.perf_counter()
        rows = (_renamed(place, q, published) for place, q in enumerate(questions))
        found = audited(rows, references).leaking
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, peak * (1 if sys.platform == "darwin" else 1024) / 1e9, found


def _renamed(place: int, question: str, published: list[tuple[str, TrainingRow]]) -> TrainingRow:
    row = published[place % len(published)][1]
    example = row.example
    named = Example(
        digest(str(place)), question, example.sql, example.db_id, example.source, example.licence
    )
    return TrainingRow(named, row.schema)


if __name__ == "__main__":
    main()
