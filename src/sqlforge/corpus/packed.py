"""Open data files by their suffix: plain, ``.gz``, ``.xz`` or ``.zst``."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from sqlforge.core.errors import DataError

PACKED = (".xz", ".gz", ".zst")
"""The suffixes that are unpacked while reading."""


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file, unpacked by its suffix (``.xz``, ``.gz``, ``.zst``, else plain).

    Faults that show only while reading (a truncated archive, bytes that are not UTF-8) are
    turned into the same kind of error.

    Raises:
        DataError: the file is missing, cannot be read, is truncated or is not UTF-8.
    """
    try:
        # a byte order mark is no part of the first row
        with (
            open_binary(path) as packed,
            io.TextIOWrapper(packed, encoding="utf-8-sig") as file,
        ):
            yield file
    except UnicodeDecodeError as fault:
        raise DataError(
            f"{path}, which is not UTF-8 (byte 0x{fault.object[fault.start]:02x}: {fault.reason})",
            "UTF-8 text",
            "convert the file or fetch it again",
        ) from fault


@contextlib.contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes]]:
    """As :func:`open_text`, for the bytes after unpacking."""
    try:
        with _open(path) as file:
            yield file
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as fault:
        raise _corrupt(path, fault) from fault
    except FileNotFoundError as fault:
        raise DataError(f"no file {path}", "a data file", "check the path") from fault
    except (PermissionError, IsADirectoryError) as fault:
        raise DataError(
            f"{path}, which cannot be read ({fault.strerror})",
            "a readable file",
            "check what it is and who may read it",
        ) from fault
    except OSError as fault:
        if fault.errno is None:  # so pyarrow reports a broken stream
            raise _corrupt(path, fault) from fault
        raise


def _corrupt(path: Path, fault: Exception) -> DataError:
    return DataError(
        f"{path}, which is truncated or corrupt ({fault})", "a whole file", "fetch it again"
    )


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        import pyarrow as pa

        with path.open("rb"):  # a missing or forbidden file is Python's error, not Arrow's
            pass
        return io.BufferedReader(pa.CompressedInputStream(str(path), "zstd"), 1 << 20)
    return path.open("rb")
