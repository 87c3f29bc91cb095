"""Two processes that train one tiny model over gloo, as a launcher would start them."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from model.tiny_llama import settings, tiny_adapted, tiny_packs, with_drawn_b
from sqlforge.cli_support import run_and_explain
from sqlforge.model.adapt import add_lora
from sqlforge.model.distributed import ALONE, Processes, together
from sqlforge.model.load import Source, load_model
from sqlforge.model.quiet import quiet_libraries
from sqlforge.model.train import train

Job = Callable[[Processes, Path], None]
STEPS = 4


@dataclass(slots=True)
class Watch(TrainerCallback):
    """Notes what is logged; stops before a step, or does something else there."""

    before: int | None = None
    what: Callable[[], None] | None = None
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Do what was asked for before the step."""
        if state.global_step + 1 == self.before:
            if self.what is None:
                raise InterruptedError
            self.what()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note loss and gradient norm."""
        if "loss" in kwargs["logs"]:
            self.losses.append(kwargs["logs"]["loss"])
            self.norms.append(kwargs["logs"]["grad_norm"])


def trained(checkpoints: Path, watch: Watch, processes: Processes = ALONE, **changes: Any) -> Any:
    """The tiny model after training with dropout; three packs are missing in the last step."""
    model = changes.pop("model", None) or tiny_adapted(dropout=0.1)
    packs = tiny_packs(budget=60)[: 4 * STEPS - 3]
    plan = settings(STEPS, **{"accumulation": 4, "checkpoint_steps": 2} | changes)
    torch.manual_seed(processes.rank)  # what was drawn before must not matter
    train(model, packs, plan, checkpoints, [watch], processes=processes)
    return model


def tiny_nf4(base: Path) -> Any:
    """The model in ``base`` in NF4, computing in fp32, with drawn adapters and dropout."""
    model = load_model(str(base), dtype="float32", device="cpu", quantization="nf4")
    adapted = add_lora(
        model, Source("tiny", "tiny", None), rank=4, alpha=8, dropout=0.1, dtype="float32", seed=3
    )
    return with_drawn_b(adapted)


def start(job: Job, folder: Path) -> list[int]:
    """Do ``job`` in two processes; their exit codes. What they print is in ``folder``."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sqlforge.model.train", "sqlforge.model.adapt"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = [context.Process(target=_process, args=(job, r, port, folder)) for r in range(2)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode or 0 for process in started]


def _process(job: Job, rank: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    with (folder / f"printed-{rank}.txt").open("w", buffering=1) as out:
        os.dup2(out.fileno(), 2)
        sys.stderr = out

        def whole() -> None:
            with together() as processes:
                quiet_libraries()
                processes.connect("cpu")
                job(processes, folder)

        sys.exit(run_and_explain(whole))


def write(folder: Path, name: str, rank: int, watch: Watch) -> None:
    """Leave what was logged for the test."""
    noted = {"losses": watch.losses, "norms": watch.norms}
    (folder / f"{name}-{rank}.json").write_text(json.dumps(noted))


def read(folder: Path, name: str, rank: int = 0) -> Watch:
    """What a process logged."""
    return Watch(**json.loads((folder / f"{name}-{rank}.json").read_text()))
