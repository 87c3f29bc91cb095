"""How fast the generation engine writes, against ``model.generate``.

Answers Spider dev's questions greedily with each, compares texts token by token, and lists where
they part: in bf16 the two best tokens may tie, and which of them wins then depends on the shapes
that a library multiplies in. Then the same work with and without the schema's constraint at 256
texts at once. Writes ``docs/results/generation.json``, or ``generation_PART.json`` with ``--only``;
each part that fails says so and leaves the others their figures.
"""

from __future__ import annotations

import argparse
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from claims import ClaimRow, write_claims
from sqlforge.core.config import PromptPart
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import constraint_for
from sqlforge.decode.vocabulary import vocabulary_of
from sqlforge.model.engine import Completion, Engine, Request
from sqlforge.model.merge import load_any, tokenizer_of
from sqlforge.model.quiet import quiet_libraries
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter
from sqlforge.score.benchmarks import load_benchmark

BATCH = 256
QUICK_ROWS = 300
SHOWN = 8


@dataclass(slots=True)
class Bench:
    """What is asked of which model, and the figures so far."""

    model: Any
    tokenizer: Any
    prompts: list[tuple[int, ...]]
    keys: list[str]
    schemas: list[Schema]
    new_tokens: int
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rows", type=int, help="questions; all 1,034 without it")
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--quick", action="store_true", help="300 questions, nothing written")
    parser.add_argument("--only", choices=("compare", "constrained"), help="one part alone")
    asked = parser.parse_args()
    quiet_libraries()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    bench = opened(asked)
    parts: list[Callable[[Bench], None]] = [compare, constrained]
    for part in [p for p in parts if asked.only in (None, p.__name__)]:
        print(f"{part.__name__}:", flush=True)
        try:
            part(bench)
        except Exception:  # noqa: BLE001  (told in full; the other parts have their figures)
            traceback.print_exc()
            bench.claim(f"{part.__name__}_failed", 1, "", "<= 0")
    if asked.quick:
        print("a trial: nothing is written to docs/")
        return
    # An adapter's folder is told by its own name, not by where it lies on this machine.
    name = "/".join(Path(asked.model).parts[-2:])
    command = f"python bench/generation.py --data-dir DIR --model {name}"
    command += f" --only {asked.only}" if asked.only else ""
    claims = f"generation_{asked.only}" if asked.only else "generation"
    print(write_claims(claims, command=command, seed=0, rows=bench.rows))


