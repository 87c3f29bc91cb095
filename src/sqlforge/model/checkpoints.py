"""Checkpoints on disk: which are whole, and what a full disk looks like."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from sqlforge.core.errors import StorageError
from sqlforge.core.files import storage_error, write_text

COMPLETE = "complete"
"""The file that a checkpoint gets last."""
_CHECKPOINT = re.compile(r"checkpoint-(\d+)\Z")
# safetensors and torch.save give the reason in words only, torch in those of its C++ parts.
_FULL_DISK = re.compile(
    "no space left|os error 28|pytorchstreamwriter|inline_container|iostream error", re.IGNORECASE
)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; broken newer ones are removed."""
    if not folder.is_dir():
        return None
    found = sorted((p for p in folder.iterdir() if _CHECKPOINT.match(p.name)), key=step_of)
    while found:
        if (found[-1] / COMPLETE).exists():
            return found[-1]
        shutil.rmtree(found.pop())
    return None


@contextmanager
def whole_or_none(folder: Path) -> Iterator[None]:
    """Within, a checkpoint is written to ``folder``: to its end, or none is left.

    Raises:
        StorageError: the disk is full.
    """
    try:
        yield
        write_text(folder / COMPLETE, "")
    except StorageError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except (OSError, RuntimeError, SafetensorError) as fault:
        if not is_full_disk(fault):
            raise
        shutil.rmtree(folder, ignore_errors=True)
        raise storage_error(folder, "No space left on device") from fault


def step_of(checkpoint: Path) -> int:
    """The optimizer step after which a checkpoint was written."""
    return int(checkpoint.name.rsplit("-", 1)[1])


def is_full_disk(fault: Exception) -> bool:
    """Whether a library failed to write because no space was left."""
    if isinstance(fault, OSError) and fault.errno is not None:
        return fault.errno in (errno.ENOSPC, errno.EDQUOT)
    return _FULL_DISK.search(str(fault)) is not None
