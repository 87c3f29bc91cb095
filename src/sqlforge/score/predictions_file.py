"""Predictions as a file: one SQL a line in the benchmark's order, or JSONL with id and sql."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset, Prediction
from sqlforge.corpus.files import fields, open_text, read_jsonl


def read_predictions(path: Path, dataset: Dataset) -> list[Prediction]:
    """One prediction for each example of ``dataset``, in its order.

    Two forms are told apart by the first line. In the official form line *i* answers example
    *i*; it ends at its first tab, after which the database's name may follow as in Spider's gold
    files, and an empty line is an empty answer. In JSONL every row has ``id`` and ``sql``, and
    may have ``text`` (what the model said); the order is free.

    Raises:
        DataError: the file cannot be read, has fewer or more predictions than there are
            examples, names an unknown example or one twice, or pairs a line with another
            database than its example's.
    """
    with open_text(path) as file:
        first = next((line for line in file if line.strip()), "")
    if first.lstrip().startswith("{"):
        return _from_jsonl(path, dataset)
    return _from_lines(path, dataset)


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


def _from_jsonl(path: Path, dataset: Dataset) -> list[Prediction]:
    known = {example.id for example in dataset.examples}
    found: dict[str, Prediction] = {}

    def convert(value: object) -> Prediction:
        row = fields(value, id=str, sql=str)
        text = value.get("text") if isinstance(value, dict) else None
        prediction = Prediction(str(row["id"]), str(row["sql"]), str(text or row["sql"]))
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
    return DataError(
        f"{count} predictions in {path}{named}",
        f"{examples}, one for each example of {dataset.name}",
        "check that the file belongs to this benchmark and split",
    )
