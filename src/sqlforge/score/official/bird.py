"""BIRD's official execution accuracy, and the form of its prediction files."""

from __future__ import annotations

import json
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset, Prediction, QueryResult
from sqlforge.corpus.files import open_text

SEPARATOR = "\t----- bird -----\t"


def same_rows(gold: QueryResult, predicted: QueryResult) -> bool:
    """Whether both give the same *set* of rows: neither order nor repetition counts.

    Columns count in their order. This is what BIRD's evaluator compares.

    >>> from sqlforge.core.records import Status
    >>> once = QueryResult(Status.OK, ("a",), ((1,), (2,)))
    >>> same_rows(once, QueryResult(Status.OK, ("a",), ((2,), (1,), (2,))))
    True
    """
    return gold.ok and predicted.ok and set(gold.rows) == set(predicted.rows)


def read_published_predictions(path: Path, dataset: Dataset) -> list[Prediction]:
    """Predictions as BIRD publishes them: one JSON object from place to text.

    ``{"0": "SELECT …\\t----- bird -----\\tdatabase", …}``; the place counts the benchmark's
    questions from 0, what follows the mark is the database. A value that is no text is an empty
    answer, as officially.

    Raises:
        DataError: the file is no such object, lacks places or has more, or pairs a place with
            another database than its question's.
    """
    found = _object(path)
    wanted = [str(i) for i in range(len(dataset.examples))]
    lacking, unknown = [w for w in wanted if w not in found], sorted(found.keys() - set(wanted))
    if lacking or unknown:
        named = f"lacks {', '.join(lacking[:3])}" if lacking else f"has {', '.join(unknown[:3])}"
        raise DataError(
            f"{len(found)} predictions in {path} ({named})",
            f"the places 0 to {len(wanted) - 1}, one for each example of {dataset.name}",
            "check that the file belongs to this benchmark and split",
        )
    predictions = []
    for place, example in zip(wanted, dataset.examples, strict=True):
        text = found[place] if isinstance(found[place], str) else ""
        sql, _, database = str(text).partition(SEPARATOR)
        if database.strip() and database.strip() != example.db_id:
            raise DataError(
                f"the database '{database.strip()}' at place {place} of {path}",
                f"'{example.db_id}', as {example.id} has it",
                "put the predictions into the benchmark's order",
            )
        predictions.append(Prediction(example.id, sql.strip(), sql))
    return predictions


def _object(path: Path) -> dict[str, object]:
    with open_text(path) as file:
        text = file.read()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise DataError(
            f"{path}, which is no JSON ({fault})", "one JSON object", "write it anew"
        ) from fault
    if not isinstance(found, dict):
        raise DataError(
            f"{path} with a JSON {type(found).__name__}", "one JSON object", "write it anew"
        )
    return found
