"""Speed and memory of fine-tuning SmolLM2-135M whole: fp32 weights, computing in bf16.

Random weights of the exact shape, the real Spider and WikiSQL prompts of
``bench/train_throughput.py --prepare``. Every row is printed as it comes, with its seconds::

    python bench/full_training.py [--only NAME …] [--seconds 240]

Rows, and what measured them, go to ``full_training.json`` in ``build/train``; ``--report``, which
needs no card, writes ``docs/results/full_training.json`` from that.

``plain`` is by transformers' layers, ``compiled`` by those after PyTorch's compiler, ``fused`` by
our own step of all weights; ``shared`` has 16 questions share their schema: there tokens count that
are computed, examples tell the rest. A step's time has AdamW's update in it. ``--dry-run`` takes
the same path on a CPU with a tiny shape.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from claims import ClaimRow, write_claims
from finished_run import print_rows
from machine import commit, this_machine
from sqlforge.core.errors import SqlforgeError
from sqlforge.model.card import start_counting
from sqlforge.model.pack import plan_packs
from sqlforge.model.random_base import random_base
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import train
from sqlforge.plan.catalog import config_of
from train_ours import Clock
from train_prompts import FOLDER, SEED, SMOLLM2, prompts
from train_rows import TINY, Asked

WARM, TIMED = 4, 12
ROWS_FILE = FOLDER / "full_training.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One way to train; ``questions`` share a schema."""

    name: str
    step: str = "plain"
    tokens: int = 16_384
    questions: int = 1


ROWS = (
    Row("plain_16k"),
    Row("fused_16k", step="fused"),
    Row("compiled_16k", step="compiled"),
    Row("shared_16k", questions=16),
    Row("shared_fused_16k", step="fused", questions=16),
    Row("shared_compiled_16k", step="compiled", questions=16),
    Row("plain_8k", tokens=8_192),
    Row("fused_8k", step="fused", tokens=8_192),
    Row("compiled_8k", step="compiled", tokens=8_192),
    Row("plain_32k", tokens=32_768),
    Row("fused_32k", step="fused", tokens=32_768),
    Row("compiled_32k", step="compiled", tokens=32_768),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[row.name for row in ROWS])
    parser.add_argument("--seconds", type=float, default=240, help="begin no row after these")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--report", action="store_true", help="write the claims of the rows")
    options = parser.parse_args()
    if options.report:
        report()
        return
    began, found = time.monotonic(), []
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        if time.monotonic() - began > options.seconds:
            print(f"{row.name}: no time left", flush=True)
            continue
        try:
            found.append(measured(row, options.dry_run))
        except (RuntimeError, SqlforgeError) as fault:  # the next way may do
            print(f"{row.name}: FAILED: {' '.join(str(fault).split())[:300]}", flush=True)
            continue
        print(json.dumps(found[-1]), flush=True)
        if not options.dry_run:
            told = this_machine() | {"commit": commit(), "rows": found}
            ROWS_FILE.write_text(json.dumps(told, indent=1) + "\n")


def report() -> None:
    """Write what is claimed of the rows that there are."""
    told = json.loads(ROWS_FILE.read_text())
    rows = []
    for row in told["rows"]:
        name = row["name"]
        rows += [
            ClaimRow(f"{name}_speed", row["tokens_per_second"], "tokens/s"),
            ClaimRow(f"{name}_examples", row["examples_per_second"], "examples/s"),
            ClaimRow(f"{name}_reserved", row["reserved_gib"], "GiB"),
        ]
    print_rows(rows)
    print(
        write_claims(
            "full_training",
            command="python bench/full_training.py",
            seed=SEED,
            rows=rows,
            machine={name: told[name] for name in ("hardware", "versions")},
            measured={row["name"]: f"{row['card']}, {told['commit']}" for row in told["rows"]},
        )
    )


def measured(row: Row, dry: bool) -> dict[str, Any]:
    """Train on warm and timed packs; what memory and time they took."""
    device = "cpu" if dry else "cuda"
    config = dict(config_of(SMOLLM2)) | (TINY if dry else {})
    model: Any = random_base(config, device=device, quantised=False).float()
    model.requires_grad_(True)
    pairs = [pair for pair in zip(*prompts(SMOLLM2), strict=True) if len(pair[0]) <= row.tokens]
    encoded, keys = [one for one, _ in pairs], [key for _, key in pairs]
    packs = plan_packs(
        encoded, keys, budget=row.tokens, questions_per_schema=row.questions, seed=SEED
    )[:-1]
    asked = Asked(row.name, model=SMOLLM2, warm=1 if dry else WARM, timed=2 if dry else TIMED)
    window = [packs[i % len(packs)] for i in range(asked.warm + asked.timed)]
    clock, begun = Clock(asked), time.monotonic()
    start_counting(device)
    with tempfile.TemporaryDirectory() as folder:
        train(model, window, _settings(row, len(window), dry), Path(folder), [clock])
    seconds = clock.ended - clock.begun
    counted = window[asked.warm :]
    del model
    gc.collect()
    return asdict(row) | {
        "tokens_per_second": round(sum(map(len, counted)) / seconds),
        "examples_per_second": round(sum(pack.examples for pack in counted) / seconds, 1),
        "step_ms": round(1_000 * seconds / asked.timed, 1),
        "reserved_gib": 0 if dry else round(torch.cuda.max_memory_reserved() / 2**30, 2),
        "loss": round(clock.losses[-1], 4),
        "seconds_in_all": round(time.monotonic() - begun, 1),
        "card": "no card" if dry else torch.cuda.get_device_name(),
    }


def _settings(row: Row, steps: int, dry: bool) -> TrainSettings:
    return TrainSettings(
        learning_rate=1e-5,
        warmup_share=0.0,
        weight_decay=0.0,
        max_grad_norm=1.0,
        accumulation=1,
        steps=steps,
        checkpoint_steps=steps + 1,
        gradient_checkpointing=False,
        autocast_bf16=True,
        cpu=dry,
        seed=SEED,
        step=row.step,
    )


if __name__ == "__main__":
    main()
