"""How much faster two cards train than one: DDP, and FSDP with 4-bit weights.

The shapes of Mistral 7B v0.3 (NF4) and SmolLM2-135M (16 bit), random weights, rank 64 on seven
projections, real Spider and WikiSQL prompts. One card takes two micro-batches a step, two cards one
each: the same packs, the same steps. Each process loads a base once; rows are printed as they come.

1. Where data is: ``python bench/train_throughput.py --prepare --data-dir DIR``; carry
   ``build/train`` along.
2. Where two cards are: ``python bench/scaling.py --site FOLDER --out FOLDER``, SITE holding
   unpacked what that Python lacks. It writes ``scaling.json``, by default into ``docs/results``.

``--dry-run`` takes the same path on a CPU, over gloo, with tiny shapes, and claims nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims import RESULTS, ClaimRow, write_claims
from finished_run import print_rows
from train_prompts import SEED, prompts
from train_rows import OURS, Asked

if TYPE_CHECKING:
    from sqlforge.model.pack import Pack

MARK = "ROW "
SIZE = 2
BOUNDS = {"mistral_ddp": ">= 1.95", "mistral_fsdp": ">= 1.85"}
_OURS = {asked.name: asked for asked in OURS}
_MISTRAL = replace(_OURS["mistral"], cap=None, timed=10)
_SMOLLM2 = replace(_OURS["smollm2"], timed=20)
ROWS = {"mistral": _MISTRAL, "smollm2": _SMOLLM2}
# FSDP takes a base apart for good, so it comes last of its model.
PLAN = {
    1: ("mistral_one", "smollm2_one"),
    SIZE: ("mistral_ddp", "mistral_fsdp", "smollm2_ddp"),
}


@dataclass(frozen=True, slots=True)
class Scaled:
    """A row; ``losses`` are those of all steps, ``reserved`` GiB in the first process."""

    name: str
    tokens_per_second: float = 0.0
    seconds: float = 0.0  # a step
    reserved: float = 0.0
    losses: list[float] = field(default_factory=list)


def main() -> None:
    options = _options()
    if options.child:
        _child(options.child, options.dry_run)
        return
    begun, found = time.monotonic(), {}
    for processes, names in PLAN.items():
        chosen = [name for name in names if name in options.only]
        for row in _rows(processes, chosen, options) if chosen else ():
            found[row.name] = row
            print(
                f"{row.name:<14} {row.tokens_per_second:>9,.0f} tokens/s {row.seconds:7.3f} s a "
                f"step {row.reserved:6.2f} GiB reserved, last loss {row.losses[-1]:.4f} "
                f"({time.monotonic() - begun:.0f} s)",
                flush=True,
            )
    rows = claims(found)
    print_rows(rows)
    if not options.dry_run:
        import torch  # noqa: F401  # the claims name the card where it is loaded

        command = "python bench/scaling.py --site FOLDER"
        print(write_claims("scaling", command=command, seed=SEED, rows=rows, folder=options.out))
    missing = [name for names in PLAN.values() for name in names if name not in found]
    if any(name in options.only for name in missing):
        sys.exit(f"no row of {', '.join(missing)}")


def claims(found: dict[str, Scaled]) -> list[ClaimRow]:
    """Every row's figures; of those of two cards also what they are to one."""
    rows: list[ClaimRow] = []
    for row in found.values():
        rows.append(ClaimRow(f"{row.name}_speed", row.tokens_per_second, "tokens/s"))
        rows.append(ClaimRow(f"{row.name}_reserved", row.reserved, "GiB"))
        one = found.get(f"{row.name.partition('_')[0]}_one")
        if one is None or one is row:
            continue
        ratio = row.tokens_per_second / one.tokens_per_second
        rows.append(ClaimRow(f"{row.name}_scaling", ratio, "", BOUNDS.get(row.name)))
        pairs = zip(row.losses, one.losses, strict=True)
        apart = max(abs(a - b) / b for a, b in pairs)
        rows.append(ClaimRow(f"{row.name}_loss_apart", apart, "fraction"))
    return rows


