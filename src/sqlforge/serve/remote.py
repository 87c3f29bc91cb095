"""A model that another server writes with, vLLM's say, asked for a database's questions."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx2
from pydantic import BaseModel, ValidationError

from sqlforge.core.config import PromptPart, PromptStyle
from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import ConstraintError, ModelError
from sqlforge.core.redact import without_password
from sqlforge.decode.constrain import Cursor, constraint_for
from sqlforge.decode.vocabulary import Vocabulary, vocabulary_of
from sqlforge.decode.vote import Candidate
from sqlforge.model.merge import tokenizer_of
from sqlforge.model.online import CERTAIN, NEAR, model_of_run, prompts_of
from sqlforge.model.schema_argument import constraint_arguments
from sqlforge.model.writer import Asked
from sqlforge.serve.behind import away, client_options, failed
from sqlforge.serve.faults import RefusedError


class _Logprobs(BaseModel):
    token_logprobs: list[float | None] = []


class _Choice(BaseModel):
    index: int
    token_ids: list[int]
    logprobs: _Logprobs | None = None


class _Answer(BaseModel):
    """What is read of vLLM's answer."""

    choices: list[_Choice]


class RemoteModel:
    """What :class:`sqlforge.model.online.OnlineModel` is, with the writing done elsewhere.

    Prompts go as ids, and the constraint goes along as the arguments of
    :mod:`sqlforge.model.vllm_constraint`; every answer is held against the constraint once more,
    so that a server without that processor is found out. Probabilities are those that the server
    reports, which are the model's own unless it was told otherwise.

    Args:
        name: the folder or catalog name of the model that is served: its tokenizer and how it
            wants to be asked are read there.
        url: of the server, up to where ``/v1`` begins.
        key: shown to it.
        width: longest prompt and answer together, in tokens, if the server does not say.

    Raises:
        ModelError: the server does not answer, or the tokenizer cannot be had.
    """

    def __init__(self, name: str, url: str, key: str | None = None, *, width: int = 2048) -> None:
        self.name = model_of_run(name)
        self.part: PromptPart
        self.style: PromptStyle
        self.folder: Path | None
        self.part, self.style, self.folder = prompts_of(self.name)
        self.tokenizer = tokenizer_of(self.name)
        self._vocabulary: Vocabulary | None = None
        self._token_s = math.inf  # at best so far, the reading of the prompt included
        self._end = int(self.tokenizer.eos_token_id)
        self._shown = without_password(url)
        self._http = httpx2.Client(**client_options(url, key))
        try:
            served = self._http.get("/v1/models").raise_for_status().json()["data"][0]
        except (httpx2.HTTPError, ValueError, LookupError, TypeError) as fault:
            self._http.close()
            raise ModelError(
                f"{self._shown}, which does not say what it serves ({type(fault).__name__})",
                "a running server with OpenAI's interface",
                "start it first, and set SQLFORGE_UPSTREAM_KEY if it wants a key",
            ) from fault
        self._served = str(served["id"])
        self.width = min(width, int(served.get("max_model_len") or width))

    def write(
        self, asked: Asked, decoding: Decoding, max_new_tokens: int, deadline: float = math.inf
    ) -> list[Candidate]:
        """One candidate a temperature in ``decoding``, in their order.

        What may be late gets fewer tokens, by the speed of the fastest answer before.

        Raises:
            ConstraintError: the schema cannot be constrained, or the server does not constrain.
            RefusedError: the server does not answer.
        """
        cursor = None
        if max(self._token_s, deadline) < math.inf:
            fitting = int((deadline - time.monotonic()) / self._token_s)
            max_new_tokens = min(max_new_tokens, max(fitting, CERTAIN[self.style]))
        told: dict[str, Any] = {
            "model": self._served,
            "prompt": list(asked.prompt),
            "max_tokens": max_new_tokens,
            "stop_token_ids": [self._end],
            "logprobs": 0,
            "return_token_ids": True,
        }
        if decoding.constrain == "schema":
            cursor = constraint_for(
                asked.schema, self.vocabulary(), join_on_keys=decoding.join_on_keys
            ).start(max_new_tokens, asked.values)
            told["vllm_xargs"] = constraint_arguments(asked, decoding)
        began = time.monotonic()
        found: list[Candidate] = []
        for temperature, group in groupby(decoding.temperatures):
            drawn = {"temperature": temperature, "n": len(list(group))}
            if temperature:
                drawn["seed"] = decoding.seed
            found += [self._candidate(choice, cursor) for choice in self._choices(told | drawn)]
        longest = max(candidate.tokens for candidate in found)
        self._token_s = min(self._token_s, (time.monotonic() - began) / max(1, longest))
        return found

    def vocabulary(self) -> Vocabulary:
        """The bytes of its tokens, made once."""
        if self._vocabulary is None:
            self._vocabulary = vocabulary_of(self.tokenizer)
        return self._vocabulary

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def _choices(self, told: Mapping[str, Any]) -> list[_Choice]:
        try:
            answer = self._http.post("/v1/completions", json=told)
        except httpx2.HTTPError as fault:
            raise away(fault) from fault
        if answer.status_code != 200:
            raise failed(answer.status_code)
        try:
            found = _Answer.model_validate_json(answer.content).choices
        except ValidationError as fault:
            raise _other_form(fault) from fault
        return sorted(found, key=lambda choice: choice.index)

    def _candidate(self, choice: _Choice, start: Cursor | None) -> Candidate:
        ids = choice.token_ids
        text = ids[: ids.index(self._end)] if self._end in ids else ids
        logprobs = choice.logprobs.token_logprobs if choice.logprobs is not None else []
        logprob = sum(value for value in logprobs if value is not None)
        written = self.tokenizer.decode(text).strip()
        if start is None:
            found = Candidate.of(written, logprob, len(ids))
            return replace(found, cut_short=self._end not in ids)
        cursor = start.copy()
        self._hold(cursor, ids[: len(text) + 1])
        found = Candidate.query(written, logprob, len(ids))
        return replace(found, cut_short=cursor.tokens_left <= NEAR)

    def _hold(self, cursor: Cursor, ids: list[int]) -> None:
        try:
            for token in ids:
                cursor.advance(token)
        except ConstraintError as fault:
            raise ConstraintError(
                f"an answer of {self._shown} that the schema does not allow",
                "a server that applies the constraint",
                "start vLLM with --logits-processors sqlforge.model.vllm_constraint:SchemaMask, "
                "or serve with --constrain none",
            ) from fault


def _other_form(fault: ValidationError) -> RefusedError:
    place = ".".join(str(part) for part in fault.errors()[0]["loc"]) or "its body"
    return RefusedError(
        502,
        f"The server behind this one answers without {place} as vLLM has it: serve with vLLM.",
        "upstream_not_vllm",
    )
