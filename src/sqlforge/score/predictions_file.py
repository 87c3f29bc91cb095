"""Predictions as a file: one SQL a line in the benchmark's order, or JSONL with id and sql."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset, Prediction
from sqlforge.corpus.files import fields, open_text, read_jsonl
from sqlforge.score.extract import extract_sql
from sqlforge.score.official.bird import read_published_predictions


def read_predictions(path: Path, dataset: Dataset, *, extract: bool = False) -> list[Prediction]:
    """One prediction for each example of ``dataset``, in its order.

    Forms are told apart by the first line. In the official form line *i* answers example *i*; it
    ends at its first tab, after which the database's name may follow as in Spider's gold files,
    and an empty line is an empty answer. In JSONL every row has ``id`` and ``sql``, and may have
    ``text`` (what the model said); the order is free. BIRD's predictions may also be the JSON
    object that it publishes. With ``extract`` the SQL is looked for in the answer, that is in
    ``text`` where a row has it, and ``sql`` may be missing there.

    Raises:
        DataError: the file cannot be read, has fewer or more predictions than there are
            examples, names an unknown example or one twice, or pairs a line with another
            database than its example's.
    """
    with open_text(path) as file:
        first = next((line for line in file if line.strip()), "")
    if not first.lstrip().startswith("{"):
        found = _from_lines(path, dataset)
    elif dataset.name.startswith("bird-") and not _is_row(first):
        found = read_published_predictions(path, dataset)
    else:
        found = _from_jsonl(path, dataset, needs_sql=not extract)
    return [replace(p, sql=extract_sql(p.text)) for p in found] if extract else found


def _is_row(line: str) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and "id" in row


def _from_lines(path: Path, dataset: Dataset) -> list[Prediction]:
    with open_text(path) as file:
        lines = [line.rstrip("\r\n") for line in file]
    while len(lines) > len(dataset.examples) and not lines[-1].strip():
        lines.pop()
    if len(lines) != len(dataset.examples):
        raise _count(path, len(lines), dataset)
    return list(_paired(path, lines, dataset))


def _paired(path: Path, lines: list[str], dataset: Dataset) -> Iterator[Prediction]:
    for number, (line, example) in enumerate(zip(lines, dataset.examples, strict=True), 1):
        sql, _, rest = line.strip().partition("\t")
        named = rest.rpartition("\t")[2].strip()
        if named in dataset.databases and named != example.db_id:
            raise DataError(
                f"the database '{named}' in {path}, line {number}",
                f"'{example.db_id}', as {example.id} has it",
                "put the predictions into the benchmark's order",
            )
        yield Prediction(example.id, sql.strip(), line)


def _from_jsonl(path: Path, dataset: Dataset, *, needs_sql: bool) -> list[Prediction]:
    known = {example.id for example in dataset.examples}
    found: dict[str, Prediction] = {}

    def convert(value: object) -> Prediction:
        row = fields(value, id=str)
        text = value.get("text") if isinstance(value, dict) else None
        if needs_sql or not isinstance(text, str):
            row |= fields(value, sql=str)
        sql = str(row.get("sql", ""))
        prediction = Prediction(str(row["id"]), sql, str(text or sql))
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
