"""How long a question takes: inside ``sqlforge ask --chat``, and as a process of its own.

A shop of four tables and some thousand rows is made in a temporary folder and asked twenty
questions. The first question of a chat pays for reading the schema; it is counted too. Asked is the
untuned model, and with ``--model RUN`` a tuned one beside it, merged and as an adapter. Run it on a
quiet machine; writes ``docs/results/ask.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console

from claims import ClaimRow, write_claims
from sqlforge.core.decoding import Decoding
from sqlforge.core.environment import let_threads_sleep
from sqlforge.core.run_dir import recipe_of_model
from sqlforge.serve.answering import Answerer
from sqlforge.serve.patience import Patience
from sqlforge.stages.ask import chat

MODEL = "smollm2-135m"
SCHEMA = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined DATE);
CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT, price REAL, stock INTEGER);
CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id),
                       placed_on DATE, channel TEXT);
CREATE TABLE line (purchase_id INTEGER REFERENCES purchase (id),
                   product_id INTEGER REFERENCES product (id), quantity INTEGER);
"""
QUESTIONS = (
    "How many customers are there?",
    "Which customers live in Bergen?",
    "And in Oslo?",
    "What is the most expensive product?",
    "How many purchases were made through the web channel?",
    "List the titles of products that cost more than 200.",
    "What is the average price of a product?",
    "Which customers spent the most in 2024?",
    "How many customers live in each city?",
    "What is the total stock of all products?",
    "Show the names of customers who joined after 2022.",
    "Which product was sold most often?",
    "How many different channels are there?",
    "What is the smallest quantity of a line?",
    "Which cities have more than 30 customers?",
    "List the titles of products that are out of stock.",
    "How many lines does purchase 17 have?",
    "Which customers have never bought anything?",
    "What is the name of the customer with id 5?",
    "How many purchases were placed in 2023?",
)


def make_shop(path: Path) -> None:
    rng = random.Random(3)
    cities = ("Oslo", "Bergen", "Bath", "Ayr", "Hamar")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        for n in range(1, 201):
            row = (n, f"Customer {n}", rng.choice(cities), f"20{rng.randint(18, 24)}-03-01")
            connection.execute("INSERT INTO customer VALUES (?, ?, ?, ?)", row)
        for n in range(1, 101):
            row = (n, f"Thing {n}", round(rng.uniform(1, 400), 2), rng.randint(0, 50))
            connection.execute("INSERT INTO product VALUES (?, ?, ?, ?)", row)
        for n in range(1, 2001):
            day = f"202{rng.randint(2, 4)}-{rng.randint(1, 12):02}-15"
            channel = rng.choice(("web", "phone", "store"))
            row = (n, rng.randint(1, 190), day, channel)
            connection.execute("INSERT INTO purchase VALUES (?, ?, ?, ?)", row)
            line = (n, rng.randint(1, 100), rng.randint(1, 9))
            connection.execute("INSERT INTO line VALUES (?, ?, ?)", line)
        connection.commit()


def warm(model: str, db: Path) -> list[float]:
    """Seconds of each question in one conversation, with what ``ask`` takes unless told."""
    asked = iter((*QUESTIONS, "quit"))
    seconds = []
    decoding = Decoding(constrain="schema")
    patience = Patience.told(1.9, None)  # the default of ask and of serve
    with Answerer.open(
        model, str(db), decoding, max_rows=100, timeout_s=2, patience=patience
    ) as answerer:
        for answer in chat(
            answerer, Console(quiet=True), lambda: next(asked), first=None, explain=False
        ):
            seconds.append(answer.seconds)
            sql = " ".join((answer.sql or "").split())
            print(f"{answer.seconds:6.2f} s  {answer.question}  {sql}")
    assert len(seconds) == len(QUESTIONS)
    return seconds


def cold(model: str, db: Path) -> float:
    """Seconds of a whole process that answers one question."""
    started = time.monotonic()
    command = [sys.executable, "-m", "sqlforge", "ask", "--db", str(db), "--model", model]
    subprocess.run([*command, QUESTIONS[0]], check=True, capture_output=True)
    return time.monotonic() - started


def measured(model: str, db: Path, processes: int, prefix: str = "") -> list[ClaimRow]:
    """The figures of one model."""
    seconds = warm(model, db)
    alone = [cold(model, db) for _ in range(processes)]
    within, n = sum(s < 2 for s in seconds) / len(seconds), len(seconds)
    return [
        ClaimRow(f"{prefix}median_in_chat", statistics.median(seconds), "s", "< 2", n=n),
        ClaimRow(f"{prefix}slowest_in_chat", max(seconds), "s", "< 2", n=n),
        ClaimRow(f"{prefix}within_two_seconds", within, "fraction", ">= 1", n=n),
        ClaimRow(f"{prefix}first_in_chat", seconds[0], "s", "< 2"),
        ClaimRow(f"{prefix}cold_process", statistics.median(alone), "s", "<= 8", n=processes),
    ]


def trained(run: Path) -> str:
    """How the model of a run came about: it is not among the sources."""
    told = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    recipe = recipe_of_model(run)
    assert recipe is not None
    return (
        f"{recipe.model.name} tuned with recipes/{recipe.name}.yaml by {recipe.train.method} on "
        f"{told['training']['examples']:,} examples, as docs/results/real_data.json says "
        f"(commit {told['environment']['commit']}, {told['trained_on']})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="Folder of a run: its models are asked, too.")
    parser.add_argument("--processes", type=int, default=5)
    asked = parser.parse_args()
    run: Path | None = asked.model
    let_threads_sleep()
    from sqlforge.model.quiet import quiet_libraries

    quiet_libraries()
    models, told = {"": MODEL}, {"untuned": MODEL}
    if run is not None:
        for part in ("merged", "adapter"):
            models[f"tuned_{part}_"] = str(run / part)
            told[f"tuned_{part}"] = f"{part} of {trained(run)}"
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "shop.db"
        make_shop(db)
        rows = [
            row
            for prefix, model in models.items()
            for row in measured(model, db, asked.processes, prefix)
        ]
    command = "python bench/ask.py" + (" --model RUN" if run is not None else "")
    write_claims("ask", command=command, seed=3, rows=rows, measured=told)


if __name__ == "__main__":
    main()
