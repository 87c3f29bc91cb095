"""How fast the generation engine writes, against ``model.generate``.

Answers Spider dev's questions greedily with each, compares texts token by token, and lists where
they part, in ``generation_parted.jsonl``: in bf16 the two best tokens may tie, and which of them
wins then depends on the shapes that a library multiplies in. Then the same work with and without
the schema's constraint at 256 texts at once, in turns. Figures go to
``docs/results/generation.json`` as they come, each with its card and commit, and leave those of the
other part there; ``--only`` measures one part. What fails says so and leaves the others their
figures.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from claims import RESULTS
from generation_asked import BATCH, Bench, opened, run_engine, tell_profile
from generation_constrained import constrained
from sqlforge.core.files import write_text
from sqlforge.model.engine import Completion, Engine
from sqlforge.model.quiet import quiet_libraries

SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rows", type=int, help="questions; all 1,034 without it")
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--quick", action="store_true", help="300 questions, nothing written")
    parser.add_argument(
        "--seconds", type=float, default=45.0, help="of constrained: no further turn begins later"
    )
    parser.add_argument("--only", choices=("compare", "constrained"), help="one part alone")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of generation.json")
    asked = parser.parse_args()
    started = time.perf_counter()
    quiet_libraries()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    bench = opened(asked)
    print(f"opened in {time.perf_counter() - started:.1f} s", flush=True)
    parts: list[Callable[[Bench], None]] = [constrained, compare]
    for part in [p for p in parts if asked.only in (None, p.__name__)]:
        print(f"{part.__name__}:", flush=True)
        bench.until = time.perf_counter() + asked.seconds
        try:
            part(bench)
        except Exception:  # noqa: BLE001  (told in full; the other parts have their figures)
            traceback.print_exc()
            print(f"  {part.__name__} failed", flush=True)
        bench.keep()
        print(f"after {time.perf_counter() - started:.1f} s", flush=True)
    if bench.folder is None:
        print("a trial: nothing is written to docs/")


def compare(bench: Bench) -> None:
    """The engine, cold and warm, against ``model.generate``."""
    width = max(map(len, bench.prompts)) + bench.new_tokens
    limits = [bench.new_tokens] * len(bench.prompts)
    plain_generate(bench, bench.prompts[:BATCH], 4)  # libraries set themselves up

    def cold() -> tuple[Engine, list[Completion]]:
        engine = Engine(bench.model, bench.tokenizer, rows=BATCH, width=width)
        return engine, run_engine(bench, engine, limits)

    seconds, (engine, found) = bench.seconds(cold)
    tokens = sum(c.tokens for c in found)
    cold_speed = tokens / seconds
    bench.claim("engine_cold_seconds", seconds, "s")
    bench.claim("engine_cold_tokens_per_second", cold_speed, "tokens/s")
    computed = engine.prefilled
    engine.profile.clear()
    seconds, warm = bench.seconds(lambda: run_engine(bench, engine, limits))
    bench.claim("engine_seconds", seconds, "s")
    bench.claim("engine_tokens_per_second", tokens / seconds, "tokens/s")
    tell_profile(bench, engine, "engine")
    bench.claim("prompt_tokens", sum(map(len, bench.prompts)))
    bench.claim("prompt_tokens_computed", computed)
    steady = sum(a.ids == b.ids for a, b in zip(found, warm, strict=True))
    bench.claim("equal_cold_and_warm", steady / len(found), "fraction")
    engine.close()
    bench.keep()
    plain_seconds, plain = bench.seconds(
        lambda: plain_generate(bench, bench.prompts, bench.new_tokens)
    )
    plain_speed = sum(map(len, plain)) / plain_seconds
    bench.claim("generate_seconds", plain_seconds, "s")
    bench.claim("generate_tokens_per_second", plain_speed, "tokens/s")
    bench.claim("engine_cold_speedup", cold_speed / plain_speed, "", ">= 4")
    bench.claim("engine_speedup", tokens / seconds / plain_speed)
    bench.keep()
    agreement(bench, [list(c.ids) for c in found], plain)


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
    equal = ties = near = 0
    parted: list[dict[str, Any]] = []
    for number, (prompt, mine, other) in enumerate(zip(bench.prompts, ours, plain, strict=True)):
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
        both = [float(logits[token]) for token in chosen]
        told = {"question": number, "at": at, "ours": chosen[0], "theirs": chosen[1]}
        parted.append(told | {"logits": both, "step_of_bf16": rounding, "tie": tie})
        if len(parted) <= SHOWN:
            print(
                f"    parts at token {at}: ours {chosen[0]}, theirs {chosen[1]}, logits "
                f"{both[0]:.4f} and {both[1]:.4f}, one step of bf16 {rounding:.4f}"
                f"{': a tie' if tie else ''}",
                flush=True,
            )
    if bench.folder is not None:
        lines = [json.dumps(one) + "\n" for one in parted]
        write_text(bench.folder / "generation_parted.jsonl", "".join(lines))
    bench.claim("equal_to_generate", equal / len(ours), "fraction")
    bench.claim("parted_at_ties", ties)
    bench.claim("parted_within_one_step_of_bf16", near)
    bench.claim("equal_or_parted_at_a_tie", (equal + ties) / len(ours), "fraction", ">= 0.99")


if __name__ == "__main__":
    main()
