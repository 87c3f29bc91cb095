"""What stands in front of every route: keys, rates, sizes, faults, and what is told of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from sqlforge.core.errors import UserError
from sqlforge.serve.app import create_app
from sqlforge.serve.keys import Key, read_keys
from sqlforge.serve.local import LocalModel
from sqlforge.serve.settings import ServeSettings

ANN, BOB = "ann-has-a-long-secret", "bob-has-a-long-secret"
KEYS = (Key.of("ann", ANN), Key.of("bob", BOB))


def as_(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def client_of(app: FastAPI, **options: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, **options)


def test_a_key_is_needed_for_everything_but_health(quick: LocalModel) -> None:
    client = client_of(create_app(ServeSettings("smol", KEYS), quick))
    for headers in ({}, as_("another"), {"Authorization": f"Basic {ANN}"}, as_("")):
        answer = client.get("/v1/models", headers=headers)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "invalid_api_key"
    assert client.get("/v1/models", headers=as_(ANN)).status_code == 200
    assert client.get("/v1/models", headers=as_(BOB)).status_code == 200
    assert {client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")} == {200}


def test_keys_come_from_a_file_and_the_environment_and_no_secret_is_told(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# who may ask\nann {ANN}\n{BOB}\n")
    keys = read_keys(file, {"SQLFORGE_API_KEYS": "another-long-secret, and-one-long-secret"})
    assert [key.name for key in keys] == ["ann", "key-2", "key-3", "key-4"]
    assert ANN not in repr(keys)
    for text in ("short\n", f"ann {ANN} more\n", f"ann {ANN}\nann {BOB}\n", "", f"a/b {ANN}\n"):
        file.write_text(text)
        with pytest.raises(UserError) as caught:
            read_keys(file, {})
        assert ANN not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_keys(tmp_path / "nowhere", {})


def test_each_key_has_its_own_rate(quick: LocalModel) -> None:
    client = client_of(create_app(ServeSettings("smol", KEYS, per_minute=2), quick))
    said = [client.get("/v1/models", headers=as_(ANN)) for _ in range(3)]
    assert [answer.status_code for answer in said] == [200, 200, 429]
    assert 1 <= int(said[-1].headers["retry-after"]) <= 30
    assert said[-1].json()["error"]["type"] == "rate_limit_error"
    assert client.get("/v1/models", headers=as_(BOB)).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_a_question_of_a_megabyte_is_413_in_one_sentence(quick: LocalModel) -> None:
    client = client_of(create_app(ServeSettings("smol"), quick))
    body = {"model": "smol", "messages": [{"role": "user", "content": "x" * 1_000_000}]}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == (
        "Got a request of more than 262,144 bytes, which is all that is taken: "
        "ask a shorter question."
    )


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"model": "\\ud800"}', "application/json", 400),
        (b'{"model": "smol", "n": 1e999}', "application/json", 400),
        (b'{"model": "smol", "n": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"", "application/json", 400),
    ],
)
def test_what_is_no_json_request_is_refused(
    quick: LocalModel, body: bytes, kind: str, status: int
) -> None:
    client = client_of(create_app(ServeSettings("smol"), quick))
    answer = client.post("/v1/completions", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]["message"].count("\n") == 0


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (r'{"model": "smol", "max_tokens": 1, "prompt": "a\ud83d\ude42"}', 200),
        (r'{"model": "smol", "max_tokens": 1, "prompt": "a\ud800b"}', 400),
        (r'{"model": "\uD800", "max_tokens": 1, "prompt": "ab"}', 400),
        (r'{"model": "smol", "max_tokens": 1, "prompt": "ab", "\udfff": 1}', 400),
    ],
)
def test_half_a_character_is_refused(quick: LocalModel, text: str, status: int) -> None:
    client = client_of(create_app(ServeSettings("smol"), quick))
    headers = {"content-type": "application/json"}
    answer = client.post("/v1/completions", content=text, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_defect_tells_the_client_an_id_and_the_log_where_but_no_values(
    quick: LocalModel, caplog: pytest.LogCaptureFixture
) -> None:
    app, cell = create_app(ServeSettings("smol"), quick), "Mrs Smith"

    @app.get("/v1/broken")
    async def broken() -> None:
        raise ValueError(cell)

    with caplog.at_level(logging.INFO, "sqlforge.serve"):
        answer = client_of(app).get("/v1/broken")
    assert answer.status_code == 500
    request_id = answer.headers["x-request-id"]
    assert request_id in answer.json()["error"]["message"]
    assert "ValueError" not in answer.text and "broken" not in answer.text
    assert request_id in caplog.text
    assert "in broken" in caplog.text and "builtins.ValueError" in caplog.text
    assert "Mrs Smith" not in caplog.text


def test_an_answer_that_breaks_off_is_not_ended_and_tells_no_values(quick: LocalModel) -> None:
    app, cell = create_app(ServeSettings("smol"), quick), "Mrs Smith"

    async def rows() -> AsyncIterator[str]:
        yield "one"
        raise ValueError(cell)

    @app.get("/v1/broken")
    async def broken() -> StreamingResponse:
        return StreamingResponse(rows())

    with pytest.raises(ConnectionAbortedError) as caught:
        TestClient(app).get("/v1/broken")
    assert cell not in "".join(traceback.format_exception(caught.value))


def test_the_log_has_neither_questions_nor_secrets_nor_what_clients_make_up(
    quick: LocalModel, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(create_app(ServeSettings("smol", KEYS), quick))
    body = {"model": "smol", "prompt": "Is Mrs Smith ill?", "max_tokens": 1}
    with caplog.at_level(logging.DEBUG, "sqlforge.serve"):
        assert client.post("/v1/completions?q=Smith", json=body, headers=as_(ANN)).is_success
        client.get(f"/v1/{BOB}", headers=as_(BOB))
        client.get("/v1/models", headers=as_(ANN[:-1]))
    log = "".join(r.getMessage() + "\n" for r in caplog.records if "sqlforge" in r.name)
    assert log.count("\n") == 3
    assert " ann POST /v1/completions 200 " in log and " bob GET other 404 " in log
    assert not [word for word in ("Smith", ANN, ANN[:-1], BOB) if word in log]
    metrics = client.get("/metrics").text
    assert not [word for word in ("Smith", ANN, BOB) if word in metrics]
    assert 'requests_total{method="POST",path="/v1/completions",status="200"} 1.0' in metrics
    assert "sqlforge_written_tokens_total 1.0" in metrics


def test_no_other_site_may_read_answers(quick: LocalModel) -> None:
    client = client_of(create_app(ServeSettings("smol"), quick))
    evil = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    asked = client.options("/v1/completions", headers=evil)
    assert asked.status_code == 405
    answer = client.get("/v1/models", headers=evil)
    assert not [name for name in (*asked.headers, *answer.headers) if "access-control" in name]


def test_a_local_server_is_not_reached_by_a_name_that_was_rebound(quick: LocalModel) -> None:
    settings = ServeSettings("smol", hosts=("localhost", "127.0.0.1", "[::1]"))
    for host, status in (("localhost:8000", 200), ("[::1]:80", 200), ("evil.example", 400)):
        client = client_of(create_app(settings, quick), base_url=f"http://{host}")
        assert client.get("/v1/models").status_code == status


def test_unknown_paths_and_methods_are_errors_in_the_same_form(quick: LocalModel) -> None:
    client = client_of(create_app(ServeSettings("smol"), quick))
    for answer, status in (
        (client.get("/v1/nothing"), 404),
        (client.get("/v1/completions"), 405),
        (client.request("BREW", "/v1/completions"), 405),
    ):
        assert answer.status_code == status
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert client.get("/docs").status_code == 404, "its page would load scripts from elsewhere"
