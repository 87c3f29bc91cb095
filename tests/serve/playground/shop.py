"""A small shop with everything the page has to show, hostile names and values included."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

HOSTILE = "<img src=x onerror=\"window.executed='cell'\">"
HOSTILE_TABLE = "<img src=y onerror=window.executed=1>"
BIG = 9007199254740993  # beyond what a JavaScript number holds
_DDL = f"""
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, since DATE);
CREATE TABLE products (id INTEGER PRIMARY KEY, title TEXT, category TEXT, price REAL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id),
                     product_id INTEGER REFERENCES products (id), quantity INTEGER,
                     ordered_on DATE, note TEXT);
CREATE TABLE "{HOSTILE_TABLE}" ("<b>id</b>" INTEGER PRIMARY KEY, "a ""quoted"" name" TEXT);
CREATE TABLE ledger (id INTEGER PRIMARY KEY, big INTEGER, note TEXT);
"""
_NAMES = "Ada Bo Cleo Dag Eli Finn Greta Hana Ivo Jon Kai Lena Mads Nora Olav Pia".split()
_CITIES = ("Oslo", "Bergen", "Tromsø", "Bodø", None)
_GOODS = (
    ("Lamp", "light", 49.5), ("Desk", "furniture", 310.0), ("Chair", "furniture", 129.0),
    ("Rug", "textile", 88.25), ("Clock", "decor", 35.0), ("Vase", "decor", 22.9),
)  # fmt: skip


def make(file: Path) -> Path:
    """Writes the shop, the same every time."""
    rng = random.Random(11)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(_DDL)
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, ?, ?)",
            [(i, f"{n} Berg", rng.choice(_CITIES), f"2022-{1 + i % 12:02d}-05")
             for i, n in enumerate(_NAMES, 1)],
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO products VALUES (?, ?, ?, ?)",
            [(i, *good) for i, good in enumerate(_GOODS, 1)],
        )
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, NULL)",
            [(i, rng.randint(1, 16), rng.randint(1, 6), rng.randint(1, 5),
              f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}")
             for i in range(1, 2501)],
        )  # fmt: skip
        connection.executemany(
            f'INSERT INTO "{HOSTILE_TABLE}" VALUES (?, ?)', [(1, HOSTILE), (2, "plain")]
        )
        connection.executemany(
            "INSERT INTO ledger VALUES (?, ?, ?)",
            [
                (1, BIG, '=HYPERLINK("http://evil")'),
                (2, None, 'a "quote", and\na line'),
                (3, -5, ""),
            ],
        )
        connection.commit()
    return file
