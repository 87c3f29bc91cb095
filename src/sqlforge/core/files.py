"""Write whole files or none: to a temporary name first, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from sqlforge.core.errors import DataError, StorageError

CANNOT_STORE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EEXIST,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ENAMETOOLONG,
    }
)
"""What the operating system says of a disk that is full or a path that cannot be written."""


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` atomically.

    Raises:
        StorageError: the disk is full or the folder cannot be written.

    >>> folder = Path(tempfile.mkdtemp())
    >>> write_text(folder / "a" / "b.txt", "x"); (folder / "a" / "b.txt").read_text()
    'x'
    """
    with writing(path) as file:
        file.write(text)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[str]]:
    """A text file under a temporary name that takes the place of ``path`` if the block ends well.

    What is there already and no file, ``/dev/stdout`` for one, is written into as it is.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    with storing(path):
        make_folder(path.parent)
        if _is_device(path):
            with path.open("a", encoding="utf-8") as there:  # what was said before stays
                yield there
            return
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with _placing(path):
                opened = temporary.open("w", encoding="utf-8")
            with opened as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Fail before long work, not after it, where ``path`` could not be written.

    Raises:
        StorageError: its folder cannot be made or written, or a folder is in its place.

    >>> check_writable(Path(tempfile.gettempdir()))
    Traceback (most recent call last):
    sqlforge.core.errors.StorageError: Got 'Is a directory' while writing ...
    """
    with _placing(path):
        make_folder(path.parent)
        if _is_device(path):
            return
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        tempfile.TemporaryFile(dir=path.parent).close()


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, as they come, atomically."""
    with writing(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Read what :func:`write_jsonl` wrote.

    Raises:
        DataError: a line is no JSON object; file and line are named.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                row = None
            if not isinstance(row, dict):
                raise DataError(
                    f"a malformed row in {path}, line {number}",
                    "one JSON object a line, as SQLForge writes it",
                    "remove the file and start again: what made it makes it anew",
                )
            yield row


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its name once the block ends well.

    An existing ``path`` is replaced; a failing block leaves it as it was.
    """
    with storing(path):
        make_folder(path.parent)
        with _placing(path):
            temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            if path.exists():
                shutil.rmtree(path)
            temporary.chmod(0o755)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn a full disk or a forbidden folder into a ``StorageError`` that names ``path``."""
    try:
        yield
    except OSError as fault:
        if fault.errno in CANNOT_STORE:
            raise storage_error(path, os.strerror(fault.errno)) from fault
        raise


def make_folder(path: Path) -> None:
    """A folder with all above it; one that is there is fine.

    Raises:
        StorageError: the system has no place for it, whatever it calls the reason: ``/proc`` says
            that there is no such file.
    """
    with _placing(path):
        path.mkdir(parents=True, exist_ok=True)


def _is_device(path: Path) -> bool:
    """A terminal, a pipe or the like: nothing that another file may take the place of.

    So is ``/dev/stdout`` where it is redirected into a file: the link has to stay.
    """
    if not path.exists() or path.is_dir():
        return False
    folder = path.parent.resolve()
    linked = folder == Path("/dev") or folder.match("/proc/*/fd")
    return not path.is_file() or (linked and path.is_symlink())


@contextlib.contextmanager
def _placing(path: Path) -> Iterator[None]:
    """Only around what puts something new there: elsewhere a missing file may be a defect."""
    try:
        yield
    except OSError as fault:
        raise storage_error(path, os.strerror(fault.errno or errno.EIO)) from fault


def storage_error(path: Path, reason: str) -> StorageError:
    """The sentence for a file or folder that cannot be written."""
    return StorageError(
        f"'{reason}' while writing {path}",
        "a folder with room that may be written",
        "free space or choose another --out, then start again: what is done already is kept",
    )


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in ``folder``, by its path in there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
