"""Gretel's synthetic text-to-SQL: 100,000 training rows of 100 domains, 5,851 test rows.

Published as ``gretelai/synthetic_text_to_sql`` with eleven columns, of which the question
(``sql_prompt``), the DDL with a few rows (``sql_context``), the SQL, its complexity, domain and
task type are kept. Its SQL follows no single dialect, and some of it are statements that change
data or tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sqlforge.corpus.files import OnBadRow, SkippedRow
from sqlforge.corpus.published import Layout, find_published
from sqlforge.corpus.raw import RawRow, Source
from sqlforge.corpus.rows import Columns

NAME = "gretel"
LICENCE = "Apache-2.0"
PUBLISHED_ROWS = {"train": 100_000, "test": 5_851}
_DIALECTS = ("", "mysql", "postgres", "sqlite", "tsql", "bigquery", "snowflake", "oracle")
LAYOUT = Layout(
    hub="gretelai/synthetic_text_to_sql",
    folders=(
        "synthetic_text_to_sql",
        "gretel",
        "gretelai/synthetic_text_to_sql",
        "gretel_synthetic_text_to_sql",
    ),
    stems={
        split: (f"synthetic_text_to_sql_{split}*", split, f"{split}-*", f"data/{split}-*")
        for split in ("train", "test")
    },
    columns=Columns(
        ("sql_prompt", "sql_context", "sql", "sql_complexity", "domain", "sql_task_type")
    ),
)


def open_gretel(
    data_dir: Path | None,
    split: Literal["train", "test"] = "train",
    *,
    path: Path | None = None,
    revision: str | None = None,
    on_bad_row: OnBadRow = "stop",
) -> Source:
    """Open one split from local files in the published layout, or else from the hub.

    Args:
        data_dir: the folder above the corpus's own (``synthetic_text_to_sql/``, say).
        split: the published split.
        path: its file, wherever it lies.
        revision: a commit of the hub's data set.
        on_bad_row: what to do at a malformed row.

    Returns:
        Rows ``gretel-train-000000``, … numbered by their place; ``kind`` is the published
        complexity, ``tags`` hold ``domain`` and ``task_type``.

    Raises:
        DataError: nothing is at hand and the hub does not answer, or a column is missing.
    """
    place = find_published(LAYOUT, split, data_dir, path=path, revision=revision)

    def rows(skipped: list[SkippedRow]) -> Iterator[RawRow]:
        for position, row in place.rows(on_bad_row, skipped):
            tags = (("domain", row["domain"]), ("task_type", row["sql_task_type"]))
            yield RawRow(
                f"{NAME}-{split}-{position:06d}",
                row["sql_prompt"],
                row["sql"],
                ddl=row["sql_context"],
                kind=row["sql_complexity"] or None,
                tags=tuple((name, text) for name, text in tags if text),
            )

    return Source(NAME, LICENCE, _DIALECTS, place.digest, rows, count=place.count)
