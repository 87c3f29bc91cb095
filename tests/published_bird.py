"""A tiny data set in BIRD's published layout, written by hand."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

QUESTIONS: list[dict[str, Any]] = [
    {
        "question_id": 0,
        "db_id": "clinic",
        "question": "How many patients are  minors?",
        "evidence": "minors refers to age < 18",
        "SQL": "SELECT COUNT(*) FROM patient WHERE age < 18",
        "difficulty": "simple",
    },
    {
        "question_id": 1,
        "db_id": "clinic",
        "question": "Which wards have patients?",
        "evidence": "",
        "SQL": "SELECT T1.`Ward Name` FROM ward AS T1 JOIN patient AS T2 ON T1.id = T2.ward",
        "difficulty": "moderate",
    },
    {
        "question_id": 2,
        "db_id": "harbour",
        "question": "List the ships with their tonnage.",
        "evidence": "",
        "SQL": "SELECT name, gt FROM ship ORDER BY gt",
        "difficulty": "challenging",
    },
]
DDL = {
    "clinic": """
        CREATE TABLE ward (id INTEGER PRIMARY KEY, `Ward Name` TEXT);
        CREATE TABLE patient (id INTEGER PRIMARY KEY, ward INTEGER REFERENCES ward (id), age REAL);
        INSERT INTO ward VALUES (1, 'North'), (2, 'South'), (3, 'Empty');
        INSERT INTO patient VALUES (1, 1, 12), (2, 1, 40), (3, 2, 17.5);
    """,
    "harbour": """
        CREATE TABLE ship (name TEXT PRIMARY KEY, gt INTEGER);
        INSERT INTO ship VALUES ('Anker', 900), ('Bro', 700);
    """,
}
HEADER = "original_column_name,column_name,column_description,data_format,value_description\n"
DESCRIPTIONS: dict[str, dict[str, bytes]] = {
    "clinic": {
        "patient.csv": ("\ufeff" + HEADER + "age,age,age at admission,real,\nward,,,,\n").encode(),
        "Ward.csv": (HEADER + " Ward Name ,name of the ward,Stra\u00dfe,text,\n").encode("cp1252"),
    },
    "harbour": {"ship.csv": (HEADER + "gt,gross tonnage,\0gross tonnage of the ship,,\n").encode()},
}
TABLES: list[dict[str, Any]] = [
    {
        "db_id": "clinic",
        "table_names_original": ["ward", "patient"],
        "table_names": ["ward", "patient"],
        "column_names_original": [
            [-1, "*"],
            [0, "id"],
            [0, "Ward Name"],
            [1, "id"],
            [1, "ward"],
            [1, "age"],
        ],
        "column_names": [
            [-1, "*"],
            [0, "id"],
            [0, "Ward Name"],
            [1, "patient number"],
            [1, "ward number"],
            [1, "age"],
        ],
        "column_types": ["text", "integer", "text", "integer", "integer", "real"],
        "primary_keys": [1, 3],
        "foreign_keys": [[4, 1]],
    },
    {
        "db_id": "harbour",
        "table_names_original": ["ship"],
        "table_names": ["ship"],
        "column_names_original": [[-1, "*"], [0, "name"], [0, "gt"]],
        "column_names": [[-1, "*"], [0, "name"], [0, "gt"]],
        "column_types": ["text", "text", "integer"],
        "primary_keys": [1],
        "foreign_keys": [],
    },
]


def write_tiny_bird(folder: Path, split: str = "dev") -> Path:
    """BIRD's files as its archive unpacks them, with three questions on two databases."""
    prefix = "train" if split == "train" else "dev"
    folder.mkdir(parents=True, exist_ok=True)
    name = "mini_dev_sqlite.json" if split == "mini_dev" else f"{split}.json"
    (folder / name).write_text(json.dumps(QUESTIONS, indent=1))
    (folder / f"{prefix}_tables.json").write_text(json.dumps(TABLES))
    for db_id, ddl in DDL.items():
        home = folder / f"{prefix}_databases" / db_id
        (home / "database_description").mkdir(parents=True)
        with sqlite3.connect(home / f"{db_id}.sqlite") as connection:
            connection.executescript(ddl)
        connection.close()
        for file, content in DESCRIPTIONS[db_id].items():
            (home / "database_description" / file).write_bytes(content)
    return folder
