"""Training speed at the exact shape of Mistral 7B v0.3 and SmolLM2-135M, ours and the peers'.

Random weights (NF4 with double quantisation for Mistral, 16 bit for SmolLM2), rank 64 on seven
projections, real Spider and WikiSQL prompts, PyTorch held to what a 12 GB card has. All rows run on
the same card one after the other, those of a stack of ours in one process, each peer's row in one
of its own; each is printed at once, and all are written to ``rows.json`` as they come, each with
its card and commit.

1. Where data is: ``python bench/train_throughput.py --prepare --data-dir DIR``; carry
   ``build/train`` along.
2. Where the card is: ``python bench/train_throughput.py --site FOLDER [--only NAME …]``. FOLDER
   holds, unpacked, what that Python lacks: bitsandbytes; for the peers trl, datasets, dill,
   multiprocess, unsloth, unsloth_zoo, liger-kernel, cut-cross-entropy, tyro, docstring-parser,
   typeguard, shtab, msgspec, nest-asyncio (written for TRL 1.15.0, Unsloth 2026.10.9).
   Rows of earlier runs are kept: those in ``build/train/rows.json``, and those in ``--out``, where
   all of them are written. ``--missing`` leaves out what is there already; ``--weights`` makes the
   peers' weights and nothing else, so that no row has to wait for them.
3. ``python bench/train_throughput.py --report`` writes ``docs/results/train_throughput.json`` from
   ``rows.json`` and ``machine.json`` in ``build/train``. Ratios compare rows of one card only.

``--dry-run`` takes the same path on a CPU with tiny shapes and writes nothing of it to docs.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from claims import RESULTS, write_claims
from finished_run import print_rows
from machine import commit, this_machine
from train_claims import claims
from train_prompts import FOLDER, SEED, prepare
from train_rows import MORE, OURS, PEERS, Asked, Measured

MARK = "ROW "
MACHINE = "machine.json"
ROWS = {asked.name: asked for asked in (*OURS, *PEERS, *MORE)}


def main() -> None:
    options = _options()
    if options.prepare:
        prepare(options.data_dir)
        return
    if options.site:
        sys.path.insert(0, str(options.site.resolve()))
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(options.site.resolve()), os.environ.get("PYTHONPATH", "")]
        )
    if options.child:
        _child(options.child, options.dry_run, options.profile)
        return
    if options.weights:
        _weights(options.dry_run)
        return
    kept = {} if options.dry_run else _kept(options.out)
    chosen = [ROWS[name] for name in options.only or ROWS if name not in options.without]
    if options.missing:
        there = {name for name, row in kept.items() if not row.failed}
        chosen = [asked for asked in chosen if asked.name not in there]
    if options.report:
        report(kept, RESULTS, json.loads((FOLDER / MACHINE).read_text()))
        return
    found = _run(chosen, options, kept)
    import torch  # noqa: F401  # the claims name the card where it is loaded

    (options.out / MACHINE).write_text(json.dumps(this_machine(), indent=1))
    report(found, options.out)


def report(found: dict[str, Measured], folder: Path, machine: dict[str, Any] | None = None) -> None:
    """Print what is claimed of the rows, and write it."""
    rows = claims({name: row for name, row in found.items() if not row.failed})
    print_rows(rows)
    print(
        write_claims(
            "train_throughput",
            command="python bench/train_throughput.py --site FOLDER",
            seed=SEED,
            rows=rows,
            folder=folder,
            machine=machine,
            measured={
                name: f"{row.card or 'no card'}, {row.commit}"
                for name, row in found.items()
                if not row.failed
            },
        )
    )


def _kept(out: Path) -> dict[str, Measured]:
    """Rows of earlier runs; those in ``out`` are the later ones."""
    found: dict[str, Measured] = {}
    for file in dict.fromkeys((FOLDER / "rows.json", out / "rows.json")):
        if file.exists():
            rows = (Measured(**row) for row in json.loads(file.read_text()))
            found |= {row.name: row for row in rows}
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="write the prompts")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--site", type=Path, help="a folder of packages that this Python lacks")
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="NAME", default=[])
    parser.add_argument("--without", nargs="+", choices=ROWS, metavar="NAME", default=[])
    parser.add_argument("--missing", action="store_true", help="rows that are not there yet")
    parser.add_argument("--weights", action="store_true", help="make the peers' weights only")
    parser.add_argument("--report", action="store_true", help="write the claims of rows.json")
    parser.add_argument("--limit", type=int, default=10_000, help="seconds, then no row is begun")
    parser.add_argument("--profile", nargs="+", choices=ROWS, metavar="NAME", default=[])
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes on the CPU")
    parser.add_argument("--out", type=Path, help="where JSON is written: build/train")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out = options.out or (FOLDER / "dry" if options.dry_run else FOLDER)
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def _run(
    chosen: Sequence[Asked], options: argparse.Namespace, kept: dict[str, Measured]
) -> dict[str, Measured]:
    """Each row once, whatever becomes of the others; beside those that were there.

    A row that fails now does not take the place of one that was measured.
    """
    begun, found = time.monotonic(), dict(kept)
    groups: list[list[str]] = []
    for asked in chosen:
        alike = groups and ROWS[groups[-1][-1]].stack == "ours" == asked.stack
        if alike and ROWS[groups[-1][-1]].model == asked.model:
            groups[-1].append(asked.name)
        else:
            groups.append([asked.name])
    for group in groups:
        waiting = [*group]
        while waiting:
            if time.monotonic() - begun > options.limit:
                print(f"no time is left for {', '.join(waiting)}", flush=True)
                break
            for row in _rows(waiting, options, begun + options.limit):
                waiting.remove(row.name)
                tell(row)
                if not row.failed or found.get(row.name, row).failed:
                    found[row.name] = row
                text = json.dumps([asdict(one) for one in found.values()], indent=1)
                (options.out / "rows.json").write_text(text)
    return found


def _rows(names: Sequence[str], options: argparse.Namespace, until: float) -> Iterator[Measured]:
    """Rows as a process of their own gives them; one that ends it, or is too slow, has failed."""
    command = [sys.executable, __file__, "--child", *names, "--out", str(options.out)]
    command += ["--dry-run"] if options.dry_run else []
    command += ["--profile", *options.profile] if options.profile else []
    command += ["--site", str(options.site)] if options.site else []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    left, last, log = [*names], time.monotonic(), []
    while left:
        try:
            line = lines.get(timeout=max(1.0, last + ROWS[left[0]].limit - time.monotonic()))
        except queue.Empty:
            line = None
        if line is None or time.monotonic() > until + 60:
            process.kill()
            process.wait()
            with (options.out / "failed.log").open("a") as file:
                file.write(f"=== {left[0]}\n{''.join(log)}\n")
            print("".join(log[-25:]), flush=True)
            yield Measured(left[0], failed=f"ended or timed out ({process.returncode})")
            return
        if line.startswith(MARK):
            row = Measured(**json.loads(line.removeprefix(MARK)))
            left.remove(row.name)
            last = time.monotonic()
            yield row
        elif line.startswith("| "):
            print(line, end="", flush=True)
        else:
            log.append(line)
    process.wait()


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _child(names: Sequence[str], dry: bool, profiled: Sequence[str]) -> None:
    """Measure in this process."""
    first = ROWS[names[0]]
    if first.stack != "ours":
        import train_peers

        if not train_peers.weights(dry).exists():
            _weights(dry)
        _say(train_peers.measured(first, dry))
        return
    import logging

    import torch

    import train_ours

    logging.basicConfig(level=logging.WARNING)
    base = train_ours.base_model(first.model, dry)
    for name in names:
        asked = replace(ROWS[name], timed=2, warm=1, tokens=2_048) if dry else ROWS[name]
        try:
            row = train_ours.measured(asked, base, dry, profile=name in profiled)
        except (RuntimeError, ValueError) as fault:  # out of memory is told; the card is still good
            row = Measured(name, failed=" ".join(str(fault).split())[:300])
            if isinstance(fault, torch.AcceleratorError):
                _say(row)
                raise
        _say(row)


def _weights(dry: bool) -> None:
    """Unsloth patches what it finds: a process that has not imported it makes the folder."""
    command = f"import train_peers; train_peers.save_weights({dry})"
    subprocess.run([sys.executable, "-c", command], check=True, cwd=Path(__file__).parent)


def _say(row: Measured) -> None:
    import torch

    card = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    row = replace(row, card=card, commit=commit())
    print(f"\n{MARK}{json.dumps(asdict(row))}", flush=True)


def tell(row: Measured) -> None:
    """One line a row."""
    if row.failed:
        print(f"{row.name:<28} FAILED: {row.failed}", flush=True)
        return
    shared = row.example_tokens_per_second
    print(
        f"{row.name:<28} {row.tokens_per_second:>9,.0f} tokens/s ({shared:>9,.0f} of examples) "
        f"{row.examples_per_second:>8.1f} examples/s {row.reserved:6.2f} GiB reserved "
        f"({row.allocated:.2f} in tensors) {row.seconds:7.3f} s a step, adapters {row.adapters}, "
        f"states {row.states}, loss {row.loss:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
