"""vLLM beside our own engine: same answers, and how fast. Run it with ``.venv-vllm/bin/python``.

Spider dev prompts, spread over its databases, to SmolLM2-135M on the CPU, greedily: in fp32 and
bf16 without a constraint, in fp32 under the schema constraint. Where two answers differ, what fp32
makes of the two tokens at that place is printed: a tie is a gap below 0.001 in log-probability (for
bf16: below 0.1). Writes ``docs/results/vllm.json``.
"""

from __future__ import annotations

import argparse
import math
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from claims import ClaimRow, write_claims
from sqlforge.cli_support import published_folder
from sqlforge.core.config import PromptPart
from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.records import Dataset
from sqlforge.decode.constrain import Cursor, constraint_for, fill_masks, mask_words
from sqlforge.decode.vocabulary import vocabulary_of
from sqlforge.model.generate import generate
from sqlforge.model.load import load_model
from sqlforge.model.quiet import quiet_libraries
from sqlforge.model.vllm_engine import VllmWriter, open_vllm
from sqlforge.model.writer import Asked
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter
from sqlforge.score.benchmarks import load_benchmark

MODEL = "smollm2-135m"
CONSTRAINED = Decoding(constrain="schema")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--max-new-tokens", type=int, default=48)
    parser.add_argument("--speed", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    quiet_libraries()
    dataset = load_benchmark("spider", published_folder(given.data_dir), None)
    rows: list[ClaimRow] = []
    for dtype in ("float32", "bfloat16"):
        writer = open_vllm(MODEL, dtype=dtype)
        asked = spread(dataset, writer.tokenizer, given.rows)
        rows += compare(writer, asked, dtype, given.max_new_tokens)
        del writer
    if not given.speed:  # on a machine with other work
        rows = [row for row in rows if row.unit != "tokens/s"]
    for row in rows:
        print(f"{row.name:<36} {row.value:,.3f} {row.unit}")
    if given.write:
        asked_for = f"--rows {given.rows} --max-new-tokens {given.max_new_tokens}"
        command = f".venv-vllm/bin/python bench/vllm_engine.py {asked_for}"
        print(write_claims("vllm", command=command, seed=None, rows=rows))


def spread(dataset: Dataset, tokenizer: Any, count: int) -> list[Asked]:
    """``count`` questions at even distances, as ``predict`` asks them."""
    prompter = Prompter.of(PromptPart(), dataset.databases)
    step = max(1, len(dataset.examples) // count)
    return [
        Asked(
            encode_prompt(tokenizer, prompter.ask(e.db_id, e.question)),
            e.db_id,
            dataset.databases[e.db_id].schema,
        )
        for e in list(dataset.examples)[::step][:count]
    ]


def compare(writer: VllmWriter, asked: Sequence[Asked], dtype: str, most: int) -> list[ClaimRow]:
    """Both engines in one dtype; ties are told by the model in fp32."""
    n, short = len(asked), {"float32": "fp32", "bfloat16": "bf16"}[dtype]
    tie = {"float32": 1e-3, "bfloat16": 1e-1}[dtype]
    model: Any = load_model(MODEL, dtype=dtype, device="cpu")
    theirs, their_speed = timed_vllm(writer, asked, GREEDY, most)
    started = time.perf_counter()
    written = generate(
        model, writer.tokenizer, [a.prompt for a in asked], [a.schema_key for a in asked],
        max_new_tokens=most, batch_tokens=16_384,
    )  # fmt: skip
    our_speed = sum(w.tokens for w in written) / (time.perf_counter() - started)
    exact = load_model(MODEL, dtype="float32", device="cpu")
    ours = [w.text for w in written]
    rows = agreement(exact, writer.tokenizer, asked, ours, theirs, tie, short)
    rows.append(ClaimRow(f"{short}_vllm_speed", their_speed, "tokens/s", n=n))
    rows.append(ClaimRow(f"{short}_own_speed", our_speed, "tokens/s", n=n))
    if dtype == "float32":
        theirs, their_speed = timed_vllm(writer, asked, CONSTRAINED, most)
        ours = [constrained(model, writer.tokenizer, one, most) for one in asked]
        name = f"{short}_constrained"
        rows += agreement(exact, writer.tokenizer, asked, ours, theirs, tie, name)
        rows.append(ClaimRow(f"{name}_vllm_speed", their_speed, "tokens/s", n=n))
        valid = sum(prepares(a, text) for a, text in zip(asked, theirs, strict=True))
        rows.append(ClaimRow(f"{name}_valid_sql", valid / n, "fraction", ">= 1", n=n))
    return rows


def timed_vllm(
    writer: VllmWriter, asked: Sequence[Asked], decoding: Decoding, most: int
) -> tuple[list[str], float]:
    """Texts and tokens a second, after one question to warm up."""
    writer.write(asked[:1], decoding, max_new_tokens=most, batch_tokens=0)
    started = time.perf_counter()
    found = writer.write(asked, decoding, max_new_tokens=most, batch_tokens=0)
    seconds = time.perf_counter() - started
    return [c.text for (c,) in found], sum(c.tokens for (c,) in found) / seconds


def agreement(
    exact: Any,
    tokenizer: Any,
    asked: Sequence[Asked],
    ours: Sequence[str],
    theirs: Sequence[str],
    tie: float,
    name: str,
) -> list[ClaimRow]:
    """How many answers are equal, and how many of the others part at a tie."""
    pairs = [(a, o, t) for a, o, t in zip(asked, ours, theirs, strict=True) if o != t]
    ties = 0
    for one, mine, other in pairs:
        gap = gap_where_they_part(exact, tokenizer, one.prompt, mine, other)
        ties += gap < tie
        shown = f"{mine[:60]!r} | {other[:60]!r}"
        print(f"{name}: {one.schema_key}, gap {gap:.5f}: {shown}", flush=True)
    n = len(asked)
    return [
        ClaimRow(f"{name}_same_answers", 1 - len(pairs) / n, "fraction", n=n),
        ClaimRow(f"{name}_same_but_for_ties", 1 - (len(pairs) - ties) / n, "fraction", n=n),
    ]


@torch.inference_mode()
def gap_where_they_part(
    exact: Any, tokenizer: Any, prompt: tuple[int, ...], one: str, other: str
) -> float:
    """Between the log-probabilities of the first tokens that differ."""
    end = [tokenizer.eos_token_id]
    first, second = (tokenizer.encode(t, add_special_tokens=False) + end for t in (one, other))
    place = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if place is None:
        return math.inf
    ids = torch.tensor([[*prompt, *first[:place]]])
    told = exact(input_ids=ids, logits_to_keep=1).logits[0, -1].float().log_softmax(-1)
    return abs(float(told[first[place]] - told[second[place]]))


_vocabularies: dict[int, Any] = {}


@torch.inference_mode()
def constrained(model: Any, tokenizer: Any, asked: Asked, most: int) -> str:
    """Greedy under the constraint by transformers alone, one token at a time."""
    vocabulary = _vocabularies.setdefault(id(tokenizer), vocabulary_of(tokenizer))
    cursor: Cursor = constraint_for(asked.schema, vocabulary).start(most)
    masks = np.zeros((1, mask_words(vocabulary)), dtype=np.int32)
    written: list[int] = []
    ids, cache = torch.tensor([asked.prompt]), None
    while not cursor.finished:
        out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, logits = out.past_key_values, out.logits[0, -1].float()
        fill_masks([cursor], masks, 1)
        bits = np.unpackbits(masks[0].view(np.uint8), bitorder="little")[: len(logits)]
        logits[: len(bits)][torch.from_numpy(bits == 0)] = -torch.inf
        token = int(logits.argmax())
        cursor.advance(token)
        written.append(token)
        ids = torch.tensor([[token]])
    return str(tokenizer.decode(written[:-1])).strip()


def prepares(asked: Asked, sql: str) -> bool:
    """Whether SQLite compiles the query against the schema's tables."""
    with sqlite3.connect(":memory:") as connection:
        for table in asked.schema.tables:
            columns = ", ".join(f'"{c.name}" {c.type}' for c in table.columns)
            connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
        try:
            connection.execute(f"EXPLAIN {sql}")
        except sqlite3.Error as fault:
            print(f"{asked.schema_key}: {fault}: {sql!r}")
            return False
    return True


if __name__ == "__main__":
    main()
