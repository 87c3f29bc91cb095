"""``sqlforge run`` with recipes/mistral-7b-12gb.yaml as a whole, PyTorch held to 11.25 GiB.

Random weights of Mistral 7B v0.3's exact shape, its real tokenizer, real Spider and WikiSQL rows:
100 steps, killed in the middle and gone on with, 500 questions answered by base, tuned and merged
model and scored, merged. Prints stages as they come and writes ``whole_recipe.json``.

1. Where data is: ``python bench/train_throughput.py --prepare --data-dir DIR``, for the tokenizer;
   ``python bench/whole_recipe.py --prepare --data-dir DIR``; carry ``build/train/tokenizer`` and
   ``build/whole`` along (some 15 MB).
2. Where the card is: ``python bench/whole_recipe.py [--site FOLDER]``. What is cut off, by
   ``--limit`` or otherwise, goes on where it was when the command is given again on that machine,
   as long as the folder ``--work`` is there; it takes 35 GB.

Random weights end no answer, so each is as long as ``max_new_tokens`` lets it be: 48, which is more
than all but a few real answers have. ``--dry-run`` does all of it on a CPU with a tiny shape.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from claims import ROOT, write_claims
from finished_run import print_rows
from whole_recipe_claims import State, claims, logged

FOLDER = ROOT / "build" / "whole"
TOKENIZER = ROOT / "build" / "train" / "tokenizer"
RECIPE = ROOT / "recipes" / "mistral-7b-12gb.yaml"
WORK = Path("/tmp/sqlforge-whole")
MEMORY_GIB = 11.25
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_STAGE = re.compile(r"─+ ([a-z]+(?:: [a-z]+)?) ─+")
_SHORT = re.compile(r"out of memory|no memory (for|is left)", re.IGNORECASE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--prepare", action="store_true", help="write what the card's machine needs"
    )
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--site", type=Path, help="a folder of packages that this Python lacks")
    parser.add_argument("--work", type=Path, default=WORK, help="where weights and the run lie")
    parser.add_argument("--limit", type=float, default=540, help="seconds, then it is cut off")
    parser.add_argument(
        "--beside", action="store_true", help="others use the card: its memory tells nothing then"
    )
    parser.add_argument("--dry-run", action="store_true", help="a tiny shape on the CPU")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where JSON is written")
    parser.add_argument("--weights", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.site:
        sys.path.insert(0, str(options.site.resolve()))
        more = (str(options.site.resolve()), os.environ.get("PYTHONPATH", ""))
        os.environ["PYTHONPATH"] = os.pathsep.join(more)
    if options.prepare:
        prepare(options.data_dir)
    elif options.weights:
        save_weights(options.work, dry=options.dry_run)
    else:
        whole(options)


def recipe(work: Path, *, dry: bool) -> dict[str, Any]:
    """The published recipe, with what differs here."""
    found: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    found["model"] |= {"name": str(work / "base"), "memory_gib": MEMORY_GIB}
    found["data"] = {
        "train": [{"source": "spider"}, {"source": "wikisql", "rows": 4_000}],
        "validation": [{"source": "spider", "rows": 8}],
        "test": [{"source": "spider", "rows": 250}, {"source": "wikisql", "rows": 250}],
    }
    found["train"] |= {"max_steps": 100, "checkpoint_steps": 25}
    found["evaluate"] |= {
        "max_new_tokens": 48, "base_prompts": ["plain"], "template_baseline": False,
    }  # fmt: skip
    if dry:
        found["model"] = {"name": str(work / "base"), "dtype": "bfloat16", "device": "cpu"}
        found["train"] |= {"rank": 4, "max_steps": 12, "checkpoint_steps": 4, "pack_tokens": 2_048}
        found["evaluate"] |= {"max_new_tokens": 4}
    return found


def prepare(given: Path | None) -> None:
    """The prepared data of the run, and every database file that it names, in ``build/whole``."""
    from sqlforge.corpus.store import read_databases

    FOLDER.mkdir(parents=True, exist_ok=True)
    file, run = FOLDER / "recipe.yaml", FOLDER / "run"
    file.write_text(yaml.safe_dump(recipe(WORK, dry=True)))
    shutil.rmtree(run, ignore_errors=True)
    command = [sys.executable, "-m", "sqlforge", "prepare", str(file), "--out", str(run)]
    subprocess.run([*command, *(["--data-dir", str(given)] if given else [])], check=True)
    cache = Path(json.loads((run / "data" / "places.json").read_text())["cache"])
    paths = {d.path for d in read_databases(run / "data" / "databases.jsonl").values() if d.path}
    with tarfile.open(FOLDER / "data.tar.xz", "w:xz", preset=1) as archive:
        archive.add(run / "data", "data")
        for path in sorted(Path(one) for one in paths):
            if path.exists():  # the training split names a few that are not published
                archive.add(path, Path("cache") / path.relative_to(cache))
    shutil.rmtree(run)
    print(f"{FOLDER / 'data.tar.xz'}: {(FOLDER / 'data.tar.xz').stat().st_size / 1e6:.1f} MB")


def save_weights(work: Path, *, dry: bool) -> None:
    """Random 16-bit weights and the tokenizer, as a user would have them in a folder."""
    from sqlforge.model.random_base import random_base
    from sqlforge.plan.catalog import config_of

    config = dict(config_of("mistral-7b-v0.3")) | (TINY if dry else {})
    model: Any = random_base(config, device="cpu" if dry else "cuda", quantised=False)
    part = work / "base.part"
    model.save_pretrained(part, max_shard_size="2GB")
    for file in TOKENIZER.iterdir():
        shutil.copy(file, part)
    part.rename(work / "base")


def whole(options: argparse.Namespace) -> None:
    """Everything that is not done yet, within ``--limit`` seconds."""
    until, work = time.monotonic() + options.limit, options.work
    work.mkdir(parents=True, exist_ok=True)
    state = State()
    if (work / "state.json").exists():
        state = State(**json.loads((work / "state.json").read_text()))
    with nullcontext() if options.beside else _watched_card(state):
        try:
            done = _all(options, work, state, until)
        finally:
            (work / "state.json").write_text(json.dumps(asdict(state)))
    if not done:
        sys.exit("cut off: give the command again on this machine, and it goes on")
    rows = claims(work / "run", state)
    print_rows(rows)
    if not options.dry_run:
        import torch  # noqa: F401  # the claims name the card where it is loaded
    command = "python bench/whole_recipe.py --site FOLDER"
    print(write_claims("whole_recipe", command=command, seed=7, rows=rows, folder=options.out))


def _all(options: argparse.Namespace, work: Path, state: State, until: float) -> bool:
    """Weights, data, a run that is killed, and the same run to its end; whether it got there."""
    if not (work / "base").exists():
        shutil.rmtree(work / "base.part", ignore_errors=True)
        begun = time.monotonic()
        command = [sys.executable, __file__, "--weights", "--work", str(work)]
        subprocess.run([*command, *(["--dry-run"] if options.dry_run else [])], check=True)
        state.seconds["weights made"] = time.monotonic() - begun
    if not (work / "run" / "data").exists():
        _unpack(work, dry=options.dry_run)
    steps = recipe(work, dry=options.dry_run)["train"]["max_steps"]
    if state.killed_at == 0:
        _go(work, state, until, kill_at=steps // 2 + steps // 10)
        (work / "state.json").write_text(json.dumps(asdict(state)))
    return state.killed_at > 0 and _go(work, state, until)


def _unpack(work: Path, *, dry: bool) -> None:
    from sqlforge.core.config import load_recipe
    from sqlforge.core.run_dir import open_run

    with tarfile.open(FOLDER / "data.tar.xz") as archive:
        archive.extractall(work, filter="data")
    places = json.loads((work / "data" / "places.json").read_text())
    (work / "data" / "places.json").write_text(json.dumps(places | {"cache": str(work / "cache")}))
    if dry:
        test = work / "data" / "test.jsonl"
        rows = test.read_text(encoding="utf-8").splitlines(keepends=True)
        test.write_text("".join(rows[:6] + rows[-6:]), encoding="utf-8")
    (work / "recipe.yaml").write_text(yaml.safe_dump(recipe(work, dry=dry)))
    run = open_run(work / "run", load_recipe(work / "recipe.yaml"))
    (work / "data").rename(run.data)


def _go(work: Path, state: State, until: float, kill_at: int | None = None) -> bool:
    """One ``sqlforge run``, its stages timed; killed once so many steps are logged."""
    command = [sys.executable, "-m", "sqlforge", "run", str(work / "recipe.yaml")]
    process = subprocess.Popen(
        [*command, "--out", str(work / "run")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=os.environ | {"COLUMNS": "100", "HF_HUB_OFFLINE": "1"}, start_new_session=True,
    )  # fmt: skip
    begun, stage = time.monotonic(), "start"
    for line in _lines(process):
        now = time.monotonic()
        if line:
            print(f"{now - begun:6.0f} s  {line}", flush=True)
        if found := _STAGE.search(line):
            state.seconds[stage] = state.seconds.get(stage, 0.0) + now - begun
            stage, begun = found.group(1), now
        if _SHORT.search(line):
            state.short_of_memory.append(line[:200])
        steps = len(logged(work / "run"))
        if kill_at is not None and stage == "train" and steps >= kill_at:
            os.killpg(process.pid, signal.SIGKILL)
            state.killed_at, kill_at = steps, None
            state.log_when_killed = logged(work / "run")
            print(f"killed after step {steps}", flush=True)
        if now > until:
            os.killpg(process.pid, signal.SIGKILL)
            until = float("inf")
    state.seconds[stage] = state.seconds.get(stage, 0.0) + time.monotonic() - begun
    return process.wait() == 0


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Lines as they come, and an empty one each half second."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            return
        yield line.rstrip()


@contextmanager
def _watched_card(state: State) -> Iterator[None]:
    """Notes the most that is in use on the card, of all processes, by what its driver tells."""
    over = threading.Event()

    def look() -> None:
        command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        while not over.wait(1.0):
            told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            if told.strip().isdigit():
                state.most_on_card = max(state.most_on_card, int(told) / 1_024)

    if shutil.which("nvidia-smi"):
        threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()


if __name__ == "__main__":
    main()
