"""Tell a whole safetensors file from anything else, without loading a weight."""

from __future__ import annotations

import json
from pathlib import Path

from sqlforge.core.errors import ModelError

_LONGEST_HEADER = 100_000_000  # the format's own bound


def check_safetensors(file: Path) -> None:
    """Check that ``file`` holds a header and exactly the bytes that it tells of.

    The format: eight bytes of the header's length (little-endian), the header as JSON with
    ``data_offsets`` by tensor, then the data.

    Raises:
        ModelError: it does not.
    """
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = opened.read(length) if 0 < length <= min(size - 8, _LONGEST_HEADER) else b""
    try:
        tensors = json.loads(header)
        ends = [t["data_offsets"][1] for name, t in tensors.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as fault:
        raise _broken(file, "its header is none") from fault
    if 8 + length + max(ends, default=0) != size:
        raise _broken(
            file, f"it tells of {8 + length + max(ends, default=0):,} bytes, not {size:,}"
        )


def _broken(file: Path, why: str) -> ModelError:
    return ModelError(
        f"{file}, which is no whole safetensors file ({why})",
        "weights as safetensors",
        "copy, train or merge it again",
    )
