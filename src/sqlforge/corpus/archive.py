"""Unpack an archive of databases once into the user's cache, completely or not at all."""

from __future__ import annotations

import contextlib
import lzma
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from sqlforge.core.errors import DataError, StorageError
from sqlforge.core.files import make_folder, sha256, storing
from sqlforge.core.paths import cache_dir

_STALE_SECONDS = 24 * 3600
_OTHER_CACHE = "free space, or set SQLFORGE_CACHE_DIR to a folder elsewhere"
_CANNOT_STORE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}


def unpacked(archive: Path, kind: str) -> Path:
    """The folder with the content of a tar archive, unpacked at the first call.

    Args:
        archive: a tar file, plain or compressed (``.tar.xz``, ``.tar.gz``, ``.tar.bz2``).
        kind: folder inside the cache, such as ``"spider"``.

    Returns:
        ``CACHE/kind/SHA256``, keyed by the archive's content, so that another archive of the
        same name never meets an old folder.

    Raises:
        DataError: the archive is corrupt, or a member would leave the folder.
        StorageError: the cache cannot be written.
    """
    target = cache_dir() / kind / sha256(archive)[:16]
    if not target.is_dir():
        with building(target) as folder:
            _extract(archive, folder)
    return target


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` when the block ends well.

    Of two processes that build the same ``target`` at once the first wins and the second uses
    what the first made; nobody's open files are replaced. What a killed process left behind is
    removed a day later.

    Raises:
        StorageError: the folder cannot be written or the disk is full.
    """
    with _storing_in_cache(target):
        make_folder(target.parent)
        _remove_stale(target)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            try:
                temporary.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _storing_in_cache(target: Path) -> Iterator[None]:
    """Full disks and forbidden folders as ``StorageError``, whether Python or SQLite met them."""
    try:
        with storing(target):
            yield
    except StorageError as fault:
        raise StorageError(fault.got, fault.expected, _OTHER_CACHE) from fault
    except sqlite3.OperationalError as fault:
        if getattr(fault, "sqlite_errorcode", 0) & 0xFF not in _CANNOT_STORE:
            raise
        raise StorageError(
            f"'{fault}' while writing {target}",
            "a folder with room that may be written",
            _OTHER_CACHE,
        ) from fault


def _extract(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if not (member.isfile() or member.isdir()):
                    raise _unsafe(archive, member.name, "is neither a file nor a folder")
                tar.extract(member, folder, filter="data")
    except tarfile.FilterError as fault:
        raise _unsafe(archive, fault.tarinfo.name, "would leave the folder") from fault
    except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error) as fault:
        raise _corrupt(archive, fault) from fault
    except OSError as fault:
        if fault.errno is None:  # so gzip and bz2 report a broken stream
            raise _corrupt(archive, fault) from fault
        raise


def _corrupt(archive: Path, fault: Exception) -> DataError:
    return DataError(
        f"{archive}, which is truncated or corrupt ({fault})", "a whole archive", "fetch it again"
    )


def _unsafe(archive: Path, member: str, reason: str) -> DataError:
    return DataError(
        f"{archive} with a member '{member}' that {reason}",
        "an archive of plain files",
        "fetch it again from its authors",
    )


def _remove_stale(target: Path) -> None:
    for leftover in target.parent.glob(f".{target.name}.*"):
        with contextlib.suppress(FileNotFoundError):  # its owner may finish just now
            if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)
