"""vLLM as the engine of ``predict``: the same prompts, the same constraint, the same records.

vLLM lives in an environment of its own (``make venv-vllm``) and is imported only when it is asked
for. Prompts go in as token ids and answers come back as token ids, so that its reading of a
tokenizer or of a model's generation defaults changes nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import ModelError, UserError
from sqlforge.decode.constrain import constraint_for
from sqlforge.decode.vote import Candidate
from sqlforge.model.load import UNREADABLE, adapter_base, load_tokenizer, refuse_pickles, resolve
from sqlforge.model.schema_argument import constraint_arguments, vocabulary_at
from sqlforge.model.writer import Asked

Progress = Callable[[int, int], None]
_PROCESSOR = "sqlforge.model.vllm_constraint:SchemaMask"
# What holds for offline work on one machine; whoever sets one of these keeps it.
_SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process: its errors are ours
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # torch's own threads, all cores
}


@dataclass(frozen=True, slots=True)
class VllmWriter:
    """A model on vLLM; the face is :class:`sqlforge.model.writer.Writer`'s."""

    llm: Any
    tokenizer: Any
    location: str

    def write(
        self,
        asked: Sequence[Asked],
        decoding: Decoding,
        *,
        max_new_tokens: int,
        batch_tokens: int,
        progress: Progress | None = None,
    ) -> list[list[Candidate]]:
        """For each question one candidate a temperature in ``decoding``, in their order.

        ``batch_tokens`` is not needed: vLLM fills its batches by the memory it has.

        Raises:
            ConstraintError: a schema or budget that no constraint can be made for.
            ModelError: a prompt and its answer are longer than the model's context.
        """
        self._check(asked, decoding, max_new_tokens)
        end = int(self.tokenizer.eos_token_id)
        places = [
            (number, arguments)
            for number, one in enumerate(asked)
            for arguments in sampling_arguments(one, number, decoding, max_new_tokens, end)
        ]
        outputs = self._run([asked[number].prompt for number, _ in places],
                            [arguments for _, arguments in places], progress)  # fmt: skip
        found: list[list[Candidate]] = [[] for _ in asked]
        for (number, arguments), samples in zip(places, outputs, strict=True):
            for sample in samples:
                found[number].append(self._candidate(sample, arguments, end))
        return found

    def _candidate(self, sample: Any, arguments: dict[str, Any], end: int) -> Candidate:
        ids = list(sample.token_ids)
        text = self.tokenizer.decode(ids[: ids.index(end)] if end in ids else ids).strip()
        # vLLM reports log-probabilities divided by the temperature, see vllm_constraint.
        logprob = sample.cumulative_logprob * (arguments["temperature"] or 1.0)
        made = Candidate.query if "extra_args" in arguments else Candidate.of
        return made(text, logprob, len(ids))

    def _check(self, asked: Sequence[Asked], decoding: Decoding, max_new_tokens: int) -> None:
        """Fail before the first token is written."""
        context = int(self.llm.llm_engine.model_config.max_model_len)
        longest = max((len(one.prompt) for one in asked), default=0)
        if longest + max_new_tokens > context:
            raise ModelError(
                f"a prompt of {longest:,} tokens and {max_new_tokens:,} for the answer",
                f"at most {context:,} tokens, which is what vLLM holds of this model here",
                "use the engine transformers, lower --max-new-tokens, or give vLLM more memory "
                "(on a CPU: VLLM_CPU_KVCACHE_SPACE, in GiB)",
            )
        if decoding.constrain == "schema":
            vocabulary = vocabulary_at(self.location)
            for schema in dict.fromkeys(one.schema for one in asked):
                constraint_for(schema, vocabulary, join_on_keys=decoding.join_on_keys).start(
                    max_new_tokens
                )

    def _run(
        self,
        prompts: Sequence[tuple[int, ...]],
        arguments: Sequence[dict[str, Any]],
        progress: Progress | None,
    ) -> list[list[Any]]:
        """The samples of each request, in their order."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        whole = RequestOutputKind.FINAL_ONLY  # all samples of a request at once, when they ended
        engine, finished = self.llm.llm_engine, {}
        try:
            for number, (prompt, told) in enumerate(zip(prompts, arguments, strict=True)):
                request = {"prompt_token_ids": list(prompt)}
                engine.add_request(str(number), request, SamplingParams(**told, output_kind=whole))
            while engine.has_unfinished_requests():
                for output in engine.step():
                    if output.finished:
                        finished[int(output.request_id)] = list(output.outputs)
                        if progress:
                            progress(len(finished), len(prompts))
        finally:
            if left := [str(n) for n in range(len(prompts)) if n not in finished]:
                engine.abort_request(left)
        return [finished[number] for number in range(len(prompts))]


def sampling_arguments(
    asked: Asked, number: int, decoding: Decoding, max_new_tokens: int, end: int
) -> list[dict[str, Any]]:
    """What vLLM's ``SamplingParams`` is given for one question: a request a temperature.

    The seed of a question's samples depends on its place and the run's seed only.

    >>> from sqlforge.core.schema import Schema
    >>> asked = Asked((1, 2), "shop", Schema(()))
    >>> greedy, drawn = sampling_arguments(asked, 0, Decoding(samples=8, vote=True), 64, 2)
    >>> greedy["n"], greedy["temperature"], drawn["n"], drawn["temperature"]
    (1, 0.0, 7, 1.0)
    """
    found = []
    for temperature, group in groupby(decoding.temperatures):
        told: dict[str, Any] = {
            "n": len(list(group)),
            "temperature": temperature,
            "seed": _seed(decoding.seed, number) if temperature else None,
            "max_tokens": max_new_tokens,
            "stop_token_ids": [end],
            "detokenize": False,
            "logprobs": 0,  # of the tokens taken, none beside them
        }
        if decoding.constrain == "schema":
            told["extra_args"] = constraint_arguments(asked, decoding)
        found.append(told)
    return found


def open_vllm(name: str, *, dtype: str = "bfloat16") -> VllmWriter:
    """Load a base model or merged folder on vLLM.

    Raises:
        ModelError: vLLM is not installed, or cannot load this model.
        UserError: ``name`` is an adapter.
    """
    if importlib.util.find_spec("vllm") is None:
        raise ModelError(
            "--engine vllm in an environment without vLLM",
            "the one that 'make venv-vllm' builds",
            "run 'make venv-vllm', then .venv-vllm/bin/sqlforge with the same arguments",
        )
    if adapter_base(Path(name)) is not None:
        raise UserError(
            f"the adapter '{name}' for vLLM",
            "a whole model",
            "merge it first ('sqlforge merge RUN'), then name RUN/merged",
        )
    tokenizer = load_tokenizer(name)
    location = resolve(name).location
    refuse_pickles(location)
    return VllmWriter(_load(name, location, dtype), tokenizer, location)


def _load(name: str, location: str, dtype: str) -> Any:
    import torch

    on_cpu = not torch.cuda.is_available()
    told = _SETTINGS | (cpu_settings() if on_cpu else {})
    for variable, value in told.items():
        os.environ.setdefault(variable, value)
    warnings.filterwarnings("ignore", module=r"vllm\b")
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)  # none is needed
    from vllm import LLM

    try:
        return LLM(
            location,
            dtype=dtype,
            load_format="safetensors",  # never pickles
            skip_tokenizer_init=True,  # ids in, ids out
            generation_config="vllm",  # none of the model's own defaults
            max_model_len=-1,  # the model's context, or what of it the memory holds
            enforce_eager=on_cpu,
            use_tqdm_on_load=False,
            async_scheduling=False,  # masks are made while the model runs, from tokens known
            enable_prefix_caching=True,
            logits_processors=[_PROCESSOR],
            logprobs_mode="processed_logits",  # see vllm_constraint
        )
    except UNREADABLE as fault:
        reason = " ".join(str(fault).split())[:200]
        raise ModelError(
            f"'{name}', which vLLM cannot load ({reason})",
            "a whole model of a kind that vLLM knows, and memory for it",
            "use the engine transformers, or see vLLM's own words with VLLM_LOGGING_LEVEL=INFO",
        ) from fault


def cpu_settings() -> dict[str, str]:
    """vLLM's environment on a CPU, where whoever starts it says nothing else."""
    return {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # torch's own threads, all cores
        # One small function of vLLM's is compiled otherwise, which takes longer than it saves.
        "TORCHDYNAMO_DISABLE": "1",
        "VLLM_USE_AOT_COMPILE": "0",  # else its server wants what the line above turns off
        # Its own default is nearly all the memory there is, and it writes all of it.
        "VLLM_CPU_KVCACHE_SPACE": str(_cache_gib()),
    }


def _cache_gib() -> int:
    """An eighth of the memory, in whole GiB, for keys and values."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, memory // 8 // 2**30)


def _seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
