"""Where a database is: a file or a server, told from what a user names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlforge.core.errors import DatabaseError
from sqlforge.core.redact import without_password

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
_MODULES = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql", "duckdb": "duckdb"}
DIALECTS = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql"}


@dataclass(frozen=True, slots=True)
class Place:
    """A database as the user named it.

    ``path`` is the file of an SQLite or DuckDB database; ``url`` (which may hold a password and
    must not be printed) leads to a server; ``shown`` may be printed; ``dialect`` is sqlglot's.
    """

    kind: Literal["sqlite", "duckdb", "server"]
    name: str
    shown: str
    dialect: str
    path: Path | None = None
    url: URL | None = None


def place_of(url_or_file: str) -> Place:
    """What ``url_or_file`` names: a SQLAlchemy URL, or the path of an SQLite or DuckDB file.

    Raises :class:`DatabaseError` if there is no such file, it is neither kind of database, or the
    URL is malformed; no password of the URL is part of the message.

    >>> place_of("postgresql://ann:secret@localhost/shop").shown
    'postgresql://ann:***@localhost/shop'
    """
    if "://" not in url_or_file and not _looks_like_a_url(url_or_file):
        return _file(Path(url_or_file))
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(url_or_file)
        if "@" in (url.host or ""):
            raise ValueError  # an "@" within the password: drivers would quote what is behind it
    except (ArgumentError, ValueError):  # quoted nowhere: it may hold a password
        raise DatabaseError(
            "a database URL that cannot be parsed",
            "dialect://user:password@host/database",
            "check its spelling, and percent-encode special characters of the password",
        ) from None
    backend = url.get_backend_name()
    if backend in ("sqlite", "duckdb"):
        if url.database in (None, "", ":memory:"):
            raise DatabaseError(
                f"{url.drivername}:// without a file", "a file with rows", "name the file"
            )
        return _file(Path(str(url.database)), backend)
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    name = (url.database or backend).rpartition("/")[2]
    shown = without_password(url_or_file)
    return Place("server", name, shown, DIALECTS.get(backend, backend), url=url)


def _looks_like_a_url(text: str) -> bool:
    """User and password before a host: it must not be quoted as a path would be."""
    return bool(re.match(r"[^/\\]*:[^/\\]*@", text)) and not Path(text).exists()


def engine_for(place: Place, **connect_args: object) -> Engine:
    """A SQLAlchemy engine for a server; nothing is sent yet.

    Raises :class:`DatabaseError` if the driver is not installed or the dialect unknown.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError

    assert place.url is not None
    try:
        return create_engine(place.url, connect_args=connect_args, pool_size=1, max_overflow=0)
    except NoSuchModuleError:
        raise DatabaseError(
            f"a database of the unknown kind '{place.url.drivername}'",
            f"one of sqlite, {', '.join(_MODULES)}, or a dialect installed for SQLAlchemy",
            "check the URL's beginning",
        ) from None
    except ModuleNotFoundError as error:
        raise no_driver(place.url.get_backend_name(), error.name) from None


def no_driver(backend: str, module: str | None) -> DatabaseError:
    """The sentence for a database whose driver is not installed."""
    package = _MODULES.get(backend)
    fix = (
        "in SQLForge's source folder: pip install -e '.[databases]'"
        if package
        else f"install a driver for {backend}"
    )
    wanted = f"its driver {module or package or ''}".strip()
    return DatabaseError(f"a {backend} database", f"{wanted} to be installed", fix)


def without_secrets(error: Exception, url: URL | None) -> str:
    """The first line of a driver's message, every secret of the URL replaced by ``***``."""
    from urllib.parse import quote, quote_plus

    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    if url is None:
        return text
    for value in (str(url.password or ""), *_texts(url)):
        for spelling in (value, quote(value), quote_plus(value)):
            text = text.replace(spelling, "***") if spelling else text
    return without_password(text)


def _texts(url: URL) -> list[str]:
    found: list[str] = []
    for value in url.query.values():
        found += [value] if isinstance(value, str) else list(value)
    return found


def _file(path: Path, kind: str | None = None) -> Place:
    if not path.is_file():
        raise DatabaseError(
            f"no file at {path}",
            "an SQLite or DuckDB file, or a database URL",
            "give the path of an existing file, or dialect://user:password@host/database",
        )
    with path.open("rb") as file:
        head = file.read(16)
    found = (
        "duckdb" if head[8:12] == b"DUCK" else "sqlite" if head == b"SQLite format 3\0" else None
    )
    if found is None or (kind is not None and kind != found):
        what = "an SQLite or DuckDB" if kind is None else f"a {kind}"
        raise DatabaseError(
            f"{path}, which is no {what.partition(' ')[2]} database",
            f"{what} file",
            "check that it is the right file",
        )
    return Place(
        "duckdb" if found == "duckdb" else "sqlite", path.stem, str(path), found, path=path
    )
