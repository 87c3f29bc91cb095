"""A server's life: a port taken before anything is loaded, and an end that finishes what runs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from sqlforge.core.errors import UserError
from sqlforge.serve.limits import Room

_LOG = logging.getLogger("sqlforge.serve")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``.

    >>> is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, False)
    """
    return host in _LOOPBACK or host.startswith("127.")


def taken_port(host: str, port: int) -> socket.socket:
    """A socket that listens; 0 is any free port.

    Raises:
        UserError: the port is in use or not allowed, or the host is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:
        raise _no_place(host, port, fault) from fault
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)  # at once: until then another process may bind it too
    except OSError as fault:
        listening.close()
        raise _no_place(host, port, fault) from fault
    return listening


def run_until_told(
    app: FastAPI, listening: socket.socket, *, grace_s: float, started: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what runs, for ``grace_s`` at most.

    Meanwhile new requests are refused with 503. A second signal ends it at once.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        lifespan="off",
        ws="none",
    )
    asyncio.run(_run(_Server(config), app.state.room, listening, grace_s, started))


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they are ours: its own handlers close the port before what runs has ended


async def _run(
    server: _Server,
    room: Room,
    listening: socket.socket,
    grace_s: float,
    started: Callable[[], None],
) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        if told.is_set():
            server.should_exit = server.force_exit = True
        room.closed = True
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    serving = asyncio.create_task(server.serve([listening]))
    stopping = asyncio.create_task(_stop(server, room, told, grace_s))
    started()
    await serving
    stopping.cancel()


async def _stop(server: _Server, room: Room, told: asyncio.Event, grace_s: float) -> None:
    await told.wait()
    _LOG.info("stopping: %d texts are finished first", room.taken)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace_s):
            while room.taken:
                await asyncio.sleep(0.05)
    if room.taken:
        _LOG.warning("stopping: %d texts are cut off after %g s", room.taken, grace_s)
    server.should_exit = True


def _no_place(host: str, port: int, fault: OSError) -> UserError:
    if fault.errno == errno.EADDRINUSE:
        return UserError(
            f"port {port}, which is in use on {host}", "a free one", "name another with --port"
        )
    return UserError(
        f"{host}:{port} ({fault.strerror})",
        "an address of this machine and a port that may be used",
        "name another with --host or --port",
    )
