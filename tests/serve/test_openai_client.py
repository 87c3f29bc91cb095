"""OpenAI's own client against the application."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from fastapi.testclient import TestClient

from sqlforge.serve.app import create_app
from sqlforge.serve.keys import Key
from sqlforge.serve.local import LocalModel
from sqlforge.serve.settings import ServeSettings

KEY = "a-long-secret-of-ann"
QUESTION: openai.types.chat.ChatCompletionUserMessageParam = {
    "role": "user",
    "content": "What is the capital of France?",
}


@pytest.fixture(scope="module")
def api(local: LocalModel) -> Iterator[openai.OpenAI]:
    app = create_app(ServeSettings("smol", (Key.of("ann", KEY),), waiting=0, running=4), local)
    with TestClient(app) as http:
        yield openai.OpenAI(
            api_key=KEY, base_url="http://testserver/v1", http_client=http, max_retries=0
        )


def test_models_are_listed(api: openai.OpenAI) -> None:
    assert [model.id for model in api.models.list()] == ["smol"]
    assert api.models.retrieve("smol").owned_by == "sqlforge"


def test_a_chat_and_its_stream(api: openai.OpenAI) -> None:
    whole = api.chat.completions.create(
        model="smol", messages=[QUESTION], temperature=0, max_tokens=16
    )
    assert whole.choices[0].message.content == "The capital of France is Paris."
    stream = api.chat.completions.create(
        model="smol",
        messages=[QUESTION],
        temperature=0,
        max_completion_tokens=16,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage


def test_a_text_and_its_stream(api: openai.OpenAI) -> None:
    whole = api.completions.create(model="smol", prompt="1, 2, 3,", temperature=0, max_tokens=6)
    stream = api.completions.create(
        model="smol", prompt="1, 2, 3,", temperature=0, max_tokens=6, stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text


def test_errors_are_the_clients_own_exceptions(api: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="expected 'smol'") as missing:
        api.chat.completions.create(model="gpt-4o", messages=[QUESTION])
    assert missing.value.code == "model_not_found" and missing.value.param == "model"
    with pytest.raises(openai.BadRequestError) as long:
        api.completions.create(model="smol", prompt="one " * 300)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.AuthenticationError):
        api.with_options(api_key="wrong").models.list()
    with pytest.raises(openai.BadRequestError, match="4 at most"):
        api.completions.create(model="smol", prompt="one", n=5)
