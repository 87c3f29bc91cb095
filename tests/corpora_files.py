"""Corpora in their published layouts, with rows written by hand or by a small rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

THINGS = (
    "shop ship lake farm club port film book song star road bank team game boat tree city room "
    "door lamp desk chair train plane coach"
).split()
COLUMNS = "price weight height owner colour origin depth score length rank".split()


def create_context_rows(count: int) -> list[dict[str, str]]:
    """Rows as sql-create-context has them: a context lists only the columns that are used.

    Three rows after each other ask about one schema.
    """
    rows = []
    for i in range(count):
        group = i // 3
        thing, column = THINGS[group % 25], COLUMNS[group // 25 % 10]
        other = COLUMNS[(group * 7 + 3) % 10]
        other = other if other != column else "number"
        table = f"{thing}_{group}"
        rows.append(
            {
                "question": f"What is the {column} of the {thing} whose {other} is above {i}?",
                "context": f"CREATE TABLE {table} ({column} VARCHAR, {other} INTEGER)",
                "answer": f"SELECT {column} FROM {table} WHERE {other} > {i}",
            }
        )
    return rows


def write_create_context(data_dir: Path, count: int = 40) -> Path:
    """``sql_create_context/sql_create_context_v4.json`` in ``data_dir``."""
    file = data_dir / "sql_create_context" / "sql_create_context_v4.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(create_context_rows(count), indent=1))
    return file


def gretel_rows() -> list[dict[str, Any]]:
    """Four rows with the eleven published columns: two queries, an INSERT and an UPDATE."""
    context = (
        "CREATE TABLE timber (id INT, region VARCHAR(20), volume FLOAT); "
        "INSERT INTO timber (id, region, volume) VALUES (1, 'North', 12.5), (2, 'South', 7);"
    )
    asked = [
        (
            "What is the total volume of timber in the north?",
            "SELECT SUM(volume) FROM timber WHERE region = 'North';",
            "aggregation",
            "analytics and reporting",
        ),
        (
            "Which regions sold within the last month?",
            "SELECT region FROM timber WHERE volume > 3 AND "
            "DATE_SUB(CURDATE(), INTERVAL 1 MONTH) < CURDATE();",
            "basic SQL",
            "data retrieval",
        ),
        (
            "Add a sale of 3 in the west.",
            "INSERT INTO timber (id, region, volume) VALUES (3, 'West', 3);",
            "basic SQL",
            "data manipulation",
        ),
        (
            "Double every volume.",
            "UPDATE timber SET volume = 2 * volume;",
            "basic SQL",
            "data manipulation",
        ),
    ]
    return [
        {
            "id": 5_000 + i,
            "domain": "forestry",
            "domain_description": "Timber sales and forests.",
            "sql_complexity": complexity,
            "sql_complexity_description": f"what {complexity} means",
            "sql_task_type": task,
            "sql_task_type_description": f"what {task} means",
            "sql_prompt": question,
            "sql_context": context,
            "sql": sql,
            "sql_explanation": "Says what the query does.",
        }
        for i, (question, sql, complexity, task) in enumerate(asked)
    ]


def write_gretel(data_dir: Path, split: str = "train") -> Path:
    """The published Parquet file of one split in ``data_dir``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = f"synthetic_text_to_sql_{split}.snappy.parquet"
    file = data_dir / "synthetic_text_to_sql" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(gretel_rows()), file, compression="snappy")
    return file
