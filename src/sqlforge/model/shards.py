"""Safetensors files read and written one tensor at a time, never mapped into memory.

The layout is the published one: eight bytes with the header's length, the header as JSON, then the
tensors' bytes (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import torch

from sqlforge.core.errors import ModelError

INDEX = "model.safetensors.index.json"
_MOST_HEADER = 100_000_000  # bytes; the format's own bound
DTYPES = {
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor of a file: how it is shaped and where its bytes lie, from the file's begin."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int

    @property
    def nbytes(self) -> int:
        """How many bytes it takes.

        >>> Stored(torch.bfloat16, (2, 3), 0).nbytes
        12
        """
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file by name, in the order of their bytes.

    Raises:
        ModelError: the file is damaged, cut off or holds numbers of an unknown kind.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _MOST_HEADER:
                raise ValueError(f"a header of {length} bytes")
            header: dict[str, Any] = json.loads(file.read(length))
            size = os.fstat(file.fileno()).st_size
        header.pop("__metadata__", None)
        found = {name: _stored(told, 8 + length) for name, told in header.items()}
        if any(t.start + t.nbytes > size for t in found.values()):
            raise ValueError("it ends too early")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise unreadable(path, fault) from fault
    return dict(sorted(found.items(), key=lambda item: item[1].start))


def _stored(told: Mapping[str, Any], offset: int) -> Stored:
    begin, end = told["data_offsets"]
    shape = tuple(int(size) for size in told["shape"])
    stored = Stored(DTYPES[told["dtype"]], shape, offset + int(begin))
    if begin < 0 or min(shape, default=1) < 0 or end - begin != stored.nbytes:
        raise ValueError("offsets and shapes do not agree")
    return stored


def read_tensor(path: Path, stored: Stored) -> torch.Tensor:
    """One tensor, in memory of its own.

    Raises:
        ModelError: the file is cut off.
    """
    with path.open("rb", buffering=0) as file:
        return read_from(file, path, stored)


def read_from(file: IO[bytes], path: Path, stored: Stored) -> torch.Tensor:
    """As :func:`read_tensor`, from an open file."""
    if not stored.nbytes:
        return torch.empty(stored.shape, dtype=stored.dtype)
    buffer = bytearray(stored.nbytes)
    view, done = memoryview(buffer), 0
    file.seek(stored.start)
    while done < len(buffer):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]  # raw files have it
        if not count:
            raise unreadable(path, ValueError("it ends too early"))
        done += count
    return torch.frombuffer(buffer, dtype=stored.dtype).reshape(stored.shape)


def as_written(
    tensors: Mapping[str, Stored], dtype: torch.dtype | None = None
) -> dict[str, Stored]:
    """``tensors`` as a new file holds them: floating numbers in ``dtype``, the others as they are.

    ``start`` counts from the end of the header.
    """
    found, place = {}, 0
    for name, stored in tensors.items():
        kept = dtype if dtype is not None and stored.dtype.is_floating_point else stored.dtype
        found[name] = replace(stored, dtype=kept, start=place)
        place += found[name].nbytes
    return found


def write_shard(
    path: Path, layout: Mapping[str, Stored], tensors: Iterable[tuple[str, torch.Tensor]]
) -> str:
    """Write ``tensors`` as they come and return the file's SHA-256; one is in memory at a time.

    Args:
        path: the file, which is flushed to the disk.
        layout: what :func:`as_written` says of all of them, in their order.

    Raises:
        OSError: the disk is full.
        ValueError: a tensor that is not as ``layout`` says.
    """
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in _bytes_of(layout, tensors):
            file.write(part)
            digest.update(part)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _bytes_of(
    layout: Mapping[str, Stored], tensors: Iterable[tuple[str, torch.Tensor]]
) -> Iterator[bytes | memoryview]:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for name, stored in layout.items():
        header[name] = {
            "dtype": _NAMES[stored.dtype],
            "shape": list(stored.shape),
            "data_offsets": [stored.start, stored.start + stored.nbytes],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for (name, stored), (given, tensor) in zip(layout.items(), tensors, strict=True):
        if (given, tensor.dtype, tuple(tensor.shape)) != (name, stored.dtype, stored.shape):
            raise ValueError(f"{given} is not as the header has {name}")
        if tensor.numel():
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            yield flat.view(torch.uint8).numpy().data


def unreadable(path: Path, fault: Exception) -> ModelError:
    """The sentence for a weight file that cannot be read."""
    reason = " ".join(str(fault).split())[:200]
    return ModelError(
        f"{path}, whose weights cannot be read ({reason})",
        "a whole safetensors file",
        "copy or download it again",
    )
