"""What ``make demo`` costs and gains from a bare clone: environment, downloads and run included.

Clones the committed tree into a temporary folder, runs ``make demo`` there with an empty cache of
converted weights, and writes ``docs/results/demo.json``. ``--keep DIR`` copies the run directory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from claims import ROOT, ClaimRow, write_claims
from watched import Cost, watched

SOURCE = "sqlforge-synthetic"
_METRICS = ("execution_accuracy", "exact_match", "valid_sql")


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
            kept_out = shutil.ignore_patterns("checkpoints", "merged", "*.safetensors")
            shutil.copytree(run, keep, dirs_exist_ok=True, ignore=kept_out)
    for row in rows:
        print(f"{row.name:<32} {row.value:>12,.4g} {row.unit:<10} {row.bound or ''}")
    print(write_claims("demo", command="python bench/demo.py", seed=7, rows=rows))


def measured(run: Path, cost: Cost) -> list[ClaimRow]:
    """The claims of one finished demo."""
    manifest = _json(run / "manifest.json")
    compared = _json(run / "scores" / "comparison.json")[SOURCE]
    scores = {s: _json(run / "scores" / f"{s}-{SOURCE}.json") for s in _systems(run)}
    rows = [
        ClaimRow("minutes", cost.seconds / 60, "min", "<= 15"),
        ClaimRow("peak_memory", cost.peak_bytes / 1e9, "GB", "<= 6"),
    ]
    for system, score in scores.items():
        for metric in _METRICS:
            found = score["metrics"][metric]
            name = f"{system}_{metric}"
            rows.append(
                ClaimRow(
                    name,
                    found["value"],
                    "fraction",
                    low=found["low"],
                    high=found["high"],
                    n=found["n"],
                )
            )
    n = scores["tuned"]["n"]
    rows += [
        ClaimRow("test_examples", n, bound=">= 150"),
        _gain("gain_over_base", compared["base"], ">= 0.3", n),
        _gain("gain_over_template", compared["template"], ">= 0.15", n),
        ClaimRow("mcnemar_p", compared["base"]["mcnemar"]["p_value"], bound="< 0.001", n=n),
        ClaimRow("merged_answers_that_differ", compared["merged_differs"]["count"], n=n),
        ClaimRow("training_seconds", manifest["training"]["seconds"], "s"),
        ClaimRow("training_examples", manifest["training"]["examples"]),
        ClaimRow(
            "training_speed",
            manifest["training"]["tokens"] / manifest["training"]["seconds"],
            "tokens/s",
        ),
        ClaimRow(
            "tokens_saved_by_sharing_schemas",
            1 - manifest["training"]["tokens"] / manifest["training"]["plain_tokens"],
            "fraction",
        ),
    ]
    return rows


def _systems(run: Path) -> list[str]:
    known = ("base", "template", "tuned", "merged")
    return [s for s in known if (run / "scores" / f"{s}-{SOURCE}.json").exists()]


def _gain(name: str, compared: dict[str, Any], bound: str, n: int) -> ClaimRow:
    difference = compared["difference"]
    low, high = difference["low"], difference["high"]
    return ClaimRow(name, difference["value"], "fraction", bound, low, high, n)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
