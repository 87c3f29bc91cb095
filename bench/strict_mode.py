"""What the strict mode says of two published systems beside the official one, and how fast.

Needs Spider and the official verdicts (``SQLFORGE_DATA_DIR``); writes
``docs/results/strict_mode.json``.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path

from claims import ClaimRow, write_claims
from sqlforge.core.paths import data_dir
from sqlforge.core.records import Metric
from sqlforge.score.api import ScoredFile, score_file
from sqlforge.score.statistics import bootstrap_difference, wilson

SYSTEMS = {"codes_1b": "spider_dev_codes-1b.jsonl", "codes_7b": "spider_dev_codes-7b.jsonl"}
PAIRS = 10_000
REPEATS = 5


def main() -> None:
    data = data_dir()
    if data is None or not (data / "verdicts").is_dir():
        sys.exit("name the folder with spider/ and verdicts/ in SQLFORGE_DATA_DIR")
    rows: list[ClaimRow] = []
    for name, file in SYSTEMS.items():
        lines = (data / "verdicts" / file).read_text(encoding="utf-8").splitlines()
        predicted = [" ".join(json.loads(line)["prediction"].split()) for line in lines]
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "pred.sql"
            path.write_text("\n".join(predicted) + "\n", encoding="utf-8")
            official = score_file(path, data, explained=True)
            strict = score_file(path, data, match="strict", explained=True)
        rows += _rows(name, official, strict)
    rows.append(_bootstrap())
    for row in rows:
        print(f"{row.name:<44} {row.value:10,.4g} {row.unit:<9} {row.bound or ''}")
    command = "python bench/strict_mode.py"
    print(write_claims("strict_mode", command=command, seed=1, rows=rows))


def _rows(name: str, official: ScoredFile, strict: ScoredFile) -> list[ClaimRow]:
    found = official.breakdown.mistakes
    assert found is not None
    pairs = list(zip(official.verdicts, strict.verdicts, strict=True))
    lost = sum(bool(o.execution) and not s.execution for o, s in pairs)
    luck = sum(s.exact and not o.execution for o, s in pairs)
    metrics = strict.summary.metrics
    return [
        _metric(f"{name}_official_execution", official.summary.execution_accuracy),
        _metric(f"{name}_strict_execution", metrics.execution_accuracy),
        _metric(f"{name}_strict_execution_with_rows", metrics.with_rows),
        _metric(f"{name}_official_exact_set", official.summary.exact_match),
        _metric(f"{name}_strict_exact_set", metrics.exact_match),
        ClaimRow(f"{name}_right_officially_wrong_strictly", lost),
        ClaimRow(f"{name}_same_parts_but_wrong", luck, bound="== 0"),
        _metric(
            f"{name}_failures_of_no_class",
            wilson(found.primary.get("other", 0), found.failures),
            "<= 0.02",
        ),
    ]


def _metric(name: str, metric: Metric, bound: str | None = None) -> ClaimRow:
    return ClaimRow(name, metric.value, "fraction", bound, metric.low, metric.high, metric.n)


def _bootstrap() -> ClaimRow:
    """The paired bootstrap of many examples; the best of several times."""
    rng = random.Random(1)
    base = [rng.random() < 0.7 for _ in range(PAIRS)]
    tuned = [b if rng.random() < 0.8 else rng.random() < 0.8 for b in base]
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        bootstrap_difference(base, tuned)
        best = min(best, time.perf_counter() - started)
    return ClaimRow("bootstrap_of_10000_pairs", best, "s", "<= 2", n=REPEATS)


if __name__ == "__main__":
    main()
