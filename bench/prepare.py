"""How fast ``sqlforge prepare`` is, how it grows, what memory it takes, and whether bytes differ.

Rows are made by rule in sql-create-context's layout (``made_rows.py``; they are not published
data) and cleaned, told apart, split by schema and audited against Spider dev and WikiSQL dev and
test. With ``--million`` a run of 1,000,000 rows is measured too. Writes
``docs/results/prepare.json``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from claims import ROOT, ClaimRow, write_claims
from finished_run import print_rows, read_json
from made_rows import write_made_rows
from watched import Cost, watched

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--million", action="store_true", help="also 1,000,000 rows")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    sizes = {"10k": 10_000, "100k": 100_000} | ({"1m": 1_000_000} if asked.million else {})
    with tempfile.TemporaryDirectory(prefix="sqlforge-prepare-") as folder:
        measuring = _Measuring(Path(folder), asked.data_dir.absolute(), asked.processes)
        rows = measuring.scale(sizes) + measuring.same_bytes()
    print_rows(rows)
    command = "python bench/prepare.py --data-dir DIR" + (" --million" if asked.million else "")
    print(write_claims("prepare", command=command, seed=SEED, rows=rows))


class _Measuring:
    """Runs ``sqlforge prepare`` on recipes of its own."""

    def __init__(self, folder: Path, data_dir: Path, processes: int) -> None:
        self._folder, self._data_dir, self._processes = folder, data_dir, processes

    def scale(self, sizes: dict[str, int]) -> list[ClaimRow]:
        """Time and memory by size; the growth is time a row against that of 10,000 rows."""
        rows: list[ClaimRow] = []
        seconds: dict[str, float] = {}
        for name, count in sizes.items():
            path = write_made_rows(self._folder / name, count, SEED)
            cost, facts = self._prepare(name, _made(path), self._processes)
            seconds[name] = cost.seconds
            minutes = "<= 4" if name == "100k" else None
            memory = "<= 4" if name == "1m" else None
            rows += [
                ClaimRow(f"made_{name}_minutes", cost.seconds / 60, "min", minutes, n=count),
                ClaimRow(f"made_{name}_peak_memory", cost.peak_bytes / 1e9, "GB", memory, n=count),
                ClaimRow(f"made_{name}_kept", facts["train"], n=count),
            ]
        for name, count in sizes.items():
            if name != "10k":
                growth = seconds[name] / seconds["10k"] * sizes["10k"] / count
                row = ClaimRow(f"growth_of_time_a_row_10k_to_{name}", growth, "", "<= 1.2", n=count)
                rows.append(row)
        return rows

    def same_bytes(self) -> list[ClaimRow]:
        """Whether one process writes what several write."""
        path = self._folder / "10k" / "train.jsonl"
        _, one = self._prepare("one", _made(path), 1)
        _, two = self._prepare("two", _made(path), 2)
        same = one["output_sha256"] == two["output_sha256"]
        return [ClaimRow("same_bytes_from_1_and_2_processes", int(same), "", "== 1", n=10_000)]

    def _prepare(self, name: str, part: dict[str, Any], processes: int) -> tuple[Cost, Any]:
        recipe = self._folder / f"{name}.yaml"
        recipe.write_text(yaml.safe_dump(_recipe(part)), encoding="utf-8")
        facts = self._folder / f"{name}.json"
        command = [
            *(sys.executable, "-m", "sqlforge", "prepare", str(recipe)),
            *("--out", str(self._folder / f"run-{name}"), "--data-dir", str(self._data_dir)),
            *("--processes", str(processes), "--json", str(facts)),
        ]
        cost = watched(command, ROOT)
        if cost.returncode != 0:
            sys.exit(f"prepare ended with exit code {cost.returncode}")
        return cost, read_json(facts)


def _made(path: Path) -> dict[str, Any]:
    return {"source": "sql-create-context", "path": str(path)}


def _recipe(part: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "scale",
        "seed": SEED,
        "model": {"name": "smollm2-135m"},
        "data": {
            "train": [part],
            "test": [{"source": "internal", "rows": 500}],
            "audit": {"against": ["spider-dev", "wikisql-dev", "wikisql-test"]},
        },
    }


if __name__ == "__main__":
    main()
