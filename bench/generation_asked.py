"""What bench/generation.py asks of which model, and its figures as they come."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from claims import ClaimRow, keep_claims
from sqlforge.core.config import PromptPart
from sqlforge.core.schema import Schema
from sqlforge.model.engine import Completion, Engine, Request
from sqlforge.model.merge import load_any, tokenizer_of
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter
from sqlforge.score.benchmarks import load_benchmark

BATCH = 256
_QUICK_ROWS = 300


@dataclass(slots=True)
class Bench:
    """What is asked of which model, and the figures so far."""

    model: Any
    tokenizer: Any
    prompts: list[tuple[int, ...]]
    keys: list[str]
    schemas: list[Schema]
    new_tokens: int
    command: str
    folder: Path | None
    until: float = math.inf  # of time.perf_counter: what may be left out then is
    rows: list[ClaimRow] = field(default_factory=list)

    @property
    def cuda(self) -> bool:
        """Whether the model is on a GPU."""
        return bool(self.model.device.type == "cuda")

    def seconds(self, what: Callable[[], Any]) -> tuple[float, Any]:
        """How long ``what`` takes on the device, and what it gives."""
        if self.cuda:
            torch.cuda.synchronize()
        started = time.perf_counter()
        found = what()
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - started, found

    def claim(self, name: str, value: float, unit: str = "", bound: str | None = None) -> None:
        """Keep a figure, and print it at once."""
        row = ClaimRow(name, value, unit, bound, n=len(self.prompts))
        self.rows.append(row)
        met = "" if row.met is None else f"  bound {bound}: {'met' if row.met else 'NOT MET'}"
        print(f"  {name:44} {value:12,.4g} {unit}{met}", flush=True)

    def keep(self) -> None:
        """Write the figures so far, so that what comes later cannot lose them."""
        if self.folder is not None:
            keep_claims(
                "generation", command=self.command, seed=0, rows=self.rows, folder=self.folder
            )


def opened(asked: argparse.Namespace) -> Bench:
    """The model, and Spider dev's prompts, the longest schema first."""
    dataset = load_benchmark("spider", asked.data_dir, "dev")
    model = load_any(asked.model, dtype="bfloat16", device="auto")
    tokenizer = tokenizer_of(asked.model)
    prompter = Prompter.of(PromptPart(), dataset.databases)
    examples = list(dataset.examples)
    count = asked.rows or (_QUICK_ROWS if asked.quick else len(examples))
    # Evenly from all databases, not the first few.
    examples = examples[:: max(1, len(examples) // count)][:count]
    prompts = [
        encode_prompt(tokenizer, prompter.ask(e.db_id, e.question, "plain", (), e.sql))
        for e in examples
    ]
    longest: dict[str, int] = {}
    for example, prompt in zip(examples, prompts, strict=True):
        longest[example.db_id] = max(longest.get(example.db_id, 0), len(prompt))
    order = sorted(range(len(prompts)), key=lambda i: -longest[examples[i].db_id])
    mean = sum(map(len, prompts)) / len(prompts)
    print(
        f"{asked.model} on {model.device}: {len(prompts):,} prompts of {mean:.0f} tokens on "
        f"average, {max(map(len, prompts)):,} at most; {asked.new_tokens} new ones at most",
        flush=True,
    )
    # An adapter's folder is told by its own name, not by where it lies on this machine.
    name = "/".join(Path(asked.model).parts[-2:])
    return Bench(
        model,
        tokenizer,
        [tuple(prompts[i]) for i in order],
        [examples[i].db_id for i in order],
        [prompter.schema(examples[i].db_id) for i in order],
        asked.new_tokens,
        f"python bench/generation.py --data-dir DIR --model {name}",
        None if asked.quick else asked.results,
    )


def run_engine(
    bench: Bench, engine: Engine, limits: Sequence[int], cursors: Sequence[Any] | None = None
) -> list[Completion]:
    tickets = [
        engine.submit(Request(prompt, limit, key, constraint=cursors[n] if cursors else None))
        for n, (prompt, limit, key) in enumerate(
            zip(bench.prompts, limits, bench.keys, strict=True)
        )
    ]
    return [ticket.result() for ticket in tickets]


def tell_profile(bench: Bench, engine: Engine, name: str) -> None:
    profile = engine.profile
    for part, seconds in sorted(profile.seconds.items()):
        bench.claim(
            f"{name}_step_{part.replace(' ', '_')}", 1e3 * seconds / max(1, profile.steps), "ms"
        )
    bench.claim(f"{name}_steps", profile.steps)
    bench.claim(f"{name}_texts_a_step", profile.tokens / max(1, profile.steps))
