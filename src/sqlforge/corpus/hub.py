"""Rows of a data set on the hub, by its name, through the library ``datasets``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlforge.core.errors import DataError
from sqlforge.corpus.rows import Columns, Row, check_columns

_BATCH = 1_000  # rows held at once
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HubTable:
    """A data set of the hub on this machine's disk; ``digest`` names what was fetched."""

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
    table = _fetched(name, split, revision, files)
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

    return HubTable(_digest(table, name, revision), table.num_rows, rows)


def _fetched(name: str, split: str, revision: str | None, files: str) -> Any:
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        return datasets.load_dataset(name, split=split, revision=revision)
    except (OSError, ValueError, DatasetsError) as fault:
        reason = " ".join(str(fault).split())
        raise DataError(
            f"no data set {name} from the hub ({reason})",
            "a hub that answers, or local files",
            files,
        ) from fault


def _digest(table: Any, name: str, revision: str | None) -> str:
    """The addresses fetched, which hold the commit, with the checksums that are known."""
    sums: Mapping[str, Any] = table.info.download_checksums or {}
    parts = [f"{url} {known.get('checksum')}" for url, known in sorted(sums.items())]
    return "; ".join(parts) or f"{name} {revision or 'current'}"
