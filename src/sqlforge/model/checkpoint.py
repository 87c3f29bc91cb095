"""The files of a whole model: its shards, wherever they lie, and which tensor is in which."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from transformers.utils.hub import cached_file

from sqlforge.core.errors import ModelError
from sqlforge.model.load import Source, cannot_load, refuse_pickles
from sqlforge.model.shards import INDEX, Stored, read_header, unreadable

SINGLE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Shard:
    """One weight file and what is in it."""

    path: Path
    tensors: dict[str, Stored]

    @property
    def nbytes(self) -> int:
        """Of its tensors."""
        return sum(stored.nbytes for stored in self.tensors.values())


def open_checkpoint(source: Source) -> tuple[Shard, ...]:
    """The shards of a model, in the order of their names; only their headers are read.

    Weights that are not at hand are downloaded from the hub.

    Raises:
        ModelError: weights that are missing, damaged or pickled.
    """
    refuse_pickles(source.location)
    return tuple(Shard(path, read_header(path)) for path in _files(source))


def _files(source: Source) -> list[Path]:
    index = _find(source, INDEX)
    if index is None:
        single = _find(source, SINGLE)
        if single is None:
            raise cannot_load(source, FileNotFoundError(f"neither {SINGLE} nor {INDEX}"))
        return [single]
    try:
        told = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = sorted({str(name) for name in told.values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise unreadable(index, fault) from fault
    if not names or any(Path(name).name != name for name in names):
        raise unreadable(index, ValueError("names of files outside of its folder, or none"))
    found = [(name, _find(source, name)) for name in names]
    if missing := [name for name, path in found if path is None]:
        raise ModelError(
            f"{source.name} without {missing[0]}",
            f"all {len(names)} files that {INDEX} names",
            "copy or download the model again",
        )
    return [path for _, path in found if path is not None]


def _find(source: Source, name: str) -> Path | None:
    folder = Path(source.location)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    try:
        found = cached_file(
            source.location,
            name,
            _raise_exceptions_for_missing_entries=False,
        )
    except (OSError, ValueError) as fault:
        raise cannot_load(source, fault) from fault
    return Path(found) if found else None
