"""A small database on disk, beside a table that does not belong to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlforge.core.records import Database
from sqlforge.core.schema import Schema
from sqlforge.database.introspect import schema_from_sqlite

DDL = """
CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE sale (
    id INTEGER, line INTEGER, shop_id INTEGER REFERENCES shop, amount REAL, note TEXT,
    PRIMARY KEY (id, line), FOREIGN KEY (shop_id) REFERENCES shop (id)
);
CREATE TABLE secret (word TEXT);
CREATE VIEW big_sale AS SELECT id, amount FROM sale WHERE amount > 10;
CREATE VIEW leak AS SELECT word FROM secret;
INSERT INTO secret VALUES ('hidden');
"""


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "shop #1?.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(DDL)
    cities = ("Oslo", "Bergen", None)
    shops = [(i, f"Shop {i}", cities[i % 3]) for i in range(30)]
    connection.executemany("INSERT INTO shop VALUES (?, ?, ?)", shops)
    sales = [(i, 1, i % 30, i * 0.5, None) for i in range(100)]
    connection.executemany("INSERT INTO sale VALUES (?, ?, ?, ?, ?)", sales)
    connection.execute("UPDATE sale SET note = CAST(x'41ff42' AS TEXT) WHERE id = 7")
    connection.commit()
    connection.close()
    return path


@pytest.fixture(scope="session")
def shop(shop_file: Path) -> Database:
    schema = schema_from_sqlite(shop_file)
    own = tuple(t for t in schema.tables if t.name in ("shop", "sale", "big_sale"))
    return Database("shop", Schema(own), shop_file)
