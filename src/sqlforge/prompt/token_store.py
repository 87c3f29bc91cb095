"""Encoded examples on disk, as an Arrow file that is read where it lies.

Columns: ``id``, ``schema_key`` (equal for examples that share a schema's text), ``input_ids``,
``labels`` (-100 where nothing is supervised, else the id itself), ``length`` and
``prompt_length``. The file is written in batches, so memory does not grow with the rows, and takes
its name once it is whole.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any, overload

from sqlforge.core.errors import DataError
from sqlforge.core.files import make_folder, storing
from sqlforge.prompt.encode import Encoded

UNSUPERVISED = -100
_BATCH = 1024  # rows written together


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One encoded example with its id and the key of the schema text that it begins with."""

    id: str
    schema_key: str
    encoded: Encoded


def write_tokens(path: Path, rows: Iterable[TokenRow]) -> int:
    """Write ``rows`` to an Arrow file and return how many there were.

    Raises:
        StorageError: the disk is full or the folder cannot be written; no file is left.
    """
    import pyarrow as pa

    schema = _schema(pa)
    count, rows = 0, iter(rows)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with storing(path):
            make_folder(path.parent)
            with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
                while batch := list(islice(rows, _BATCH)):
                    writer.write_batch(_record_batch(pa, batch, schema))
                    count += len(batch)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


class TokenStore(Sequence[Encoded]):
    """The rows of a file that :func:`write_tokens` wrote; none is held in memory.

    Args:
        path: the file, which must not change while the store is in use.

    Raises:
        DataError: the file is no such Arrow file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.arrow"
    >>> write_tokens(path, [TokenRow("a", "shop", Encoded((5, 6), (7, 2)))])
    1
    >>> store = TokenStore(path)
    >>> store[0], store.lengths, store.schema_keys
    (Encoded(prompt=(5, 6), answer=(7, 2)), [4], ['shop'])
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
        except (pa.ArrowInvalid, OSError) as fault:
            raise DataError(
                f"{path} ({' '.join(str(fault).split())})",
                "an Arrow file of encoded examples",
                "remove it and start again: 'train' makes it anew",
            ) from fault
        self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        self._length = sum(batch.num_rows for batch in self._batches)

    def __len__(self) -> int:
        return int(self._length)

    @overload
    def __getitem__(self, index: int) -> Encoded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Encoded]: ...
    def __getitem__(self, index: int | slice) -> Encoded | list[Encoded]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        number, row = divmod(index % self._length, _BATCH)
        batch = self._batches[number]
        ids = batch.column("input_ids")
        start, end = ids.offsets[row].as_py(), ids.offsets[row + 1].as_py()
        values = ids.values.slice(start, end - start).to_numpy(zero_copy_only=True).tolist()
        prompt = batch.column("prompt_length")[row].as_py()
        return Encoded(tuple(values[:prompt]), tuple(values[prompt:]))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row, prompt and answer together."""
        return self._column("length")

    @property
    def ids(self) -> list[str]:
        """The id of each row's example."""
        return self._column("id")

    @property
    def schema_keys(self) -> list[str]:
        """For each row the key of its schema text."""
        return self._column("schema_key")

    def _column(self, name: str) -> list[Any]:
        return [value for batch in self._batches for value in batch.column(name).to_pylist()]


def _record_batch(pa: Any, rows: Sequence[TokenRow], schema: Any) -> Any:
    encoded = [row.encoded for row in rows]
    ids, labels, offsets = array("i"), array("i"), array("i", [0])
    for one in encoded:
        ids.extend(one.prompt)
        ids.extend(one.answer)
        labels.extend(repeat(UNSUPERVISED, len(one.prompt)))
        labels.extend(one.answer)
        offsets.append(len(ids))
    columns = [
        pa.array([row.id for row in rows], pa.string()),
        pa.array([row.schema_key for row in rows], pa.string()),
        pa.ListArray.from_arrays(_int32(pa, offsets), _int32(pa, ids)),
        pa.ListArray.from_arrays(_int32(pa, offsets), _int32(pa, labels)),
        _int32(pa, array("i", map(len, encoded))),
        _int32(pa, array("i", (len(one.prompt) for one in encoded))),
    ]
    return pa.record_batch(columns, schema=schema)


def _int32(pa: Any, values: array[int]) -> Any:
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(values)])


def _schema(pa: Any) -> Any:
    ids = pa.list_(pa.int32())
    return pa.schema(
        [
            ("id", pa.string()),
            ("schema_key", pa.string()),
            ("input_ids", ids),
            ("labels", ids),
            ("length", pa.int32()),
            ("prompt_length", pa.int32()),
        ]
    )
