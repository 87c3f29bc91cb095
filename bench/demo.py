"""What ``make demo`` costs and gains from a bare clone: environment, downloads and run included.

Clones the committed tree into a temporary folder, runs ``make demo`` there with an empty cache of
converted weights, and writes ``docs/results/demo.json``. ``--keep DIR`` copies the run directory.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from claims import ROOT, ClaimRow, write_claims
from finished_run import gain_row, metric_rows, print_rows, read_json, training_rows
from watched import Cost, watched

SOURCE = "sqlforge-synthetic"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="copy runs/demo (without weights) here")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory(prefix="sqlforge-demo-") as folder:
        clone = Path(folder) / "sqlforge"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        cost = watched(["make", "demo"], clone, {"SQLFORGE_CACHE_DIR": str(Path(folder) / "cache")})
        if cost.returncode != 0:
            sys.exit(f"make demo ended with exit code {cost.returncode}")
        run = clone / "runs" / "demo"
        rows = measured(run, cost)
        if keep is not None:
            weights = shutil.ignore_patterns("checkpoints", "merged", "*.safetensors")
            shutil.copytree(run, keep, dirs_exist_ok=True, ignore=weights)
    print_rows(rows)
    print(write_claims("demo", command="python bench/demo.py", seed=7, rows=rows))


def measured(run: Path, cost: Cost) -> list[ClaimRow]:
    """The claims of one finished demo."""
    compared = read_json(run / "scores" / "comparison.json")[SOURCE]
    n = read_json(run / "scores" / f"tuned-{SOURCE}.json")["n"]
    return [
        ClaimRow("minutes", cost.seconds / 60, "min", "<= 15"),
        ClaimRow("peak_memory", cost.peak_bytes / 1e9, "GB", "<= 6"),
        *metric_rows(run, SOURCE),
        ClaimRow("test_examples", n, bound=">= 150"),
        gain_row(run, SOURCE, "base", "gain_over_base", ">= 0.3"),
        gain_row(run, SOURCE, "template", "gain_over_template", ">= 0.15"),
        ClaimRow("mcnemar_p", compared["base"]["mcnemar"]["p_value"], bound="< 0.001", n=n),
        ClaimRow("merged_answers_that_differ", compared["merged_differs"]["count"], n=n),
        *training_rows(run),
    ]


if __name__ == "__main__":
    main()
