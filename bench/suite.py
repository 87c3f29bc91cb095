"""How long ``make test`` takes, how fast ``sqlforge --help`` answers, and the branch coverage.

Writes ``docs/results/suite.json``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from claims import ROOT, ClaimRow, write_claims
from watched import watched

COVERED = ("core", "database", "prompt", "score")
HELP_RUNS = 7


def main() -> None:
    help_seconds = [_help() for _ in range(HELP_RUNS)]
    cost = watched(["make", "test"], ROOT)
    if cost.returncode != 0:
        sys.exit(f"make test ended with exit code {cost.returncode}")
    rows = [
        ClaimRow("make_test_minutes", cost.seconds / 60, "min", "<= 6"),
        ClaimRow("help_seconds", statistics.median(help_seconds), "s", "<= 0.5", n=HELP_RUNS),
        *(_coverage(folder) for folder in COVERED),
    ]
    for row in rows:
        print(f"{row.name:<28} {row.value:,.3g} {row.unit} {row.bound or ''}")
    print(write_claims("suite", command="python bench/suite.py", seed=None, rows=rows))


def _help() -> float:
    started = time.perf_counter()
    command = [str(Path(sys.executable).with_name("sqlforge")), "--help"]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def _coverage(folder: str) -> ClaimRow:
    """Line and branch coverage of one folder, from the data that ``make test`` left."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "coverage.json"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "coverage",
                "json",
                "-q",
                "-o",
                str(out),
                f"--include=src/sqlforge/{folder}/*",
            ],
            cwd=ROOT,
            check=True,
        )
        totals = json.loads(out.read_text(encoding="utf-8"))["totals"]
    covered = totals["covered_branches"] / totals["num_branches"]
    return ClaimRow(f"branch_coverage_{folder}", covered, "fraction", ">= 0.9")


if __name__ == "__main__":
    main()
