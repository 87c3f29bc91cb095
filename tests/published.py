"""A tiny data set in Spider's published layout, written by hand."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

TABLES: dict[str, Any] = {
    "table_names_original": ["client"],
    "table_names": ["client"],
    "column_names_original": [[-1, "*"], [0, "id"], [0, "city"]],
    "column_names": [[-1, "*"], [0, "id"], [0, "city"]],
    "column_types": ["text", "number", "text"],
    "primary_keys": [1],
    "foreign_keys": [],
}
QUESTIONS = [
    ("How many clients?", "SELECT count(*) FROM client"),
    ("Which cities?", "SELECT DISTINCT city FROM client"),
]


def rows(db_id: str) -> list[dict[str, str]]:
    """Two questions about one database; those about ``farm`` are asked otherwise."""
    ending = " does the farm have, old and new ones" if db_id == "farm" else ""
    return [
        {"db_id": db_id, "question": asked.replace("?", ending + "?"), "query": sql}
        for asked, sql in QUESTIONS
    ]


def write_tiny_spider(folder: Path) -> Path:
    """Spider's files with two questions on ``shop`` (dev), ``bank`` and ``farm`` (train)."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("shop", "bank", "farm")
    (folder / "tables.json").write_text(json.dumps([{"db_id": name, **TABLES} for name in names]))
    (folder / "dev.json").write_text(json.dumps(rows("shop"), indent=1))
    (folder / "train_spider.json").write_text(json.dumps(rows("bank") + rows("farm"), indent=1))
    for name in names:
        file = folder / "database" / name / f"{name}.sqlite"
        file.parent.mkdir(parents=True)
        with sqlite3.connect(file) as connection:
            connection.executescript(
                "CREATE TABLE client (id INT PRIMARY KEY, city TEXT);"
                "INSERT INTO client VALUES (1, 'Bath'), (2, 'Ayr');"
            )
        connection.close()
    return folder
