"""The server as a process of its own, which loads, answers and is told to stop."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from sqlforge import cli

KEY = "a-key-that-is-long-enough"
COUNT = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,"  # goes on for long
pytestmark = pytest.mark.xdist_group("serve process")


class Process:
    """A running ``sqlforge serve``."""

    def __init__(self, folder: Path, *words: str) -> None:
        facts = folder / "facts.json"
        with closing(sqlite3.connect(folder / "shop.db")) as connection:
            connection.execute("CREATE TABLE goods(id INTEGER PRIMARY KEY, title TEXT)")
            connection.execute("INSERT INTO goods VALUES (1, 'Lamp')")
            connection.commit()
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sqlforge", "serve", "--model", "smollm2-135m",
                 "--port", "0", "--context", "512", "--rows", "4",
                 "--db", str(folder / "shop.db"), "--json", str(facts), *words],
                stderr=log, env={**os.environ, "SQLFORGE_API_KEYS": KEY},
            )  # fmt: skip
        while not facts.exists():
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        self.url = str(json.loads(facts.read_text())["url"])
        self.client = httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {KEY}"})

    def open_texts(self) -> float:
        """How many texts are being written, as the metrics say."""
        page = self.client.get("/metrics").text.splitlines()
        (line,) = [line for line in page if line.startswith("sqlforge_texts_open ")]
        return float(line.split()[1])


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, smol_installed: None) -> Iterator[Process]:
    made = Process(tmp_path_factory.mktemp("serve"))
    yield made
    made.client.close()
    made.process.kill()
    made.process.wait()


def test_clients_that_go_away_free_their_rows(process: Process) -> None:
    body = {"model": "smollm2-135m", "prompt": COUNT, "max_tokens": 400, "temperature": 0}
    with (
        httpx2.Client(base_url=process.url, headers=process.client.headers) as leaving,
        pytest.raises(httpx2.ReadTimeout),
    ):
        leaving.post("/v1/completions", json=body, timeout=0.5)
    with process.client.stream("POST", "/v1/completions", json={**body, "stream": True}) as stream:
        next(stream.iter_lines())
    until = time.monotonic() + 3
    while process.open_texts() and time.monotonic() < until:
        time.sleep(0.05)
    assert process.open_texts() == 0
    assert " 499 " in process.log.read_text(), "it would be 200 had the text been finished"


def test_questions_are_answered_from_the_database_by_the_model(process: Process) -> None:
    said = process.client.post("/v1/sql", json={"question": "How many goods?"}, timeout=30).json()
    assert said["sql"] and said["dialect"] == "sqlite" and said["linked"][0]["table"] == "goods"
    assert said["rows"] is not None or said["error"]
    ran = process.client.post("/v1/sql/run", json={"sql": "SELECT title FROM goods"}).json()
    assert ran["rows"] == [["Lamp"]]
    writing = process.client.post("/v1/sql/run", json={"sql": "DROP TABLE goods"}).json()
    assert writing["error"]["code"] == "query_refused"
    assert process.client.get("/").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--host", "0.0.0.0"], "without an API key"),
        (["--host", "192.0.2.1", "--api-key-file", "keys"], "an address of this machine"),
        (["--api-key-file", "nowhere"], "cannot be read"),
        (["--upstream", "http://127.0.0.1:1", "--db", "shop.db"], "but no --model"),
        (["--upstream", "http://127.0.0.1:1", "--model", "pickled"], "add --db"),
        (["--upstream", "http://127.0.0.1:1", "--name", "shop"], "leave out --name"),
        (["--upstream", "127.0.0.1:1"], "write http://HOST:PORT"),
        (["--db", "oracle://ann:s3cr3t@db/shop"], "Got "),
        (["--model", "pickled"], "pickle"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    smol_installed: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SQLFORGE_API_KEYS", raising=False)
    Path("keys").write_text("a-long-secret-of-ann\n")
    Path("pickled").mkdir()
    Path("pickled/config.json").write_text('{"model_type": "llama"}')
    Path("pickled/pytorch_model.bin").write_bytes(b"\x80\x04.")
    monkeypatch.setattr(sys, "argv", ["sqlforge", "serve", "--port", "0", *words])
    told = io.StringIO()
    with contextlib.redirect_stderr(told), pytest.raises(SystemExit) as ended:
        cli.main()
    last = told.getvalue().splitlines()[-1]
    assert ended.value.code == 2
    assert last.startswith("sqlforge: Got ") and sentence in last and "s3cr3t" not in last


def test_a_port_in_use_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "sqlforge", "serve", "--model", "nowhere", "--port", str(port)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr == (
        f"sqlforge: Got port {port}, which is in use on 127.0.0.1, expected a free one: "
        "name another with --port.\n"
    )


def test_sigterm_finishes_what_runs_and_refuses_new_requests(process: Process) -> None:
    body = {
        "model": "smollm2-135m", "stream": True, "temperature": 0, "max_tokens": 80,
        "prompt": COUNT,
    }  # fmt: skip
    with httpx2.Client(base_url=process.url, headers=process.client.headers) as other:
        assert other.get("/readyz").status_code == 200
        with process.client.stream("POST", "/v1/completions", json=body, timeout=60) as stream:
            lines = stream.iter_lines()
            next(lines)
            process.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            refused = other.get("/v1/models")
            ready = other.get("/readyz")
            rest = [line for line in lines if line]
    assert refused.status_code == 503 and "Retry-After" in refused.headers
    assert refused.json()["error"]["code"] == "stopping"
    assert ready.status_code == 503
    assert rest[-1] == "data: [DONE]"
    assert json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "length"
    assert process.process.wait(timeout=10) == 0
    assert "Traceback" not in process.log.read_text()
