"""Predicted against measured memory of training, on the configurations of memory_plan_configs.py.

Each configuration is a process of its own: a base model of the exact shape with random weights,
made on the card; packs whose lengths are those of real Spider and WikiSQL examples; three of our
own training steps. Held is the peak that PyTorch reserved against what the planner says for the
same packs. Prints each row at once and keeps it in ``--rows`` (``build/memory/rows.json``), with
its card and commit; once all are there, writes ``docs/results/memory_plan.json``. ``--missing``
measures what is not there yet, ``--limit`` begins no row after so many seconds, and ``--out FILE``
writes the rows elsewhere, so that they can be measured in pieces.

``--fixed`` does the same with PyTorch's default segments (``memory_plan_fixed_segments.json``).
``--dry-run`` takes the same path on a CPU with tiny shapes and measures nothing.
``--predict`` prints predictions only, and writes ``docs/results/memory_plan_predicted.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from claims import ROOT, ClaimRow, commit, write_claims
from finished_run import print_rows
from memory_plan_configs import CONFIGURATIONS, Configuration
from sqlforge.plan.catalog import config_of, shape_of
from sqlforge.plan.lengths import carried_corpus
from sqlforge.plan.memory import budget
from sqlforge.plan.model_shape import ModelShape, shape_from
from sqlforge.plan.training import Training

SEED = 7
QUESTIONS = 8  # that share a schema, as in the reference recipe
CAP = 45 * 2**28  # 11.25 GiB
GIB = 2**30
FOLDER = ROOT / "build" / "memory"
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 256,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration measured; bytes, and seconds of the last step."""

    name: str
    predicted: int
    reserved: int
    allocated: int
    predicted_allocated: int
    seconds: float
    tokens: int
    expandable: bool
    outside: int
    card: str = ""
    commit: str = ""

    @property
    def error(self) -> float:
        """Share of the measured peak that the prediction is off by."""
        return self.predicted / self.reserved - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [asked.name for asked in CONFIGURATIONS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", default=[])
    parser.add_argument("--jobs", type=int, default=3, help="how many run at once on the card")
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes on the CPU")
    parser.add_argument("--fixed", action="store_true", help="with PyTorch's fixed segments")
    parser.add_argument("--predict", action="store_true", help="print predictions only")
    parser.add_argument("--missing", action="store_true", help="rows that are not there yet")
    parser.add_argument("--rows", type=Path, help="where rows of earlier runs lie")
    parser.add_argument("--out", type=Path, help="where rows are written, if elsewhere")
    parser.add_argument("--limit", type=float, default=10_000, help="seconds, then none is begun")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        (asked,) = (c for c in CONFIGURATIONS if c.name == options.one)
        print(json.dumps(asdict(measured(asked, options.dry_run))))
        return
    chosen = [c for c in CONFIGURATIONS if not options.only or c.name in options.only]
    if options.predict:
        predict(chosen)
        return
    if options.fixed:  # what a user says of the allocator stands; children read it
        os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:False"
    name = "memory_plan_fixed_segments" if options.fixed else "memory_plan"
    kept = Kept(options.rows or FOLDER / f"{name}.json", options.out)
    if options.missing:
        chosen = [asked for asked in chosen if asked.name not in kept.rows]
    until = time.monotonic() + options.limit
    # The first runs alone: beside others nobody can tell what its process takes of the card.
    measure(chosen[:1], 1, options.dry_run, kept, until)
    measure(chosen[1:], options.jobs, options.dry_run, kept, until)
    if options.dry_run:
        return
    lacking = [asked.name for asked in CONFIGURATIONS if asked.name not in kept.rows]
    if lacking:
        sys.exit(f"no claims yet: {len(lacking)} configurations lack a row: {' '.join(lacking)}")
    rows = [kept.rows[asked.name] for asked in CONFIGURATIONS]
    found = claims(rows)
    print_rows(found)
    command = "python bench/memory_plan.py" + (" --fixed" if options.fixed else "")
    told = {row.name: f"{row.card}, {row.commit}" for row in rows}
    print(write_claims(name, command=command, seed=SEED, rows=found, measured=told))


class Kept:
    """Rows in a file, which is written again with each that comes."""

    def __init__(self, file: Path, out: Path | None) -> None:
        self._out, self._lock = out or file, threading.Lock()
        self.rows: dict[str, Row] = {}
        if file.exists():
            self.rows = {row["name"]: Row(**row) for row in json.loads(file.read_text())}

    def add(self, row: Row) -> None:
        """One more; it takes the place of an earlier one of its name."""
        with self._lock:
            self.rows[row.name] = row
            self._out.parent.mkdir(parents=True, exist_ok=True)
            self._out.write_text(json.dumps([asdict(one) for one in self.rows.values()], indent=1))


def measure(chosen: list[Configuration], jobs: int, dry: bool, kept: Kept, until: float) -> None:
    """Measure, several at once, and print each as it comes; failed ones are told and left out."""

    def one(asked: Configuration) -> None:
        if time.monotonic() > until:
            print(f"{asked.name:<52} no time is left", flush=True)
            return
        row = in_a_process(asked, dry)
        if isinstance(row, str):
            print(f"{asked.name:<52} FAILED\n{row}", flush=True)
            return
        tell(row, asked)
        if not dry:
            kept.add(row)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, chosen))


