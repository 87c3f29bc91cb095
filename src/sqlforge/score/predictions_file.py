"""Predictions as a file: one SQL a line in the benchmark's order, or JSONL with id and sql."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.files import read_jsonl as read_written
from sqlforge.core.records import Dataset, Prediction
from sqlforge.core.spool import spooled
from sqlforge.corpus.files import fields, open_text, read_jsonl
from sqlforge.score.extract import extract_sql
from sqlforge.score.official.bird import read_published_predictions
from sqlforge.score.official.wikisql_file import is_structured, structured_predictions


def read_predictions(
    path: Path, dataset: Dataset, *, extract: bool = False
) -> Sequence[Prediction]:
    """One prediction for each example of ``dataset``, in its order.

    Forms are told apart by the first line. In the official form line *i* answers example *i*; it
    ends at its first tab, after which the database's name may follow as in Spider's gold files,
    and an empty line is an empty answer. In JSONL every row has ``id`` and ``sql``, and may have
    ``text`` (what the model said); the order is free. A row with ``refused`` true has no answer;
    its ``sql`` may be ``null``. BIRD's predictions may also be the JSON object that it publishes,
    WikiSQL's the rows that its evaluator takes. With ``extract`` the SQL is looked for in the
    answer, that is in ``text`` where a row has it; ``sql`` may be missing.

    Raises:
        DataError: the file cannot be read, has fewer or more predictions than there are
            examples, names an unknown example or one twice, or pairs a line with another
            database than its example's.
    """
    with open_text(path) as file:
        first = next((line for line in file if line.strip()), "")
    found: Sequence[Prediction]
    if not first.lstrip().startswith("{"):
        found = _from_lines(path, dataset)
    elif dataset.name.startswith("bird-") and not _is_row(first):
        found = read_published_predictions(path, dataset)
    elif dataset.name.startswith("wikisql-") and is_structured(first):
        return spooled(structured_predictions(path, dataset))
    else:
        found = _from_jsonl(path, dataset, needs_sql=not extract)
    if not extract:
        return found
    return spooled(p if p.refused else replace(p, sql=extract_sql(p.text)) for p in found)


def read_answers(path: Path) -> dict[str, Prediction]:
    """The answers by id in a file that :func:`answer_rows` wrote, whatever else its rows tell.

    Raises:
        DataError: a line is no JSON object.
    """
    rows = read_written(path)
    return {
        row["id"]: Prediction(row["id"], row["sql"], row["text"], row.get("refused", False))
        for row in rows
    }


def answer_rows(predictions: Iterable[Prediction]) -> Iterator[dict[str, object]]:
    """Predictions as rows of a JSONL file; only those that were refused say so."""
    for prediction in predictions:
        row: dict[str, object] = {
            "id": prediction.id,
            "sql": prediction.sql,
            "text": prediction.text,
        }
        yield {**row, "refused": True} if prediction.refused else row


def _is_row(line: str) -> bool:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "id" in row


def _from_lines(path: Path, dataset: Dataset) -> Sequence[Prediction]:
    wanted = len(dataset.examples)
    lines = filled = 0
    with open_text(path) as file:
        for lines, line in enumerate(file, 1):
            filled = lines if line.strip() else filled
    if max(filled, min(lines, wanted)) != wanted:  # empty lines beyond the examples do not count
        raise _count(path, max(filled, min(lines, wanted)), dataset)
    with open_text(path) as file:
        return spooled(_paired(path, file, dataset))


def _paired(path: Path, lines: Iterable[str], dataset: Dataset) -> Iterator[Prediction]:
    for number, (example, line) in enumerate(zip(dataset.examples, lines, strict=False), 1):
        line = line.rstrip("\r\n")
        sql, _, rest = line.strip().partition("\t")
        named = rest.rpartition("\t")[2].strip()
        if named in dataset.databases and named != example.db_id:
            raise DataError(
                f"the database '{named}' in {path}, line {number}",
                f"'{example.db_id}', as {example.id} has it",
                "put the predictions into the benchmark's order",
            )
        yield Prediction(example.id, sql.strip(), line)


def _from_jsonl(path: Path, dataset: Dataset, *, needs_sql: bool) -> Sequence[Prediction]:
    rows = (row for _, row in read_jsonl(path, partial(_prediction, needs_sql=needs_sql)))
    with contextlib.suppress(_OutOfOrderError):
        return spooled(_in_order(rows, dataset))
    return _by_id(path, dataset, needs_sql=needs_sql)


class _OutOfOrderError(Exception):
    """The rows are not one for each example in the examples' order."""


def _in_order(rows: Iterable[Prediction], dataset: Dataset) -> Iterator[Prediction]:
    for row, example in zip_longest(rows, dataset.examples):
        if row is None or example is None or row.id != example.id:
            raise _OutOfOrderError
        yield row


def _prediction(value: object, *, needs_sql: bool) -> Prediction:
    row = fields(value, id=str)
    if isinstance(value, dict) and value.get("refused") is True:
        return Prediction(str(row["id"]), "", str(value.get("text") or ""), refused=True)
    text = value.get("text") if isinstance(value, dict) else None
    if needs_sql or not isinstance(text, str):
        row |= fields(value, sql=str)
    sql = str(row.get("sql", ""))
    return Prediction(str(row["id"]), sql, str(text or sql))


def _by_id(path: Path, dataset: Dataset, *, needs_sql: bool) -> Sequence[Prediction]:
    known = {example.id for example in dataset.examples}
    found: dict[str, Prediction] = {}

    def convert(value: object) -> Prediction:
        prediction = _prediction(value, needs_sql=needs_sql)
        if prediction.id not in known:
            raise ValueError(f"no example '{prediction.id}' in {dataset.name}")
        if prediction.id in found:
            raise ValueError(f"a second prediction for '{prediction.id}'")
        return prediction

    for _, prediction in read_jsonl(path, convert):
        found[prediction.id] = prediction
    if len(found) != len(known):
        raise _count(
            path, len(found), dataset, [e.id for e in dataset.examples if e.id not in found]
        )
    return [found[example.id] for example in dataset.examples]


def _count(path: Path, count: int, dataset: Dataset, absent: list[str] | None = None) -> DataError:
    examples = len(dataset.examples)
    named = ""
    if absent:
        named = f" (no {', '.join(absent[:3])}{', …' if len(absent) > 3 else ''})"
    elif count < examples:
        named = f" (none from {dataset.examples[count].id} on)"
    else:
        named = f" (no example from line {examples + 1} on)"
    apart = f"{abs(count - examples)} too {'few' if count < examples else 'many'}"
    return DataError(
        f"{count} predictions in {path}, {apart}{named}",
        f"{examples}, one for each example of {dataset.name}",
        "check that the file belongs to this benchmark and split",
    )
