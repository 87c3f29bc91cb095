"""The scorer on Spider dev: agreement with the official evaluator, and time end to end.

Needs Spider and the official evaluator's verdicts on published predictions (``verdicts/``) in the
folder that ``SQLFORGE_DATA_DIR`` names. Writes ``docs/results/score.json``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from claims import ClaimRow, write_claims
from finished_run import print_rows
from score_speed import executions, small_shop
from sqlforge.core.paths import data_dir
from sqlforge.score import score_file

SYSTEMS = {"codes_1b": "spider_dev_codes-1b.jsonl", "codes_7b": "spider_dev_codes-7b.jsonl"}
RUNS = 9
VERDICTS = {"execution": "exec", "exact_set": "exact", "parsed": "parsed", "hardness": "hardness"}


def main() -> None:
    folder = data_dir()
    if folder is None or not (folder / "verdicts").is_dir():
        sys.exit("name the folder with spider/ and verdicts/ in SQLFORGE_DATA_DIR")
    official = {system: _rows(folder / "verdicts" / file) for system, file in SYSTEMS.items()}
    with tempfile.TemporaryDirectory() as temporary:
        files = {system: Path(temporary) / f"{system}.sql" for system in SYSTEMS}
        for system, file in files.items():
            file.write_text("".join(f"{row['prediction']}\n" for row in official[system]))
        rows = [*agreement(official, files, folder), *speed(files["codes_7b"], folder)]
        shop = small_shop(Path(temporary) / "shop.sqlite")
        rows.append(ClaimRow("sandbox_speed", executions(shop), "queries/s", ">= 5000"))
    print_rows(rows)
    print(write_claims("score", command="python bench/score.py", seed=None, rows=rows))


def agreement(
    official: dict[str, list[dict[str, Any]]], files: dict[str, Path], folder: Path
) -> list[ClaimRow]:
    """How often our verdicts differ from the official ones, and what they come to."""
    differing: Counter[str] = Counter()
    rows = []
    for system, file in files.items():
        scored = score_file(file, folder)
        for verdict, row in zip(scored.verdicts, official[system], strict=True):
            ours = (verdict.execution, verdict.exact, verdict.parsed, verdict.kind)
            for (name, key), value in zip(VERDICTS.items(), ours, strict=True):
                differing[name] += value != row[key]
        for name in ("execution_accuracy", "exact_match"):
            metric = getattr(scored.summary, name)
            rows.append(
                ClaimRow(
                    f"{system}_{name}",
                    metric.value,
                    "fraction",
                    low=metric.low,
                    high=metric.high,
                    n=metric.n,
                )
            )
    n = sum(map(len, official.values()))
    return [
        *(ClaimRow(f"{name}_differs", differing[name], "", "== 0", n=n) for name in VERDICTS),
        *rows,
    ]


def speed(predictions: Path, folder: Path) -> list[ClaimRow]:
    """Wall time of the whole command on Spider dev, Python's start included, and of ``--help``."""
    score = [sys.executable, "-m", "sqlforge", "score"]
    words = ["--benchmark", "spider", "--data-dir", str(folder), "--predictions", str(predictions)]
    written = predictions.with_suffix(".jsonl")
    whole = _seconds([*score, *words, "--verdicts", str(written)])
    pairs = len(written.read_text(encoding="utf-8").splitlines())
    return [
        ClaimRow("spider_seconds", statistics.median(whole), "s", "<= 1.5", n=RUNS),
        ClaimRow("spider_seconds_fastest", min(whole), "s", n=RUNS),
        ClaimRow("spider_pairs", pairs),
        ClaimRow("help_seconds", statistics.median(_seconds([*score, "--help"])), "s", "<= 0.5"),
    ]


def _seconds(command: list[str]) -> list[float]:
    subprocess.run(command, check=True, capture_output=True)  # unpacks, compiles, reads once
    found = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - started)
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
