"""A small shop database with rows, for judging."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlforge.core.records import Database
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Limits, Sandbox

DDL = """
CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE sale (id INTEGER PRIMARY KEY, shop_id INTEGER REFERENCES shop (id),
                   amount REAL, note TEXT);
INSERT INTO shop VALUES (1, 'Anker', 'Oslo'), (2, 'Bro', 'Bergen'), (3, 'Dal', 'Oslo');
INSERT INTO sale VALUES (1, 1, 10.0, 'a'), (2, 1, 5.0, NULL), (3, 2, 10.0, 'c');
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("score") / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(DDL)
    connection.close()
    return Database("shop", schema_from_sqlite(path), path)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=0.3)) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return Path(__file__).parents[1] / "fixtures"