def tell(row: Row, asked: Configuration) -> None:
    """One line a row."""
    held = "held out" if asked.held_out else ""
    error = f"{row.error:+.1%}" if row.reserved else "not measured"
    print(
        f"{row.name:<52} {row.predicted / GIB:7.2f} GiB predicted "
        f"{row.reserved / GIB:7.2f} measured {error:>8} "
        f"(in tensors {row.predicted_allocated / GIB:.2f} / {row.allocated / GIB:.2f}), "
        f"{row.seconds:.2f} s a step {held}{'' if row.expandable else ' fixed segments'}",
        flush=True,
    )


def in_a_process(asked: Configuration, dry: bool) -> Row | str:
    command = [sys.executable, __file__, "--one", asked.name, *(["--dry-run"] if dry else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return done.stderr[-2_000:]
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def measured(asked: Configuration, dry: bool) -> Row:
    import torch

    from sqlforge.model.measure import demanding_packs, measure_steps
    from sqlforge.model.pack import pack_shape

    if not dry and not torch.cuda.is_available():
        sys.exit("this bench needs a CUDA card: try --dry-run or --predict")
    config, shape, tokens = shaped(asked, dry)
    training = training_of(asked, shape)
    packs = demanding_packs(
        carried_corpus().within(tokens).lengths,
        shape.vocabulary,
        budget=tokens,
        questions_per_schema=QUESTIONS,
        seed=SEED,
    )
    hopper = not dry and torch.cuda.get_device_capability() == (9, 0)
    shapes = [pack_shape(pack) for pack in packs]
    found = measure_steps(
        config,
        shape,
        training,
        packs,
        device="cpu" if dry else "cuda",
        limit=CAP if asked.capped else None,
    )
    expected = budget(shape, training, shapes, hopper=hopper, expandable=found.expandable)
    return Row(
        name=asked.name,
        expandable=found.expandable,
        outside=found.outside,
        predicted=expected.reserved,
        reserved=found.reserved,
        allocated=found.allocated,
        predicted_allocated=expected.allocated,
        seconds=found.seconds,
        tokens=sum(pack.tokens for pack in found.packs[-training.accumulation :]),
        card="" if dry else torch.cuda.get_device_name(0),
        commit=commit(),
    )


def shaped(asked: Configuration, dry: bool) -> tuple[dict[str, Any], ModelShape, int]:
    """Configuration, shape and tokens; tiny ones for a dry run."""
    config = dict(config_of(asked.model))
    if not dry:
        return config, shape_of(asked.model), asked.tokens
    heads = 4 if config["num_key_value_heads"] == config["num_attention_heads"] else 2
    config |= TINY | {"num_key_value_heads": heads, "max_position_embeddings": 2_048}
    return config, shape_from(config, name=asked.model, place="tiny"), 256


def training_of(asked: Configuration, shape: ModelShape) -> Training:
    layers = shape.layers if asked.checkpointed is None else asked.checkpointed
    return Training(
        method=asked.method,
        rank=asked.rank,
        dropout=asked.dropout,
        adapter_dtype=asked.adapter_dtype,
        optimizer=asked.optimizer,
        checkpointed=min(layers, shape.layers),
        accumulation=asked.accumulation,
    )


def predict(chosen: list[Configuration]) -> None:
    """Predictions on an H100, from lengths alone."""
    from sqlforge.plan.lengths import packs, telling

    rows = []
    for asked in chosen:
        shape = shape_of(asked.model)
        lengths = carried_corpus().within(asked.tokens).lengths
        found = telling(
            packs(lengths, budget=asked.tokens, questions_per_schema=QUESTIONS, seed=SEED)
        )
        for segments, expandable in (("", True), ("_fixed_segments", False)):
            expected = budget(
                shape, training_of(asked, shape), found, hopper=True, expandable=expandable
            )
            name = f"{asked.name}_predicted{segments}"
            rows.append(ClaimRow(name, expected.reserved / GIB, "GiB"))
    print_rows(rows)
    if len(chosen) == len(CONFIGURATIONS):
        command = "python bench/memory_plan.py --predict"
        print(write_claims("memory_plan_predicted", command=command, seed=SEED, rows=rows))


def claims(rows: list[Row]) -> list[ClaimRow]:
    held = {c.name for c in CONFIGURATIONS if c.held_out}
    found: list[ClaimRow] = []
    for row in rows:
        mark = "_held_out" if row.name in held else ""
        found += [
            ClaimRow(f"{row.name}_measured", row.reserved / GIB, "GiB"),
            ClaimRow(f"{row.name}_predicted", row.predicted / GIB, "GiB"),
            ClaimRow(f"{row.name}_error{mark}", abs(row.error), "fraction", "<= 0.05"),
        ]
    apart = [row for row in rows if row.name in held]
    return [
        ClaimRow(
            "largest_error", max(abs(r.error) for r in rows), "fraction", "<= 0.05", n=len(rows)
        ),
        ClaimRow(
            "largest_error_held_out",
            max(abs(row.error) for row in apart),
            "fraction",
            "<= 0.05",
            n=len(apart),
        ),
        ClaimRow("outside_pytorch", rows[0].outside / GIB, "GiB"),
        ClaimRow("configurations", len(rows), bound=">= 16"),
        ClaimRow("configurations_held_out", len(apart), bound=">= 8"),
        *found,
    ]


if __name__ == "__main__":
    main()
