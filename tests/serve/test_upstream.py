"""In front of another server: what it says is passed on, and its faults are told as such.

The other one is SQLForge's own on the built-in engine; vLLM's has the same interface.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import openai
import pytest
import uvicorn
from fastapi.testclient import TestClient

from sqlforge.core.errors import UserError
from sqlforge.serve.app import create_app
from sqlforge.serve.keys import Key
from sqlforge.serve.local import LocalModel
from sqlforge.serve.settings import ServeSettings
from sqlforge.serve.upstream import Upstream

KEY, BEHIND = "a-long-secret-of-ann", "a-long-secret-of-the-other"


@pytest.fixture(scope="module")
def behind(local: LocalModel) -> Iterator[str]:
    """A server on a port of its own, and its URL."""
    app = create_app(ServeSettings("smol", (Key.of("front", BEHIND),)), local)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def api(behind: str) -> Iterator[openai.OpenAI]:
    app = create_app(ServeSettings("front", (Key.of("ann", KEY),)), Upstream(behind, BEHIND))
    with TestClient(app) as http:
        yield openai.OpenAI(
            api_key=KEY, base_url="http://testserver/v1", http_client=http, max_retries=0
        )


def test_answers_and_streams_are_passed_on(api: openai.OpenAI) -> None:
    assert [model.id for model in api.models.list()] == ["smol"]
    whole = api.completions.create(model="smol", prompt="1, 2, 3,", temperature=0, max_tokens=6)
    stream = api.completions.create(
        model="smol", prompt="1, 2, 3,", temperature=0, max_tokens=6, stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text


def test_refusals_are_passed_on_and_keys_stay_here(api: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="expected 'smol'"):
        api.completions.create(model="gpt", prompt="1, 2, 3,")
    with pytest.raises(openai.BadRequestError, match="16 at most"):
        api.completions.create(model="smol", prompt="1", n=17)
    with pytest.raises(openai.AuthenticationError):
        api.with_options(api_key=BEHIND).models.list()


def test_a_server_behind_that_is_away_is_502_and_its_key_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = create_app(ServeSettings("front"), Upstream(f"http://ann:pw@127.0.0.1:{port}", BEHIND))
    answer = TestClient(app).post("/v1/completions", json={"model": "smol", "prompt": "a"})
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_unreachable"
    assert BEHIND not in answer.text and "pw" not in answer.text


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(UserError, match="write http://HOST:PORT"):
        Upstream("localhost:8000")
