"""Spider as a benchmark: its questions with their official hardness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlforge.core.errors import DataError, GoldError
from sqlforge.core.records import Dataset, Example
from sqlforge.core.spool import spooled
from sqlforge.corpus.files import open_text
from sqlforge.corpus.spider import read_spider, spider_databases
from sqlforge.score.official.rules import grader
from sqlforge.score.official.tokens import UnreadableError


def load_spider(
    data_dir: Path, split: Literal["train", "dev"], *, skip_bad_gold: bool = False
) -> Dataset:
    """One split of Spider; ``kind`` is easy, medium, hard or extra.

    Raises:
        DataError: as :func:`sqlforge.corpus.spider.read_spider`.
        GoldError: a gold query cannot be read, unless ``skip_bad_gold`` leaves its ``kind`` open.
    """
    return with_kinds(read_spider(data_dir, split).dataset, must=not skip_bad_gold)


def load_gold_file(gold: Path, data_dir: Path, *, skip_bad_gold: bool = False) -> Dataset:
    """Golds as Spider's evaluator takes them: a line ``SQL``, tab, name of the database.

    Args:
        gold: the file; its examples are called ``gold-0000``, … by their lines.
        data_dir: the folder with ``tables.json`` and ``database/``, or the one above it.
        skip_bad_gold: as in :func:`load_spider`.

    Raises:
        DataError: a file is missing, a line has another form, or names an unknown database.
        GoldError: as in :func:`load_spider`.
    """
    examples = spooled(_golds(gold))
    databases = spider_databases(data_dir, {example.db_id for example in examples})
    return with_kinds(Dataset(gold.name, examples, databases), must=not skip_bad_gold)


def with_kinds(dataset: Dataset, *, must: bool) -> Dataset:
    """``dataset`` with each example's hardness as its ``kind``.

    Raises:
        GoldError: a gold cannot be read, and ``must``; else its ``kind`` is left open.
    """
    graders = {name: grader(database) for name, database in dataset.databases.items()}
    graded = (_graded(example, graders[example.db_id], must) for example in dataset.examples)
    return replace(dataset, examples=spooled(graded))


def _graded(example: Example, grade: Callable[[str], str], must: bool) -> Example:
    try:
        return replace(example, kind=grade(example.sql))
    except UnreadableError as fault:
        if not must:
            return example
        raise GoldError(example.id, example.sql, f"it cannot be read: {fault}") from fault


def _golds(path: Path) -> Iterator[Example]:
    with open_text(path) as file:
        lines = [line.strip() for line in file]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise DataError(f"no gold in {path}", "a line for each example", "check the file")
    for number, line in enumerate(lines):
        sql, _, db_id = line.partition("\t")
        if not db_id.strip() or "\t" in db_id:
            raise DataError(
                f"line {number + 1} of {path} ({line[:60]!r})",
                "SQL and the name of its database with one tab between them",
                "write it as in Spider's dev_gold.sql",
            )
        name = f"gold-{number:04d}"
        yield Example(name, "", sql.strip(), db_id.strip(), "spider", "NOASSERTION")
