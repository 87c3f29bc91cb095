"""Questions about a database in front of another server.

A stand-in takes the place of vLLM's server, which is in another environment: it says what it is
told, token by token. ``tests/model/test_vllm_server.py`` has the real one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import ConstraintError, ModelError
from sqlforge.core.schema import Schema
from sqlforge.database.place import place_of
from sqlforge.database.readers import Readers
from sqlforge.model.schema_argument import SCHEMA, VALUES, schema_of_argument, values_of_argument
from sqlforge.model.writer import Asked
from sqlforge.serve.answering import Answerer
from sqlforge.serve.app import create_app
from sqlforge.serve.remote import RemoteModel
from sqlforge.serve.settings import ServeSettings
from sqlforge.serve.upstream import Upstream

KEY = "a-long-secret-of-the-other"
EIGHT = Decoding(constrain="schema", samples=3, vote=True)


class _StandIn(ThreadingHTTPServer):
    """Answers every request with the texts in ``says``, in turn."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tokenizer, self.says, self.heard = tokenizer, ["SELECT 1"], []
        self.status, self.hides = 200, ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _StandIn

    def do_GET(self) -> None:
        self._tell({"data": [{"id": "its-name", "max_model_len": 700}]})

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append((self.headers["Authorization"], told))
        choices = []
        for index in range(told["n"]):
            ids = self.server.tokenizer.encode(self.server.says[index % len(self.server.says)])
            ids.append(self.server.tokenizer.eos_token_id)
            logprobs = {"token_logprobs": [-0.5] * len(ids)}
            choice = {"index": index, "token_ids": ids, "logprobs": logprobs}
            choices.insert(0, {k: v for k, v in choice.items() if k not in self.server.hides})
        self._tell({"choices": choices})

    def _tell(self, body: Any) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def behind(smol_installed: None, smol_tokenizer: Any) -> Iterator[_StandIn]:
    with _StandIn(smol_tokenizer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE goods (name TEXT, price REAL)")
        connection.execute("INSERT INTO goods VALUES ('pen', 2.5), ('ink', 7)")
    return str(tmp_path / "shop.db")


def _answerer(behind: _StandIn, db: str, decoding: Decoding = EIGHT) -> Answerer:
    readers = Readers(place_of(db), seconds=5, rows=100)
    model = RemoteModel("smollm2-135m", f"{behind.url}/v1", KEY)
    return Answerer(model, readers, decoding, max_new_tokens=40)


def test_what_the_other_server_writes_is_executed_and_voted_on(behind: _StandIn, shop: str) -> None:
    behind.says = ["SELECT count(*) FROM goods", "SELECT count(name) FROM goods"]
    with _answerer(behind, shop) as answerer:
        found = answerer.answer("How many goods are there?")
    assert found.rows is not None and found.rows.rows == ((2,),)
    assert [one.votes for one in found.candidates] == [3, 3]
    (key, greedy), (_, drawn) = behind.heard
    assert key == f"Bearer {KEY}"
    assert (greedy["n"], greedy["temperature"], drawn["n"], drawn["temperature"]) == (1, 0, 2, 1)
    assert greedy["model"] == "its-name" and greedy["max_tokens"] == 40
    sent = schema_of_argument(greedy["vllm_xargs"][SCHEMA])
    assert [table.name for table in sent.tables] == ["goods"]


def test_values_of_the_question_narrow_what_the_other_server_may_write(
    behind: _StandIn, shop: str
) -> None:
    narrow = Decoding(constrain="schema", linked_literals=True)
    with _answerer(behind, shop, narrow) as answerer:
        behind.says = ["SELECT price FROM goods WHERE name = 'ink'"]
        assert answerer.answer("What does the ink cost?").rows is not None
        behind.says = ["SELECT price FROM goods WHERE name = 'pen'"]
        with pytest.raises(ConstraintError, match="does not allow"):
            answerer.answer("What does the ink cost?")
    assert values_of_argument(behind.heard[0][1]["vllm_xargs"][VALUES]) == ["ink"]


def test_probabilities_are_those_that_the_server_reports(
    behind: _StandIn, shop: str, smol_tokenizer: Any
) -> None:
    behind.says = ["SELECT price FROM goods"]
    tokens = len(smol_tokenizer.encode("SELECT price FROM goods")) + 1
    with _answerer(behind, shop, Decoding(constrain="schema")) as answerer:
        (tried,) = answerer.answer("What do goods cost?").candidates
    assert tried.probability == pytest.approx(2.718281828 ** (-0.5 * tokens))


def test_the_window_is_the_servers_own(behind: _StandIn) -> None:
    model = RemoteModel("smollm2-135m", behind.url)
    assert model.width == 700
    assert RemoteModel("smollm2-135m", behind.url, width=300).width == 300


def test_what_may_be_late_gets_fewer_tokens(behind: _StandIn) -> None:
    model = RemoteModel("smollm2-135m", behind.url)
    asked = Asked((1, 2, 3), "goods", Schema(()))
    for ahead in (-1.0, -1.0, 3600.0):  # the first answer has no speed to go by
        model.write(asked, Decoding(), 128, time.monotonic() + ahead)
    assert [told["max_tokens"] for _, told in behind.heard] == [128, 40, 128]


def test_a_server_that_does_not_constrain_is_found_out(behind: _StandIn, shop: str) -> None:
    behind.says = ["SELECT colour FROM goods"]
    with _answerer(behind, shop) as answerer:
        http = TestClient(create_app(ServeSettings("front"), Upstream(behind.url), answerer))
        answer = http.post("/v1/sql", json={"question": "Which colours are there?"})
    assert answer.status_code == 400
    assert "--logits-processors" in answer.json()["error"]["message"]
    with _answerer(behind, shop, Decoding()) as free:
        assert "colour" in (free.answer("Which colours are there?").error or "")
    behind.says = ["SELECT name FROM"]  # each token may come, but not the end
    with _answerer(behind, shop) as answerer, pytest.raises(ConstraintError, match="not allow"):
        answerer.answer("Which goods are there?")


@pytest.mark.parametrize("hidden", ["token_ids", "index"])
def test_a_server_that_answers_in_another_form_is_502(
    behind: _StandIn, shop: str, hidden: str
) -> None:
    behind.hides = hidden
    with _answerer(behind, shop) as answerer:
        http = TestClient(create_app(ServeSettings("front"), Upstream(behind.url), answerer))
        answer = http.post("/v1/sql", json={"question": "How many goods?"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_not_vllm")
    assert hidden in answer.json()["error"]["message"]


def test_a_server_that_fails_or_goes_away_is_502(behind: _StandIn, shop: str) -> None:
    with _answerer(behind, shop) as answerer:
        http = TestClient(create_app(ServeSettings("front"), Upstream(behind.url), answerer))
        behind.status = 500
        failed = http.post("/v1/sql", json={"question": "How many goods?"})
        assert (failed.status_code, failed.json()["error"]["code"]) == (502, "upstream_failed")
        behind.shutdown()
        behind.server_close()
        gone = http.post("/v1/sql", json={"question": "How many goods?"})
        assert (gone.status_code, gone.json()["error"]["code"]) == (502, "upstream_unreachable")
    with pytest.raises(ModelError, match="does not say what it serves"):
        RemoteModel("smollm2-135m", behind.url)
