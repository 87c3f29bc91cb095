"""A small library database with every kind of constraint, and a sandbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlforge.core.records import Database
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Sandbox

FIXTURES = Path(__file__).parents[2] / "fixtures" / "suite"


def pairs(name: str) -> list[tuple[str, str]]:
    """Gold and prediction of each case."""
    return [tuple(pair) for pair in json.loads((FIXTURES / name).read_text("utf-8"))]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("library") / "library.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((FIXTURES / "library.sql").read_text("utf-8"))
    connection.close()
    return Database("library", schema_from_sqlite(path), path)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox
