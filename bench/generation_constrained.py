"""What the schema's constraint costs in speed; see ``generation.py``."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from generation_asked import BATCH, Bench, run_engine, tell_profile
from sqlforge.decode.constrain import constraint_for
from sqlforge.decode.vocabulary import vocabulary_of
from sqlforge.model.engine import Engine

TURNS = 3


def constrained(bench: Bench) -> None:
    """The same tokens' work with masks and without, 256 texts at once, in turns.

    Both write each text as long as it was under the constraint, on one engine whose graphs are
    captured: its end token is never written, and texts end at their limits.
    """
    width = max(map(len, bench.prompts)) + bench.new_tokens
    started = time.perf_counter()
    vocabulary = vocabulary_of(bench.tokenizer)
    made = {
        key: constraint_for(schema, vocabulary)
        for key, schema in zip(bench.keys, bench.schemas, strict=True)
    }
    cold = time.perf_counter() - started
    bench.claim("constraints_cold_seconds", cold, "s")

    def cursors() -> list[Any]:
        return [made[key].start(bench.new_tokens) for key in bench.keys]

    started = time.perf_counter()
    cursors()
    bench.claim("cursors_seconds", time.perf_counter() - started, "s")
    with Engine(bench.model, Endless(bench.tokenizer), rows=BATCH, width=width) as engine:
        # Captures graphs, and finds lengths: after a constraint's end no token may follow.
        logging.getLogger("sqlforge").setLevel(logging.ERROR)
        limits = [bench.new_tokens] * len(bench.prompts)
        seconds, found = bench.seconds(lambda: run_engine(bench, engine, limits, cursors()))
        logging.getLogger("sqlforge").setLevel(logging.WARNING)
        bench.claim("constrained_cold_seconds", seconds, "s")
        lengths = [c.tokens for c in found]
        ended = sum(bench.tokenizer.eos_token_id in c.ids[-1:] for c in found)
        bench.claim("constrained_ended", ended / len(found), "fraction", ">= 1")
        run_engine(bench, engine, lengths)
        speeds: dict[str, list[float]] = {"constrained": [], "unconstrained": []}
        last = 0.0
        for turn in range(TURNS):
            begun = time.perf_counter()
            if turn and begun + last > bench.until:
                break
            for way, taken in speeds.items():
                engine.profile.clear()
                masked = cursors() if way == "constrained" else None
                ask = partial(run_engine, bench, engine, lengths, masked)
                seconds, answers = bench.seconds(ask)
                taken.append(sum(c.tokens for c in answers) / seconds)
                print(f"    {way}: {taken[-1]:,.0f} tokens/s in {seconds:.2f} s", flush=True)
                if turn == 0:
                    tell_profile(bench, engine, way)
            last = time.perf_counter() - begun
            tell_loss(bench, sum(lengths), cold, speeds)
            bench.keep()
    print(f"    for example: {found[0].text}")


def tell_loss(bench: Bench, tokens: int, cold: float, speeds: dict[str, list[float]]) -> None:
    """What the constraint costs: medians of the turns so far, of the loss turn by turn."""
    masked, free = (statistics.median(taken) for taken in speeds.values())
    pairs = zip(*speeds.values(), strict=False)
    kept = statistics.median(one / other for one, other in pairs)
    names: tuple[str, ...] = "constrained_tokens", "constraint_loss", "constraint_loss_cold"
    names += tuple(f"{way}_tokens_per_second" for way in speeds)
    bench.rows = [row for row in bench.rows if row.name not in names]
    bench.claim("constrained_tokens", tokens)
    bench.claim("constrained_tokens_per_second", masked, "tokens/s")
    bench.claim("unconstrained_tokens_per_second", free, "tokens/s")
    bench.claim("constraint_loss", 1 - kept, "fraction", "<= 0.1")
    # With the vocabulary read and the schemas' constraints built for this one run.
    bench.claim("constraint_loss_cold", 1 - kept / (1 + cold * masked / tokens), "fraction")


class Endless:
    """A tokenizer whose end token is never written."""

    eos_token_id = -1

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.pad_token_id = tokenizer.pad_token_id

    def __len__(self) -> int:
        return len(self._tokenizer)

    def decode(self, ids: Sequence[int]) -> str:
        """Its text."""
        return str(self._tokenizer.decode(ids))
