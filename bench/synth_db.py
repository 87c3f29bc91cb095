"""``sqlforge synth --db`` on every Spider database, on WikiSQL tables, and on ten million rows.

Every gold is executed once more by a plain SQLite connection; ``docs/results/synth_db.json`` says
what came out.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows, read_json
from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.corpus.synthetic.generate import is_empty
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.stages.synth import synth_database

TIMED = 24  # databases from which 2,000 questions are asked for, evenly drawn by name
PAGES = """
CREATE TABLE visit (id INTEGER PRIMARY KEY, page TEXT, visitor_id INTEGER REFERENCES visitor (id),
  seconds INTEGER, seen_on DATE);
CREATE TABLE visitor (id INTEGER PRIMARY KEY, name TEXT, country TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {visitors})
  INSERT INTO visitor SELECT i, 'Visitor ' || i, 'Country ' || (i % 40) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {visits})
  INSERT INTO visit SELECT i, 'page ' || (i * 7919 % 300), 1 + i * 31 % {visitors},
  i * 37 % 900, date('2020-01-01', (i % 1400) || ' days') FROM n;
"""


@dataclass
class Found:
    """What came out, summed over databases."""

    done: int = 0
    without_rows: int = 0
    questions: int = 0
    failing: int = 0
    empty: int = 0
    short: list[str] = field(default_factory=list)
    tables: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    inferred: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, default=200, help="questions a database")
    parser.add_argument("--tables", type=int, default=300, help="WikiSQL tables")
    parser.add_argument("--visits", type=int, default=10_000_000, help="rows of the large table")
    asked = parser.parse_args()
    spider = {
        db_id: database
        for split in ("train", "dev")
        for db_id, database in read_spider(asked.data_dir, split).dataset.databases.items()
        if database.path is not None
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = of_all("spider", [d.path for d in spider.values() if d.path], asked.n, folder)
        wiki = read_wikisql(asked.data_dir, "train").dataset.databases
        files = [single(database, folder) for database in islice(wiki.values(), asked.tables)]
        rows += of_all("wikisql", files, 30, folder)
        rows += timed([d.path for _, d in sorted(spider.items()) if d.path], folder)
        rows.append(large(asked.visits, folder))
    print_rows(rows)
    command = "python bench/synth_db.py --data-dir DIR"
    print(write_claims("synth_db", command=command, seed=7, rows=rows))


def of_all(name: str, files: list[Path], n: int, folder: Path) -> list[ClaimRow]:
    """Questions about each database, every gold executed once more."""
    found = Found()
    for number, file in enumerate(files):
        out = folder / f"{name}-{number}"
        try:
            facts = synth_database(str(file), out, n=n, seed=7)
        except DatabaseError as empty:
            if "nothing can be asked" not in str(empty):
                raise
            found.without_rows += 1
            continue
        look_at(out, file, n, found)
        print(f"{name} {number + 1}/{len(files)} {file.stem}: {facts['questions']}", flush=True)
    print(f"fewer than {n}: {', '.join(found.short) or 'none'}; kinds: {dict(found.kinds)}")
    tables, columns = (c["asked"] / c["of"] for c in (found.tables, found.columns))
    with_rows = len(files) - found.without_rows
    return [
        ClaimRow(f"{name}_databases", len(files)),
        ClaimRow(f"{name}_databases_done", found.done, bound=f"== {with_rows}"),
        ClaimRow(f"{name}_databases_without_rows", found.without_rows),
        ClaimRow(f"{name}_databases_with_fewer_questions", len(found.short)),
        ClaimRow(f"{name}_questions", found.questions),
        ClaimRow(f"{name}_golds_failing", found.failing, bound="== 0", n=found.questions),
        ClaimRow(
            f"{name}_golds_empty", found.empty / found.questions, "fraction", "<= 0.05",
            n=found.questions,
        ),
        ClaimRow(f"{name}_tables_covered", tables, "fraction", ">= 0.95", n=found.tables["of"]),
        ClaimRow(f"{name}_columns_covered", columns, "fraction", ">= 0.95", n=found.columns["of"]),
        ClaimRow(f"{name}_references_inferred", found.inferred),
    ]  # fmt: skip


def look_at(out: Path, file: Path, n: int, found: Found) -> None:
    """Execute the golds by a plain connection and count."""
    summary = read_json(out / "summary.json")
    found.done += 1
    found.inferred += len(summary["inferred_references"])
    if summary["questions"] < n:
        found.short.append(f"{file.stem} ({summary['questions']})")
    found.kinds.update(summary["kinds"])
    for what, counts in (("tables", found.tables), ("columns", found.columns)):
        counts.update(summary["covered"][what])
    (database,) = read_databases(out / "databases.jsonl").values()
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "ignore")
        for part in ("train", "validation", "test"):
            for example in read_examples(out / f"{part}.jsonl"):
                found.questions += 1
                try:
                    found.empty += is_empty(connection.execute(example.sql).fetchall())
                except sqlite3.Error:
                    found.failing += 1


def single(database: Database, folder: Path) -> Path:
    """One WikiSQL table as a database file of its own."""
    (table,) = database.schema.tables
    file = folder / f"{table.name}.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ATTACH ? AS whole", (str(database.path),))
        connection.execute(f'CREATE TABLE "{table.name}" AS SELECT * FROM whole."{table.name}"')
        connection.commit()
    return file


def timed(files: list[Path], folder: Path) -> list[ClaimRow]:
    """Seconds for 2,000 questions about each of some databases with rows."""
    seconds: list[float] = []
    made: list[int] = []
    for file in files[:: max(1, len(files) // TIMED)]:
        started = time.perf_counter()
        try:
            facts = synth_database(str(file), folder / f"timed-{file.stem}", n=2000, seed=7)
        except DatabaseError:
            continue
        seconds.append(time.perf_counter() - started)
        made.append(int(str(facts["questions"])))
        print(f"{file.stem}: {made[-1]} in {seconds[-1]:.1f} s", flush=True)
    full = [s for s, n in zip(seconds, made, strict=True) if n == 2000]
    return [
        ClaimRow("seconds_for_2000", statistics.median(full), "s", "<= 15", n=len(full)),
        ClaimRow("seconds_for_2000_slowest", max(full), "s", n=len(full)),
        ClaimRow("databases_that_give_2000", len(full) / len(made), "fraction", n=len(made)),
    ]


def large(visits: int, folder: Path) -> ClaimRow:
    """Seconds for 500 questions about a database with ten million rows, made here first."""
    file = folder / "large.sqlite"
    print(f"writing {visits:,} rows", flush=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.executescript(PAGES.format(visitors=max(10, visits // 20), visits=visits))
        connection.commit()
    started = time.perf_counter()
    facts = synth_database(str(file), folder / "large", n=500, seed=7)
    seconds = time.perf_counter() - started
    print(f"large: {facts['questions']} in {seconds:.1f} s", flush=True)
    return ClaimRow("seconds_for_500_on_large_table", seconds, "s", "<= 60", n=visits)


if __name__ == "__main__":
    main()
