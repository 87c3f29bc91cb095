"""``serve``: a model, and what it knows of a database, over HTTP."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import UserError
from sqlforge.serve.patience import Patience
from sqlforge.serve.settings import ServeSettings

if TYPE_CHECKING:
    from sqlforge.model.online import AsksModel, OnlineModel
    from sqlforge.serve.answering import Answerer
    from sqlforge.serve.local import LocalModel
    from sqlforge.serve.upstream import Upstream

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and how long it may take to stop."""

    host: str
    port: int
    grace_s: float


@dataclass(frozen=True, slots=True)
class Writing:
    """What writes.

    Args:
        model: catalog name, hub id, or a folder of a run, a model or an adapter; with ``upstream``
            the one it serves, whose tokenizer is used, ``None`` if there is no database.
        context: longest prompt and text together, in tokens.
        upstream: URL of a server that writes instead of this process.
        upstream_key: shown to it.
    """

    model: str | None
    context: int
    upstream: str | None = None
    upstream_key: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """The database that questions are answered from, and how."""

    db: str
    decoding: Decoding
    max_rows: int
    timeout_s: float
    max_new_tokens: int
    patience: Patience


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the application is made of."""

    engine: LocalModel | Upstream
    answerer: Answerer | None
    rows: int


def serve(
    writing: Writing,
    asking: Asking | None,
    settings: ServeSettings,
    place: Place,
    *,
    say: Say,
    found: Callable[[dict[str, Any]], object] = lambda facts: None,
) -> None:
    """Serve a model until SIGTERM or SIGINT.

    Args:
        writing, asking: what answers.
        settings: ``running`` is lowered to what fits into memory.
        place: taken before anything is loaded.
        say: told where it listens.
        found: told the same once it does, as facts.

    Raises:
        UserError: the port is in use, a public address without keys, or the model or the database
            cannot be had.
    """
    from sqlforge.serve.running import is_loopback, run_until_told, taken_port

    loopback = is_loopback(place.host)
    if not loopback and not settings.keys:
        raise UserError(
            f"--host {place.host}, which other machines reach, without an API key",
            "a key for whoever may ask",
            "name a file with --api-key-file, or set SQLFORGE_API_KEYS",
        )
    if loopback and not settings.keys:
        settings = replace(settings, hosts=("localhost", "127.0.0.1", "[::1]", place.host))
    _log_to_stderr()
    with taken_port(place.host, place.port) as listening:
        from sqlforge.serve.app import create_app

        with _opened(writing, asking, settings.running, say) as opened:
            settings = replace(settings, running=opened.rows)
            app = create_app(settings, opened.engine, opened.answerer)
            port = listening.getsockname()[1]
            url = f"http://{f'[{place.host}]' if ':' in place.host else place.host}:{port}"

            def started() -> None:
                found({"url": url, "model": settings.model, "rows": opened.rows})
                say(f"{settings.model} answers on {url}, stop it with Ctrl-C")

            run_until_told(app, listening, grace_s=place.grace_s, started=started)


@contextlib.contextmanager
def _opened(writing: Writing, asking: Asking | None, rows: int, say: Say) -> Iterator[_Opened]:
    """Model and database, closed in the end; a database out of reach is told before loading."""
    from sqlforge.database.place import place_of
    from sqlforge.database.readers import Readers

    with contextlib.ExitStack() as ending:
        readers = None
        if asking is not None:
            database = place_of(asking.db)
            say(f"opening {database.shown}")
            readers = Readers(database, seconds=asking.timeout_s, rows=asking.max_rows)
            ending.callback(readers.close)
        online, engine = _model(writing, rows, say, ending)
        asked: AsksModel | None = online
        if asking is not None and writing.upstream is not None:
            from sqlforge.serve.remote import RemoteModel

            assert writing.model is not None
            asked = RemoteModel(
                writing.model, writing.upstream, writing.upstream_key, width=writing.context
            )
            ending.callback(asked.close)
        answerer = None
        if asking is not None and readers is not None:
            assert asked is not None
            answerer = _answerer(asked, readers, asking)
            ending.pop_all()  # the answerer closes them
            ending.callback(answerer.close)
            for line in answerer.advice():
                say(line)
        yield _Opened(engine, answerer, rows if online is None else online.rows)


def _model(
    writing: Writing, rows: int, say: Say, ending: contextlib.ExitStack
) -> tuple[OnlineModel | None, LocalModel | Upstream]:
    if writing.upstream is not None:
        from sqlforge.serve.upstream import Upstream

        return None, Upstream(writing.upstream, writing.upstream_key)
    from sqlforge.model.online import open_online
    from sqlforge.serve.local import LocalModel

    assert writing.model is not None
    say(f"loading {writing.model}")
    online = open_online(writing.model, rows=rows, width=writing.context)
    ending.callback(online.close)
    return online, LocalModel(online.engine, online.tokenizer)


def _answerer(online: AsksModel, readers: Any, asking: Asking) -> Answerer:
    from sqlforge.model.online import calibration_of
    from sqlforge.serve.answering import Answerer

    calibration = calibration_of(online, asking.decoding)
    return Answerer(
        online,
        readers,
        asking.decoding,
        calibration=calibration,
        max_new_tokens=asking.max_new_tokens,
        patience=asking.patience,
    )


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log = logging.getLogger("sqlforge.serve")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