def _options() -> argparse.Namespace:
    every = [name for names in PLAN.values() for name in names]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, help="a folder of packages that this Python lacks")
    parser.add_argument("--only", nargs="+", choices=every, metavar="NAME", default=every)
    parser.add_argument("--limit", type=int, default=200, help="seconds that a launch may take")
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes on the CPU")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where JSON is written")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.site:
        site = str(options.site.resolve())
        sys.path.insert(0, site)
        os.environ["PYTHONPATH"] = os.pathsep.join([site, os.environ.get("PYTHONPATH", "")])
    return options


def _rows(processes: int, names: Sequence[str], options: argparse.Namespace) -> Iterator[Scaled]:
    """Rows as the launched processes print them; all they print is kept in a file."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), __file__, "--child", *names]
    command += ["--dry-run"] if options.dry_run else []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    stop = threading.Timer(options.limit, process.terminate)
    stop.start()
    assert process.stdout is not None
    tail: list[str] = []
    for line in process.stdout:
        if line.startswith(MARK):
            yield Scaled(**json.loads(line.removeprefix(MARK)))
        tail = [*tail[-40:], line]
    stop.cancel()
    if process.wait() != 0:
        print("".join(tail), flush=True)


def _child(names: Sequence[str], dry: bool) -> None:
    """Measure in this process, together with those launched beside it."""
    import logging

    from sqlforge.cli_support import run_and_explain
    from sqlforge.model.distributed import together

    logging.basicConfig(level=logging.INFO, format="%(message)s")

    def measure() -> None:
        with together() as processes:
            processes.connect("cpu" if dry else "cuda")
            base, loaded = None, ""
            for name in names:
                model, _, way = name.partition("_")
                if model != loaded:
                    base = None  # before the next one is made
                    base, loaded = _base(ROWS[model], dry), model
                row = _measured(name, way, ROWS[model], base, processes, dry)
                if processes.first:
                    print(f"\n{MARK}{json.dumps(asdict(row))}", flush=True)

    sys.exit(run_and_explain(measure))


def _base(asked: Asked, dry: bool) -> Any:
    import train_ours

    return train_ours.base_model(asked.model, dry)


def _measured(name: str, way: str, given: Asked, base: Any, processes: Any, dry: bool) -> Scaled:
    import tempfile

    import torch

    from sqlforge.model.adapt import add_lora
    from sqlforge.model.card import start_counting, training_memory
    from sqlforge.model.catalog import CATALOG
    from sqlforge.model.load import Source
    from sqlforge.model.train import train
    from train_ours import GIB, Clock, settings

    asked = replace(given, tokens=1_024, warm=1, timed=2) if dry else given
    steps = asked.warm + asked.timed
    packs = _packs(asked, SIZE * steps)
    device = "cpu" if dry else "cuda"
    with training_memory(device):
        source = Source(asked.model, asked.model, CATALOG[asked.model])
        model: Any = add_lora(
            base,
            source,
            rank=asked.rank,
            alpha=16,
            dropout=asked.dropout,
            dtype=asked.adapter_dtype,
            seed=0,
        )
        if asked.recomputed != 0:
            model.enable_input_require_grads()
        start_counting(device)
        clock = Clock(asked)
        plan = replace(
            settings(asked, model, steps),
            accumulation=SIZE,
            distributed="fsdp" if way == "fsdp" else "ddp",
        )
        folder = processes.told(tempfile.mkdtemp)
        train(model, packs, plan, Path(folder), [clock], processes=processes)
        reserved = torch.cuda.max_memory_reserved() / GIB if torch.cuda.is_available() else 0.0
        model.unload()
    tokens = sum(map(len, packs[SIZE * asked.warm :]))
    seconds = clock.ended - clock.begun
    return Scaled(name, tokens / seconds, seconds / asked.timed, reserved, clock.losses)


def _packs(asked: Asked, count: int) -> list[Pack]:
    from sqlforge.model.pack import plan_packs

    examples = zip(*prompts(asked.model), strict=True)
    fitting = [pair for pair in examples if len(pair[0]) <= asked.tokens]
    planned = plan_packs(
        [one for one, _ in fitting],
        [key for _, key in fitting],
        budget=asked.tokens,
        questions_per_schema=asked.questions,
        seed=SEED,
    )[:-1]  # all but the last are full
    return [planned[i % len(planned)] for i in range(count)]


if __name__ == "__main__":
    main()
