"""SmolLM2-135M by QLoRA on Spider train and WikiSQL train, on one GPU, end to end.

Runs ``recipes/smollm2-135m-gpu.yaml`` (or goes on with it) and writes
``docs/results/real_data.json``: training minutes and the accuracies on Spider dev and WikiSQL,
whatever they are. The run directory, report included, is kept in ``--out``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch  # noqa: F401  (the claims name the GPU where torch is loaded)

from claims import ROOT, ClaimRow, write_claims
from finished_run import gain_row, metric_rows, print_rows, read_json, training_rows
from watched import watched


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "real-data")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "smollm2-135m-gpu.yaml")
    asked = parser.parse_args()
    command = ["-m", "sqlforge", "run", str(asked.recipe), "--data-dir", str(asked.data_dir)]
    cost = watched([sys.executable, *command, "--out", str(asked.out)], ROOT)
    if cost.returncode != 0:
        sys.exit(f"the run ended with exit code {cost.returncode}")
    rows = measured(asked.out)
    print_rows(rows)
    seed = read_json(asked.out / "manifest.json")["seed"]
    again = f"python bench/real_data.py --data-dir DIR --recipe recipes/{asked.recipe.name}"
    print(write_claims("real_data", command=again, seed=seed, rows=rows))


def measured(run: Path) -> list[ClaimRow]:
    """The claims of the run, source by source."""
    manifest = read_json(run / "manifest.json")
    rows = [ClaimRow("training_minutes", manifest["training"]["seconds"] / 60, "min", "<= 10")]
    for source in read_json(run / "scores" / "comparison.json"):
        prefix = source.replace("-", "_") + "_"
        rows += metric_rows(run, source, prefix)
        rows.append(gain_row(run, source, "base", f"{prefix}gain_over_base"))
    return rows + training_rows(run)


if __name__ == "__main__":
    main()
