"""Rows of a data set on the hub, by its name, through the library ``datasets``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DataError
from sqlforge.corpus.rows import Columns, Row, check_columns

_BATCH = 1_000  # rows held at once
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class HubTable:
    """A data set of the hub on this machine's disk; ``digest`` names the commit."""

    digest: str
    count: int
    rows: Callable[[], Iterator[tuple[int, Row]]]


def hub_table(
    name: str, split: str, columns: Columns, revision: str | None, files: str
) -> HubTable:
    """Fetch a data set, or take it from the cache of ``datasets``.

    Args:
        name: its name on the hub, such as ``"b-mc2/sql-create-context"``.
        split: ``"train"`` or another that it has.
        columns: what its rows are expected to have.
        revision: a commit, branch or tag; ``None`` takes what is current.
        files: how local files would be used instead, as a clause in the imperative.

    Raises:
        DataError: the hub does not answer, or has no such data set, split or columns.
    """
    commit = revision if Path(name).exists() else _commit(name, revision, files)
    table = _fetched(name, split, commit, files)
    check_columns(f"{name} ({split})", table.column_names, columns)

    def rows() -> Iterator[tuple[int, Row]]:
        position = 0
        for batch in table.iter(batch_size=_BATCH):
            cells = [
                batch.get(column, [None] * len(batch[columns.required[0]]))
                for column in columns.required + columns.optional
            ]
            for row in zip(*cells, strict=True):
                texts = (None if cell is None else str(cell) for cell in row)
                yield position, dict(zip(columns.required + columns.optional, texts, strict=True))
                position += 1

    return HubTable(f"{name} at {commit or 'what was fetched before'}", table.num_rows, rows)


def _commit(name: str, revision: str | None, files: str) -> str | None:
    """The commit that is meant; as given where ``HF_HUB_OFFLINE`` forbids to ask.

    Asked first and once: ``datasets`` itself tries a silent hub for minutes.
    """
    from huggingface_hub import HfApi, errors

    no_answer: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # the client's own
    try:
        return HfApi().dataset_info(name, revision=revision, timeout=_PATIENCE).sha
    except errors.OfflineModeIsEnabled:
        return revision
    except (OSError, no_answer, ValueError) as fault:
        raise _no_answer(name, fault, files) from fault


def _fetched(name: str, split: str, revision: str | None, files: str) -> Any:
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        return datasets.load_dataset(name, split=split, revision=revision)
    except (OSError, ValueError, DatasetsError) as fault:
        raise _no_answer(name, fault, files) from fault


def _no_answer(name: str, fault: Exception, files: str) -> DataError:
    reason = " ".join(str(fault).split())
    return DataError(
        f"no data set {name} from the hub ({reason})", "a hub that answers, or local files", files
    )
