"""``serve``: a model, and what it knows of a database, over HTTP."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlforge.core.errors import UserError
from sqlforge.serve.settings import ServeSettings

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and how long it may take to stop."""

    host: str
    port: int
    grace_s: float


def serve(
    model: str,
    settings: ServeSettings,
    place: Place,
    *,
    context: int | None,
    say: Say,
    found: Callable[[dict[str, Any]], object] = lambda facts: None,
) -> None:
    """Serve ``model`` until SIGTERM or SIGINT.

    Args:
        model: catalog name, hub id, merged or adapter folder.
        settings: ``running`` is lowered to what fits into memory.
        place: taken before anything is loaded.
        context: longest prompt and text together, in tokens; what the model has if ``None``, 4,096
            at most.
        say: told where it listens.
        found: told the same once it does, as facts.

    Raises:
        UserError: the port is in use, a public address without keys, or the model cannot be had.
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

        say(f"loading {model}")
        with _running(model, settings.running, context) as (local, rows):
            app = create_app(replace(settings, running=rows), local)
            port = listening.getsockname()[1]
            url = f"http://{f'[{place.host}]' if ':' in place.host else place.host}:{port}"

            def started() -> None:
                found({"url": url, "model": settings.model, "rows": rows, "context": local.width})
                say(f"{settings.model} answers on {url}, stop it with Ctrl-C")

            run_until_told(app, listening, grace_s=place.grace_s, started=started)


@contextlib.contextmanager
def _running(model: str, rows: int, context: int | None) -> Any:
    from sqlforge.model.engine import Engine
    from sqlforge.model.writer import TransformersWriter, open_writer
    from sqlforge.serve.local import LocalModel

    writer = open_writer(model, "transformers")
    assert isinstance(writer, TransformersWriter)
    with Engine(writer.model, writer.tokenizer, rows=rows, width=context) as engine:
        engine.start()
        yield LocalModel(engine, writer.tokenizer), engine.rows


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    log = logging.getLogger("sqlforge.serve")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
