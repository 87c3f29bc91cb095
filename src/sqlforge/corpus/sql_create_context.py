"""sql-create-context: 78,577 questions with the CREATE TABLE statements that they need.

Published as ``b-mc2/sql-create-context`` with the columns ``question``, ``context`` and
``answer``. It is made out of WikiSQL and Spider, their dev and test questions included, and a
context lists only the columns that the query uses: train on it after an audit, and believe no
score on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlforge.corpus.files import OnBadRow, SkippedRow
from sqlforge.corpus.published import Layout, find_published
from sqlforge.corpus.raw import RawRow, Source
from sqlforge.corpus.rows import Columns

NAME = "sql-create-context"
LICENCE = "CC-BY-4.0"
PUBLISHED_ROWS = 78_577
LAYOUT = Layout(
    hub="b-mc2/sql-create-context",
    folders=("sql_create_context", "sql-create-context", "b-mc2/sql-create-context"),
    stems={"train": ("sql_create_context_v4*", "train", "train-*", "data/train-*")},
    columns=Columns(("question", "context", "answer")),
)


def open_sql_create_context(
    data_dir: Path | None,
    *,
    path: Path | None = None,
    revision: str | None = None,
    on_bad_row: OnBadRow = "stop",
) -> Source:
    """Open the corpus from local files in the published layout, or else from the hub.

    Args:
        data_dir: the folder above the corpus's own (``sql_create_context/``, say).
        path: its file, wherever it lies.
        revision: a commit of the hub's data set.
        on_bad_row: what to do at a malformed row.

    Returns:
        Rows ``sql-create-context-000000``, … numbered by their place.

    Raises:
        DataError: nothing is at hand and the hub does not answer, or a column is missing.
    """
    place = find_published(LAYOUT, "train", data_dir, path=path, revision=revision)

    def rows(skipped: list[SkippedRow]) -> Iterator[RawRow]:
        for position, row in place.rows(on_bad_row, skipped):
            yield RawRow(
                f"{NAME}-{position:06d}", row["question"], row["answer"], ddl=row["context"]
            )

    return Source(NAME, LICENCE, ("sqlite",), place.digest, rows, count=place.count)
