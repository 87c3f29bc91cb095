"""The record run in pieces that each fit one short command, every piece taken up where it was cut.

    python bench/record.py --prepare                      # no GPU: data, token ids, one archive
    python bench/record.py --ablation base lora --jobs 2  # short trainings, several at once
    python bench/record.py --final --seed 7               # a whole training and all questions
    python bench/record.py --table                        # docs/record.md out of the rows there are

Rows are in ``docs/results/record.json``, and as they come in ``--results``, a file a training.
``--bundle FILE`` keeps these, with answers and logs, as one archive that is written anew every half
minute: unpacked over ``--out`` on another machine, what is in it is not made again. ``--tiny`` does
the same with next to no data on a CPU, and nothing in docs/ is written.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from claims import ROOT
from record_plans import RECIPES, RECORD, Plan, ablation, ablations, final, pack, prepare
from sqlforge.core.paths import data_dir

SEEDS = (7, 8)
BUNDLED_EVERY = 30  # seconds


def main() -> int:
    asked = arguments()
    plans = planned(asked)
    if not asked.child:
        asked.jobs = max(1, min(asked.jobs, len(plans)))
    started = time.monotonic()
    if asked.prepare:
        prepare_all(plans, asked)
    elif not asked.child and plans and (asked.bundle or asked.jobs > 1):
        if failed := several(plans, asked, started):
            print(f"failed: {', '.join(failed)}; the same command goes on with them", flush=True)
            return 1
    elif plans:
        one_by_one(plans, asked, started)
    if asked.table or (plans and not asked.prepare and not asked.child):
        from record_page import write_page

        write_page(asked.results, asked.out if asked.tiny else None)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prepare", action="store_true", help="data, token ids and the archive")
    parser.add_argument("--ablation", nargs="*", metavar="NAME", help="of recipes/ablations; all")
    parser.add_argument("--final", action="store_true", help="the whole training")
    parser.add_argument("--recipe", type=Path, default=RECORD, help="of the whole training")
    parser.add_argument("--seed", type=int, nargs="*", default=SEEDS, help="of whole trainings")
    parser.add_argument("--table", action="store_true", help="write docs/record.md")
    parser.add_argument("--data-dir", type=Path, default=data_dir())
    parser.add_argument("--out", type=Path, help="run directories; else runs/record")
    parser.add_argument("--results", type=Path, help="else OUT/results")
    parser.add_argument("--bundle", type=Path, help="an archive of --results, kept up to date")
    parser.add_argument("--archive", type=Path, default=ROOT / "build" / "record.tar.xz")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once on the GPU")
    parser.add_argument("--limit", type=float, help="seconds after which nothing new is begun")
    parser.add_argument("--batch-tokens", type=int, default=262_144)
    parser.add_argument("--tiny", action="store_true", help="minutes on a CPU, as a check")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.out = asked.out or ROOT / "runs" / ("record-tiny" if asked.tiny else "record")
    asked.results = asked.results or asked.out / "results"
    asked.recipe = asked.recipe.resolve()
    if not asked.recipe.is_relative_to(ROOT):
        parser.error(f"--recipe {asked.recipe}: rows name their recipe, so put it into {RECIPES}")
    return asked


def planned(asked: argparse.Namespace) -> list[Plan]:
    """The trainings that the command is about: with ``--prepare`` alone, all of them."""
    everything = asked.prepare and asked.ablation is None and not asked.final
    names = asked.ablation if asked.ablation else ablations()
    wanted = asked.ablation is not None or everything
    plans = [ablation(name, asked.out, tiny=asked.tiny) for name in (names if wanted else [])]
    if asked.final or everything:
        finals = (final(s, asked.out, file=asked.recipe, tiny=asked.tiny) for s in asked.seed)
        plans += finals
    return plans


def prepare_all(plans: Sequence[Plan], asked: argparse.Namespace) -> None:
    """Data and token ids of every plan, and all of it in one archive."""
    console = Console(highlight=False)
    for plan in plans:
        started = time.monotonic()
        prepare(plan, asked.data_dir, console)
        print(f"{plan.name}: prepared in {time.monotonic() - started:,.0f} s", flush=True)
    started = time.monotonic()
    size = pack(asked.archive, plans)
    print(f"{asked.archive}: {size / 2**20:.1f} MiB in {time.monotonic() - started:,.0f} s")


def several(plans: Sequence[Plan], asked: argparse.Namespace, started: float) -> list[str]:
    """A process a training, so many at a time; the names of those that failed."""
    waiting, running, failed = list(plans), dict[str, subprocess.Popen[bytes]](), list[str]()
    bundled = started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        while waiting or running:
            while waiting and len(running) < asked.jobs and not over(asked, started):
                plan = waiting.pop(0)
                running[plan.name] = begun(plan, asked)
                print(f"{time.monotonic() - started:6.0f} s  {plan.name}: begun", flush=True)
            if not running:
                print(f"no time is left for {', '.join(p.name for p in waiting)}", flush=True)
                break
            time.sleep(0.2)
            for name in [name for name, one in running.items() if one.poll() is not None]:
                code = running.pop(name).returncode
                said = f"failed ({code})" if code else "done"
                print(f"{time.monotonic() - started:6.0f} s  {name}: {said}", flush=True)
                print(tail(asked.out / f"{name}.log", 25 if code else 1), flush=True)
                failed += [name] if code else []
                bundled = -math.inf
            if time.monotonic() - bundled > BUNDLED_EVERY:
                bundle(asked)
                bundled = time.monotonic()
                for name in running:
                    print(f"{name}: {tail(asked.out / f'{name}.log', 1)}", flush=True)
    finally:  # a cut-off command leaves nothing running
        for one in running.values():
            one.terminate()
    return failed


def begun(plan: Plan, asked: argparse.Namespace) -> subprocess.Popen[bytes]:
    """The process of one training, whose words go into ``NAME.log``."""
    log = asked.out / f"{plan.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    threads = str(max(1, (os.cpu_count() or 1) // asked.jobs))
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    command = [sys.executable, __file__, "--child", *options(plan, asked)]
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env=environment)


def one_by_one(plans: Sequence[Plan], asked: argparse.Namespace, started: float) -> None:
    """The trainings one after the other in this process."""
    from record_arm import run_arm
    from sqlforge.model.quiet import quiet_libraries

    quiet_libraries()
    console = Console(highlight=False)
    for place, plan in enumerate(plans):
        if over(asked, started):
            print(f"no time is left for {', '.join(p.name for p in plans[place:])}", flush=True)
            return
        begun = time.monotonic()
        prepare(plan, asked.data_dir, console)
        base = plan.final and plan.recipe.seed == SEEDS[0]
        run_arm(
            plan,
            asked.results,
            base=base,
            batch_tokens=asked.batch_tokens,
            at_once=asked.jobs,
            console=console,
        )
        print(f"{plan.name}: {time.monotonic() - begun:,.0f} s", flush=True)


def options(plan: Plan, asked: argparse.Namespace) -> list[str]:
    """The command line of one training."""
    which = ["--final", "--seed", str(plan.recipe.seed), "--recipe", str(plan.file)]
    found = which if plan.final else ["--ablation", plan.name]
    found += ["--out", str(asked.out), "--results", str(asked.results)]
    found += ["--batch-tokens", str(asked.batch_tokens), "--jobs", str(asked.jobs)]
    found += ["--data-dir", str(asked.data_dir)] if asked.data_dir else []
    return found + (["--tiny"] if asked.tiny else [])


def bundle(asked: argparse.Namespace) -> None:
    """All rows, answers and logs so far in one archive, where one is wanted."""
    if asked.bundle is None:
        return
    asked.bundle.parent.mkdir(parents=True, exist_ok=True)
    partial = asked.bundle.with_name(f".{asked.bundle.name}.tmp")
    with tarfile.open(partial, "w:xz", preset=2) as tar:
        for path in sorted([*asked.results.rglob("*"), *asked.out.glob("*.log")]):
            inside = Path("results") if path.is_relative_to(asked.results) else Path()
            top = asked.results if inside.parts else asked.out
            # What is being written has a name with a dot, and may be gone the next moment.
            if not path.name.startswith(".") and path.is_file():
                with contextlib.suppress(FileNotFoundError):
                    tar.add(path, inside / path.relative_to(top))
    partial.replace(asked.bundle)


def over(asked: argparse.Namespace, started: float) -> bool:
    """Whether nothing new is to be begun."""
    return asked.limit is not None and time.monotonic() - started > asked.limit


def tail(log: Path, lines: int) -> str:
    """The end of a training's log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    sys.exit(main())
