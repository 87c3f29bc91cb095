"""How fast queries are executed and checked, on one warm worker and one thread.

Writes ``docs/results/score_speed.json``.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.records import Database
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.validity import check_validity

QUERIES = 20_000
CHECKS = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = small_shop(Path(folder) / "shop.sqlite")
        rows = [
            ClaimRow("sandbox_speed", executions(shop), "queries/s", ">= 5000", n=QUERIES),
            ClaimRow("validity_speed", _checks(shop), "checks/s", n=CHECKS),
        ]
    print_rows(rows)
    print(write_claims("score_speed", command="python bench/score_speed.py", seed=None, rows=rows))


def small_shop(path: Path) -> Database:
    """A database of one table with a hundred rows."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
    rows = [(i, f"Shop {i}", f"City {i % 7}") for i in range(100)]
    connection.executemany("INSERT INTO shop VALUES (?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return Database("shop", schema_from_sqlite(path), path)


def executions(shop: Database) -> float:
    """Sandboxed executions a second on one warm worker."""
    with Sandbox() as sandbox:
        sandbox.run(shop, "SELECT 1 FROM shop")
        queries = [(shop, f"SELECT name FROM shop WHERE id = {i % 100}") for i in range(QUERIES)]
        started = time.perf_counter()
        assert all(result.ok for result in sandbox.run_many(queries))
        return QUERIES / (time.perf_counter() - started)


def _checks(shop: Database) -> float:
    started = time.perf_counter()
    for i in range(CHECKS):
        assert check_validity(f"SELECT name FROM shop WHERE id = {i}", shop.schema).valid
    return CHECKS / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