def opened(asked: argparse.Namespace) -> Bench:
    """The model, and Spider dev's prompts, the longest schema first."""
    dataset = load_benchmark("spider", asked.data_dir, "dev")
    model = load_any(asked.model, dtype="bfloat16", device="auto")
    tokenizer = tokenizer_of(asked.model)
    prompter = Prompter.of(PromptPart(), dataset.databases)
    examples = list(dataset.examples)
    count = asked.rows or (QUICK_ROWS if asked.quick else len(examples))
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
    return Bench(
        model,
        tokenizer,
        [tuple(prompts[i]) for i in order],
        [examples[i].db_id for i in order],
        [prompter.schema(examples[i].db_id) for i in order],
        asked.new_tokens,
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


def compare(bench: Bench) -> None:
    """The engine, cold and warm, against ``model.generate``."""
    width = max(map(len, bench.prompts)) + bench.new_tokens
    limits = [bench.new_tokens] * len(bench.prompts)
    plain_generate(bench, bench.prompts[:BATCH], 4)  # libraries set themselves up
    plain_seconds, plain = bench.seconds(
        lambda: plain_generate(bench, bench.prompts, bench.new_tokens)
    )
    plain_speed = sum(map(len, plain)) / plain_seconds
    bench.claim("generate_seconds", plain_seconds, "s")
    bench.claim("generate_tokens_per_second", plain_speed, "tokens/s")

    def cold() -> tuple[Engine, list[Completion]]:
        engine = Engine(bench.model, bench.tokenizer, rows=BATCH, width=width)
        return engine, run_engine(bench, engine, limits)

    seconds, (engine, found) = bench.seconds(cold)
    tokens = sum(c.tokens for c in found)
    bench.claim("engine_cold_seconds", seconds, "s")
    bench.claim("engine_cold_tokens_per_second", tokens / seconds, "tokens/s")
    bench.claim("engine_cold_speedup", tokens / seconds / plain_speed, "", ">= 4")
    computed = engine.prefilled
    engine.profile.clear()
    seconds, warm = bench.seconds(lambda: run_engine(bench, engine, limits))
    bench.claim("engine_seconds", seconds, "s")
    bench.claim("engine_tokens_per_second", tokens / seconds, "tokens/s")
    bench.claim("engine_speedup", tokens / seconds / plain_speed)
    tell_profile(bench, engine, "engine")
    bench.claim("prompt_tokens", sum(map(len, bench.prompts)))
    bench.claim("prompt_tokens_computed", computed)
    steady = sum(a.ids == b.ids for a, b in zip(found, warm, strict=True))
    bench.claim("equal_cold_and_warm", steady / len(found), "fraction")
    engine.close()
    agreement(bench, [list(c.ids) for c in found], plain)


def tell_profile(bench: Bench, engine: Engine, name: str) -> None:
    profile = engine.profile
    for part, seconds in sorted(profile.seconds.items()):
        bench.claim(
            f"{name}_step_{part.replace(' ', '_')}", 1e3 * seconds / max(1, profile.steps), "ms"
        )
    bench.claim(f"{name}_steps", profile.steps)
    bench.claim(f"{name}_texts_a_step", profile.tokens / max(1, profile.steps))


def trimmed(bench: Bench, ids: list[int]) -> list[int]:
    """Up to the end token, which is kept: it was written."""
    end = bench.tokenizer.eos_token_id
    return ids[: ids.index(end) + 1] if end in ids else ids


@torch.inference_mode()
def plain_generate(bench: Bench, prompts: Sequence[Sequence[int]], new: int) -> list[list[int]]:
    """``model.generate`` in batches of 256, sorted by length, padded on the left."""
    pad = bench.tokenizer.pad_token_id
    answers: dict[int, list[int]] = {}
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    for begin in range(0, len(order), BATCH):
        some = order[begin : begin + BATCH]
        width = max(len(prompts[i]) for i in some)
        ids = torch.full((len(some), width), pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, i in enumerate(some):
            ids[row, width - len(prompts[i]) :] = torch.tensor(prompts[i])
            mask[row, width - len(prompts[i]) :] = 1
        output = bench.model.generate(
            input_ids=ids.to(bench.model.device),
            attention_mask=mask.to(bench.model.device),
            max_new_tokens=new,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=pad,
            eos_token_id=bench.tokenizer.eos_token_id,
        )[:, width:].tolist()
        for i, row_ids in zip(some, output, strict=True):
            answers[i] = trimmed(bench, row_ids)
    return [answers[i] for i in range(len(prompts))]


@torch.inference_mode()
def agreement(bench: Bench, ours: list[list[int]], plain: list[list[int]]) -> None:
    """Share of equal answers, and whether the others part at a tie."""
    end = bench.tokenizer.eos_token_id
    equal = ties = near = shown = 0
    for prompt, mine, other in zip(bench.prompts, ours, plain, strict=True):
        theirs = [token for token in other if token != end]
        if mine == theirs:
            equal += 1
            continue
        pairs = zip([*mine, end], [*theirs, end], strict=False)
        at = next(n for n, (a, b) in enumerate(pairs) if a != b)
        chosen = [([*some, end])[at] for some in (mine, theirs)]
        ids = torch.tensor([[*prompt, *mine[:at]]], device=bench.model.device)
        logits = bench.model(input_ids=ids, logits_to_keep=1).logits[0, -1].float()
        best = logits.topk(2)
        gap = float(logits[chosen].max() - logits[chosen].min())
        # Eight bits of mantissa: neighbours differ by 2^-7 of their power of two at most.
        rounding = 2.0 ** (torch.frexp(best.values[0]).exponent.item() - 8)
        # Each side's own rounding errors add up over the layers: two steps each way.
        tie = gap <= 4 * rounding and set(chosen) <= set(logits.topk(3).indices.tolist())
        ties += tie
        near += gap <= rounding and set(chosen) == set(best.indices.tolist())
        if shown < SHOWN:
            shown += 1
            print(
                f"    parts at token {at}: ours {chosen[0]}, theirs {chosen[1]}, logits "
                f"{logits[chosen[0]]:.4f} and {logits[chosen[1]]:.4f}, one step of bf16 "
                f"{rounding:.4f}{': a tie' if tie else ''}",
                flush=True,
            )
    bench.claim("equal_to_generate", equal / len(ours), "fraction")
    bench.claim("parted_at_ties", ties)
    bench.claim("parted_within_one_step_of_bf16", near)
    bench.claim("equal_or_parted_at_a_tie", (equal + ties) / len(ours), "fraction", ">= 0.99")


def constrained(bench: Bench) -> None:
    """The same tokens' work with masks and without, 256 texts at once."""
    vocabulary = vocabulary_of(bench.tokenizer)
    width = max(map(len, bench.prompts)) + bench.new_tokens
    started = time.perf_counter()
    made = {
        key: constraint_for(schema, vocabulary)
        for key, schema in zip(bench.keys, bench.schemas, strict=True)
    }
    bench.claim("constraints_built", 1e3 * (time.perf_counter() - started) / len(made), "ms")

    def cursors() -> list[Any]:
        return [made[key].start(bench.new_tokens) for key in bench.keys]

    limits = [bench.new_tokens] * len(bench.prompts)
    with Engine(bench.model, bench.tokenizer, rows=BATCH, width=width) as engine:
        run_engine(bench, engine, limits, cursors())  # captures graphs, fills caches
        engine.profile.clear()
        masked, found = bench.seconds(lambda: run_engine(bench, engine, limits, cursors()))
        tell_profile(bench, engine, "constrained")
    tokens = sum(c.tokens for c in found)
    # Without masks each text is made as long as it was with them: the same work, token by token.
    endless = Endless(bench.tokenizer)
    with Engine(bench.model, endless, rows=BATCH, width=width) as engine:
        run_engine(bench, engine, [c.tokens for c in found])
        engine.profile.clear()
        free, _ = bench.seconds(lambda: run_engine(bench, engine, [c.tokens for c in found]))
        tell_profile(bench, engine, "unconstrained")
    bench.claim("constrained_tokens", tokens)
    bench.claim("constrained_tokens_per_second", tokens / masked, "tokens/s")
    bench.claim("unconstrained_tokens_per_second", tokens / free, "tokens/s")
    bench.claim("constraint_loss", 1 - free / masked, "fraction", "<= 0.1")
    ended = sum(c.finish == "stop" for c in found)
    bench.claim("constrained_ended", ended / len(found), "fraction", ">= 1")
    print(f"    for example: {found[0].text}")


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


if __name__ == "__main__":
    main()
