"""Claims that any finished run directory can make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from claims import ClaimRow

SYSTEMS = ("base", "template", "tuned", "reinforced", "merged")
METRICS = ("execution_accuracy", "exact_match", "valid_sql")


def read_json(path: Path) -> Any:
    """A JSON file of the run."""
    return json.loads(path.read_text(encoding="utf-8"))


def metric_rows(run: Path, source: str, prefix: str = "") -> list[ClaimRow]:
    """Every metric of every system on one source, with intervals."""
    rows = []
    for system in SYSTEMS:
        file = run / "scores" / f"{system}-{source}.json"
        if not file.exists():
            continue
        metrics = read_json(file)["metrics"]
        for metric in METRICS:
            found = metrics[metric]
            name = f"{prefix}{system}_{metric}"
            low, high = found["low"], found["high"]
            rows.append(ClaimRow(name, found["value"], "fraction", None, low, high, found["n"]))
    return rows


def gain_row(run: Path, source: str, other: str, name: str, bound: str | None = None) -> ClaimRow:
    """Tuned minus another system, with the interval of the paired difference."""
    compared = read_json(run / "scores" / "comparison.json")[source]
    difference = compared[other]["difference"]
    n = read_json(run / "scores" / f"tuned-{source}.json")["n"]
    low, high = difference["low"], difference["high"]
    return ClaimRow(name, difference["value"], "fraction", bound, low, high, n)


def training_rows(run: Path) -> list[ClaimRow]:
    """What training cost, and what sharing schemas saved."""
    trained = read_json(run / "manifest.json")["training"]
    return [
        ClaimRow("training_seconds", trained["seconds"], "s"),
        ClaimRow("training_examples", trained["examples"]),
        ClaimRow("training_speed", trained["tokens"] / trained["seconds"], "tokens/s"),
        ClaimRow(
            "tokens_saved_by_sharing_schemas",
            1 - trained["tokens"] / trained["plain_tokens"],
            "fraction",
        ),
        ClaimRow("training_peak_memory", trained["peak_memory_bytes"] / 1e9, "GB"),
    ]


def print_rows(rows: list[ClaimRow]) -> None:
    """The rows as people read them."""
    for row in rows:
        print(f"{row.name:<44} {row.value:>12,.4g} {row.unit:<10} {row.bound or ''}")
