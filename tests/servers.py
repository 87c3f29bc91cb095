"""Real database servers for tests: Debian's PostgreSQL and MariaDB, each in a temporary folder.

They run as an unprivileged user, on ports of their own, and end with the tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

PASSWORD = "s3cr3t/p@ss:w0rd"
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/sbin", "/usr/bin", "/usr/local/bin")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the URL, password included, of an empty database on it."""

    url: str
    host: str
    port: int


def binary(name: str) -> str:
    """The path of a server's program; the test is skipped where it is not installed."""
    found = [str(p) for place in _PLACES for p in Path("/").glob(f"{place[1:]}/{name}")]
    if not found and shutil.which(name) is None:
        pytest.skip(f"no {name} here: apt-get install postgresql mariadb-server")
    return found[-1] if found else str(shutil.which(name))


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """PostgreSQL with a superuser ``tester`` and the database ``postgres``."""
    initdb, server = binary("initdb"), binary("postgres")
    with _folder() as folder:
        secret = folder / "secret"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o644)
        data = folder / "data"
        _run([initdb, "-D", data, "-U", "tester", "-A", "scram-sha-256", "--pwfile", secret,
              "--no-sync", "-E", "UTF8", "--locale", "C"], folder)  # fmt: skip
        port = _free_port()
        command = [server, "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1",
                   "-c", "fsync=off", "-c", "shared_buffers=16MB"]  # fmt: skip
        with _running(command, folder):
            url = f"postgresql://tester:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
            yield Server(url, "127.0.0.1", port)


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """MariaDB: ``tester`` may do everything, ``reader`` read the database ``shop``."""
    install, server = binary("mariadb-install-db"), binary("mariadbd")
    with _folder() as folder:
        data = folder / "data"
        _run([install, "--no-defaults", f"--datadir={data}", "--skip-test-db",
              "--auth-root-authentication-method=normal"], folder)  # fmt: skip
        setup = folder / "setup.sql"
        setup.write_text(
            "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
            f"CREATE USER 'tester'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO 'tester'@'%';\n"
            "CREATE USER 'reader'@'%' IDENTIFIED BY 'reader';\n"
            "GRANT SELECT ON shop.* TO 'reader'@'%';\n"
        )
        setup.chmod(0o644)
        port = _free_port()
        command = [server, "--no-defaults", f"--datadir={data}", f"--socket={folder}/s",
                   f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={setup}",
                   f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=0",
                   "--innodb-buffer-pool-size=16M"]  # fmt: skip
        with _running(command, folder):
            url = f"mysql://tester:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/shop"
            yield Server(url, "127.0.0.1", port)


def _user() -> str | None:
    """The servers refuse to run as root."""
    return "nobody" if os.geteuid() == 0 else None


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sqlforge-server-"))
    try:
        if user := _user():
            shutil.chown(folder, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own(folder: Path) -> dict[str, str]:
    """Temporary files of its own: MariaDB removes at its start what another's lie there."""
    return os.environ | {"TMPDIR": str(folder)}


def _run(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, user=_user(), env=_own(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr or done.stdout


@contextlib.contextmanager
def _running(command: list[str | Path], folder: Path) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, user=_user(), env=_own(folder),
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text(errors="replace")
        said = log.read_text(errors="replace")
        if "ready to accept connections" in said or "ready for connections" in said:
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
