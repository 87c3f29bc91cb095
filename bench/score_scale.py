"""Scoring 10,000 and 100,000 predictions: time and memory from the command line, end to end.

The data set is made up in Spider's published layout: forty databases of a few hundred rows and
questions over them, a tenth of the predictions wrong, a hundredth no SQL. Writes
``docs/results/score_scale.json``.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from claims import ClaimRow, write_claims
from finished_run import print_rows

SMALL, LARGE = 10_000, 100_000
DATABASES, ROWS = 40, 300
SEED = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _score(folder, 100)  # reads the package from the disk once
        seconds, peak = {}, {}
        for count in (SMALL, LARGE):
            seconds[count], peak[count] = _score(folder, count)
    rate = LARGE / seconds[LARGE]
    rows = [
        ClaimRow("small_seconds", seconds[SMALL], "s", n=SMALL),
        ClaimRow("large_seconds", seconds[LARGE], "s", n=LARGE),
        ClaimRow("time_ratio", seconds[LARGE] / seconds[SMALL], "", "<= 11"),
        ClaimRow("rate", rate, "predictions/s", n=LARGE),
        ClaimRow("small_peak", peak[SMALL], "MB", n=SMALL),
        ClaimRow("large_peak", peak[LARGE], "MB", n=LARGE),
        ClaimRow("memory_ratio", peak[LARGE] / peak[SMALL], "", "<= 1.5"),
    ]
    print_rows(rows)
    print(write_claims("score_scale", command="python bench/score_scale.py", seed=SEED, rows=rows))


def _score(folder: Path, count: int) -> tuple[float, float]:
    """Seconds and peak memory in MB of ``sqlforge score`` on ``count`` made-up predictions."""
    data = folder / str(count)
    _write_benchmark(data, count)
    command = [sys.executable, "-m", "sqlforge", "score", "--benchmark", "spider"]
    command += ["--data-dir", str(data), "--predictions", str(data / "pred.txt")]
    command += ["--verdicts", str(data / "verdicts.jsonl"), "--json", str(data / "scores.json")]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    assert status == 0, f"sqlforge score ended with {status}"
    scores = json.loads((data / "scores.json").read_text())
    assert scores["n"] == count
    assert 0.8 < scores["metrics"]["execution_accuracy"]["value"] < 1.0
    return seconds, _megabytes(usage)


def _megabytes(usage: resource.struct_rusage) -> float:
    """Peak memory of the scorer itself; its sandbox's workers have limits of their own."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _write_benchmark(folder: Path, count: int) -> None:
    choose = random.Random(SEED)
    folder.mkdir()
    names = [f"shop_{i}" for i in range(DATABASES)]
    (folder / "tables.json").write_text(json.dumps([_entry(name) for name in names]))
    for name in names:
        _write_database(folder / "database" / name / f"{name}.sqlite", choose)
    questions, predictions = [], []
    for i in range(count):
        name, gold = names[i * DATABASES // count], _query(choose)
        questions.append({"db_id": name, "question": f"Question {i}?", "query": gold})
        predictions.append(gold if choose.random() >= 0.1 else _wrong(gold, choose))
    (folder / "dev.json").write_text(json.dumps(questions))
    (folder / "pred.txt").write_text("\n".join(predictions) + "\n")


def _query(choose: random.Random) -> str:
    city, amount, shop = choose.randrange(20), choose.randrange(500), choose.randrange(ROWS)
    return choose.choice(
        [
            f"SELECT name FROM shop WHERE id = {shop}",
            f"SELECT count(*) FROM shop WHERE city = 'City {city}' AND id < {shop}",
            f"SELECT T1.name FROM shop AS T1 JOIN sale AS T2 ON T1.id = T2.shop_id "
            f"WHERE T2.amount > {amount}",
            f"SELECT city, count(*) FROM shop WHERE id > {shop} GROUP BY city ORDER BY city",
        ]
    )


def _wrong(gold: str, choose: random.Random) -> str:
    if choose.random() < 0.1:
        return "There is no such shop."
    return gold.replace("SELECT ", "SELECT id, ", 1)


def _write_database(path: Path, choose: random.Random) -> None:
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
    connection.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, shop_id INTEGER, amount REAL)")
    shops = [(i, f"Shop {i}", f"City {i % 20}") for i in range(ROWS)]
    connection.executemany("INSERT INTO shop VALUES (?, ?, ?)", shops)
    sales = [(i, choose.randrange(ROWS), float(i)) for i in range(ROWS)]
    connection.executemany("INSERT INTO sale VALUES (?, ?, ?)", sales)
    connection.commit()
    connection.close()


def _entry(name: str) -> dict[str, Any]:
    columns = [[0, "id"], [0, "name"], [0, "city"], [1, "id"], [1, "shop_id"], [1, "amount"]]
    return {
        "db_id": name,
        "table_names_original": ["shop", "sale"],
        "table_names": ["shop", "sale"],
        "column_names_original": [[-1, "*"], *columns],
        "column_names": [[-1, "*"], *columns],
        "column_types": ["text", "number", "text", "text", "number", "number", "number"],
        "primary_keys": [1, 4],
        "foreign_keys": [],
    }


if __name__ == "__main__":
    main()
