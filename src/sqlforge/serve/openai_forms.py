"""Requests and answers of OpenAI's interface, as far as this server has it.

What it does not do is refused, not ignored; what makes no difference is taken.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_MOST_STOPS, _STOP_LENGTH = 4, 256


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Stop = Annotated[str, StringConstraints(min_length=1, max_length=_STOP_LENGTH)]
_SomeStops = Annotated[list[_Stop], Field(max_length=_MOST_STOPS)] | None
Stops = Annotated[_SomeStops, BeforeValidator(_as_list, json_schema_input_type=_Stop | _SomeStops)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorDetail(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Every answer that is none."""

    error: ErrorDetail


class TextPart(_Form):
    """A piece of a message."""

    type: Literal["text"]
    text: str


class ChatMessage(_Form):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        """All of its content."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(_Form):
    """What a stream tells beside its text."""

    include_usage: bool = False


class _Sampling(_Form):
    model: str
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    stop: Stops = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    # Neutral values only: the engine draws from the whole distribution.
    top_p: Literal[1] | None = None
    frequency_penalty: Literal[0] | None = None
    presence_penalty: Literal[0] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    # Nothing depends on them.
    user: str | None = None
    metadata: dict[str, str] | None = None

    @property
    def drawn_at(self) -> float:
        """The temperature; 1 where none is named, as OpenAI has it."""
        return 1.0 if self.temperature is None else self.temperature


class ChatRequest(_Sampling):
    """What ``/v1/chat/completions`` takes."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: Literal[False] | None = None

    @property
    def most(self) -> int | None:
        """Tokens to write at most."""
        return self.max_completion_tokens or self.max_tokens


class CompletionRequest(_Sampling):
    """What ``/v1/completions`` takes: text, or token ids, that are gone on with."""

    prompt: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=128)]
    )
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: None = None
    echo: Literal[False] | None = None
    best_of: Literal[1] | None = None


class Usage(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatText(BaseModel):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class _Choice(BaseModel):
    index: int
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class ChatChoice(_Choice):
    """One of the answers."""

    message: ChatText


class _Answer(BaseModel):
    id: str
    created: int
    model: str
    usage: Usage


class ChatAnswer(_Answer):
    """What ``/v1/chat/completions`` gives."""

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]


class TextChoice(_Choice):
    """One of the texts."""

    text: str


class CompletionAnswer(_Answer):
    """What ``/v1/completions`` gives."""

    object: Literal["text_completion"] = "text_completion"
    choices: list[TextChoice]


class ModelEntry(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "sqlforge"


class ModelList(BaseModel):
    """What ``/v1/models`` gives."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]


def usage(read: int, written: int) -> dict[str, Any]:
    """Tokens, as OpenAI counts them."""
    return Usage(
        prompt_tokens=read, completion_tokens=written, total_tokens=read + written
    ).model_dump()
