"""What vLLM's server answers from a merged folder, against transformers, on 200 prompts.

    .venv-vllm/bin/python bench/served.py

A small adapter is really trained for it (QLoRA on SmolLM2-135M, a minute on two cores), merged into
the dequantised weights, and asked about tables that it has not seen. The server is given the folder
and nothing else (bf16, as the folder's configuration says); once more with ``--dtype float32``.
Where answers part, the gap between the two tokens' log-probabilities there is printed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from claims import ClaimRow, write_claims
from sqlforge.core.records import Database
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.model.adapt import add_lora, save_adapter
from sqlforge.model.load import load_model, load_tokenizer, resolve
from sqlforge.model.merge_shards import merge
from sqlforge.model.pack import plan_packs
from sqlforge.model.quiet import quiet_libraries
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import train
from sqlforge.model.vllm_server import serving
from sqlforge.prompt.encode import encode_example, encode_prompt
from sqlforge.prompt.prompter import Prompter

MODEL = "smollm2-135m"
MOST = 32  # tokens of an answer
TRAINED_ON = {
    "employee": "salary", "flight": "duration", "book": "pages", "patient": "weight",
    "planet": "mass", "bridge": "length", "wine": "alcohol", "robot": "speed", "concert": "price",
    "garden": "area", "ship": "tonnage", "lesson": "hours",
}  # fmt: skip
ASKED_ABOUT = {
    "item": "price", "river": "length", "teacher": "age", "house": "rent", "camera": "weight",
    "race": "distance", "mine": "depth", "recipe": "minutes", "tower": "height", "car": "power",
}  # fmt: skip
WORDS = ("name", "city", "colour", "owner")
FORMS = (
    ("How many {t}s are there?", "SELECT count(*) FROM {t}"),
    ("What is the highest {n} of a {t}?", "SELECT max({n}) FROM {t}"),
    ("What is the lowest {n} of a {t}?", "SELECT min({n}) FROM {t}"),
    ("What is the average {n} of the {t}s?", "SELECT avg({n}) FROM {t}"),
    ("List the {w} of every {t}.", "SELECT {w} FROM {t}"),
    ("Which different {w}s do the {t}s have?", "SELECT DISTINCT {w} FROM {t}"),
    ("Show the {w} of {t}s with a {n} above {k}.", "SELECT {w} FROM {t} WHERE {n} > {k}"),
    ("How many {t}s are there for each {w}?", "SELECT {w}, count(*) FROM {t} GROUP BY {w}"),
)
Ids = tuple[int, ...]
_DIFFERENT = 20  # questions that there are about a table, at least


@dataclass(frozen=True, slots=True)
class Parted:
    """Two answers to one prompt that differ, and by how little the model preferred the first."""

    question: str
    ours: str
    theirs: str
    gap: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    quiet_libraries()
    rows = []
    with tempfile.TemporaryDirectory(prefix="sqlforge-served-") as place:
        folder = train_and_merge(Path(place))
        tokenizer = load_tokenizer(str(folder))
        asked = questions(tokenizer)
        for dtype, name, options in (
            ("bfloat16", "bf16", ()),
            ("float32", "fp32", ("--dtype", "float32")),
        ):
            model = load_model(str(folder), dtype=dtype, device="cpu")
            with serving(folder, *options) as served:
                theirs = served.complete([prompt for _, prompt in asked], MOST)
            parted = compare(model, tokenizer, asked, theirs)
            tell(name, parted)
            bound = ">= 0.98"
            rows.append(
                ClaimRow(
                    f"{name}_same_answers", 1 - len(parted) / len(asked), "fraction", bound,
                    n=len(asked),
                )
            )  # fmt: skip
    for row in rows:
        print(f"{row.name:<24} {row.value:.3f}")
    if given.write:
        command = ".venv-vllm/bin/python bench/served.py"
        print(write_claims("served", command=command, seed=0, rows=rows))


def tell(name: str, parted: Sequence[Parted]) -> None:
    """Print what differs."""
    for one in parted:
        print(f"{name}: gap {one.gap:.4f}: {one.question} | {one.ours!r} | {one.theirs!r}")


def train_and_merge(folder: Path) -> Path:
    """Train QLoRA for some steps on one set of tables; the merged folder."""
    torch.manual_seed(0)
    tokenizer: Any = load_tokenizer(MODEL)
    base = load_model(MODEL, dtype="bfloat16", device="cpu", quantization="nf4")
    model: Any = add_lora(
        base, resolve(MODEL), rank=16, alpha=32, dropout=0.0, dtype="bfloat16", seed=0
    )
    prompter = Prompter(databases(TRAINED_ON), link_values=False)
    rows = list(examples(TRAINED_ON, 12))
    encoded = [encode_example(tokenizer, prompter.ask(t, q), sql) for t, q, sql in rows]
    packs = plan_packs(encoded, [t for t, _, _ in rows], budget=512, questions_per_schema=8, seed=0)
    settings = TrainSettings(
        learning_rate=1e-3, warmup_share=0.05, weight_decay=0.0, max_grad_norm=1.0, accumulation=1,
        steps=len(packs) * 2, checkpoint_steps=10_000, gradient_checkpointing=False,
        autocast_bf16=False, cpu=True, seed=0,
    )  # fmt: skip
    train(model, list(packs) * 2, settings, folder / "checkpoints", [])
    save_adapter(model, folder / "adapter")
    merge(folder / "adapter", folder / "merged", base="dequantised")
    return folder / "merged"


def databases(tables: dict[str, str]) -> dict[str, Database]:
    """One of one table each."""

    def table(name: str, number: str) -> Table:
        words = tuple(Column(word, "TEXT") for word in WORDS)
        return Table(name, (*words, Column(number, "INTEGER")))

    return {t: Database(t, Schema((table(t, n),))) for t, n in tables.items()}


def examples(tables: dict[str, str], each: int) -> Iterator[tuple[str, str, str]]:
    """Table, question and SQL; ``each`` of them a table, all different, drawn by its name."""
    for table, number in tables.items():
        found: dict[str, str] = {}
        for turn in itertools.count():
            question, sql = FORMS[turn % len(FORMS)]
            word = WORDS[turn // len(FORMS) % len(WORDS)]
            told = {"t": table, "n": number, "w": word, "k": 10 + turn // 4}
            found.setdefault(question.format(**told), sql.format(**told))
            if len(found) == _DIFFERENT:
                break
        for question in random.Random(table).sample(list(found), each):
            yield table, question, found[question]


def questions(tokenizer: Any, count: int = 200) -> list[tuple[str, Ids]]:
    """Questions about tables that were not trained on, and their prompts."""
    prompter = Prompter(databases(ASKED_ABOUT), link_values=False)
    found = [
        (question, encode_prompt(tokenizer, prompter.ask(table, question)))
        for table, question, _ in examples(ASKED_ABOUT, -(-count // len(ASKED_ABOUT)))
    ]
    return found[:count]


def compare(
    model: Any, tokenizer: Any, asked: Sequence[tuple[str, Ids]], theirs: Sequence[Sequence[int]]
) -> list[Parted]:
    """Answers that transformers' own greedy search gives otherwise."""
    ours = greedy(model, tokenizer, [prompt for _, prompt in asked])
    parted = []
    for (question, prompt), mine, other in zip(asked, ours, theirs, strict=True):
        if mine != tuple(other):
            gap = _gap(model, prompt, mine, other)
            texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in (mine, other)]
            parted.append(Parted(question, texts[0], texts[1], gap))
    return parted


@torch.inference_mode()
def greedy(model: Any, tokenizer: Any, prompts: Sequence[Ids]) -> list[Ids]:
    """``model.generate`` on prompts of one length together, so that nothing is padded."""
    end, found = tokenizer.eos_token_id, {}
    for size in {len(prompt) for prompt in prompts}:
        same = [i for i, prompt in enumerate(prompts) if len(prompt) == size]
        ids = torch.tensor([prompts[i] for i in same])
        written = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=MOST, do_sample=False
        )
        for i, row in zip(same, written[:, size:].tolist(), strict=True):
            found[i] = tuple(row[: row.index(end) + 1] if end in row else row)
    return [found[i] for i in range(len(prompts))]


@torch.inference_mode()
def _gap(model: Any, prompt: Ids, mine: Sequence[int], other: Sequence[int]) -> float:
    """Between the log-probabilities of the first tokens that differ, in nats."""
    place = next((i for i, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), None)
    if place is None:
        return math.inf
    told = model(input_ids=torch.tensor([[*prompt, *mine[:place]]])).logits[0, -1].float()
    told = told.log_softmax(-1)
    return abs(float(told[mine[place]] - told[other[place]]))


if __name__ == "__main__":
    main()
