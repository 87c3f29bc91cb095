"""Training stops clearly, counts every supervised token once, and survives SIGKILL.

A random two-layer model in fp32 suffices here: checkpoints, random states and the optimizer are
transformers' own for every size, and small steps allow many kills.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from transformers import TrainerCallback

from model.tiny_llama import (
    END,
    StopBefore,
    made_up_examples,
    settings,
    tiny_adapted,
    tiny_llama,
    tiny_packs,
    train_in,
)
from sqlforge.core.errors import RecipeError, StorageError, TrainingError
from sqlforge.model.checkpoints import last_checkpoint
from sqlforge.model.pack import IGNORED, Pack, plan_packs
from sqlforge.model.progress import MetricsLog
from sqlforge.model.train import train
from sqlforge.prompt.encode import Encoded


def _checkpoint_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("checkpoint-*"))


def _adapter_is_finite(checkpoint: Path) -> bool:
    weights = load_file(checkpoint / "adapter_model.safetensors")
    return all(bool(torch.isfinite(w).all()) for w in weights.values())


class _Watch(TrainerCallback):
    """Notes losses and unclipped gradients."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.gradients: list[torch.Tensor] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        found = [p.grad.flatten() for p in kwargs["model"].parameters() if p.grad is not None]
        self.gradients.append(torch.cat(found).clone())

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.losses += [kwargs["logs"]["loss"]] if "loss" in kwargs["logs"] else []


# --- what stops a run -------------------------------------------------------------------------


def test_weights_that_are_nan_stop_the_run_at_once(tmp_path: Path) -> None:
    model = tiny_adapted()
    next(p for p in model.parameters() if p.requires_grad).data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="loss of step 1 is nan"):
        train(model, tiny_packs(), settings(3), tmp_path)


def test_an_absurd_learning_rate_stops_the_run_and_keeps_the_last_good_checkpoint(
    tmp_path: Path,
) -> None:
    absurd = settings(9, learning_rate=1e30, checkpoint_steps=1, warmup_share=0.3)
    with pytest.raises(TrainingError, match="last good checkpoint is kept: lower"):
        train(tiny_adapted(), tiny_packs(), absurd, tmp_path)
    # The first step of a warm-up has the rate 0; the second one wrecks the weights, and the
    # checkpoint after it would lead every later run straight into the same fault.
    assert _checkpoint_names(tmp_path) == ["checkpoint-1"]
    kept = last_checkpoint(tmp_path)
    assert kept is not None
    assert _adapter_is_finite(kept)


def test_a_gradient_that_is_nan_never_reaches_weights_or_checkpoint(tmp_path: Path) -> None:
    model = tiny_adapted()
    parameter = next(p for p in model.parameters() if p.requires_grad)
    calls = iter(range(100))
    parameter.register_hook(lambda g: g * float("nan") if next(calls) == 2 else g)
    with pytest.raises(TrainingError, match="gradient of step 3 is nan"):
        train(model, tiny_packs(), settings(5, checkpoint_steps=1), tmp_path)
    assert bool(torch.isfinite(parameter).all())
    assert _checkpoint_names(tmp_path) == ["checkpoint-1"]


def test_a_step_without_supervised_tokens_stops_the_run(tmp_path: Path) -> None:
    packs = tiny_packs()
    packs[1] = Pack(
        packs[1].input_ids, packs[1].positions, [IGNORED] * len(packs[1]),
        packs[1].groups, packs[1].branches, packs[1].examples,
    )  # fmt: skip
    with pytest.raises(TrainingError, match="step 2 has no supervised token"):
        train(tiny_adapted(), packs, settings(3, checkpoint_steps=1), tmp_path)
    assert _checkpoint_names(tmp_path) == ["checkpoint-1"]


@pytest.mark.parametrize("tracker", ["tensorboard", "no_such_tracker"])
def test_a_tracker_that_is_not_there_ends_in_one_sentence(tmp_path: Path, tracker: str) -> None:
    if importlib.util.find_spec(tracker) is not None:
        pytest.skip(f"{tracker} is installed")
    with pytest.raises(RecipeError) as caught:
        train(tiny_adapted(), tiny_packs(), settings(1, trackers=(tracker,)), tmp_path)
    assert f"'{tracker}' in train.trackers" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- the loss ---------------------------------------------------------------------------------


def test_the_loss_counts_every_supervised_token_of_the_window_alike(tmp_path: Path) -> None:
    short, long = Encoded((5, 6, 7), (9, END)), Encoded((8, 9), (10, 11, 12, 13, 14, 15, END))
    options: dict[str, Any] = {"questions_per_schema": 1, "seed": 0}
    apart = plan_packs([short, long], ["a", "b"], budget=9, **options)
    joined = plan_packs([short, long], ["a", "b"], budget=40, **options)
    assert (len(apart), len(joined)) == (2, 1)
    plain = settings(1, max_grad_norm=1e9)
    windows, whole = _Watch(), _Watch()
    train(tiny_adapted(), apart, replace(plain, accumulation=2), tmp_path / "a", [windows])
    train(tiny_adapted(), joined, plain, tmp_path / "b", [whole])
    assert windows.losses == pytest.approx(whole.losses, rel=1e-5)
    difference = (windows.gradients[0] - whole.gradients[0]).norm() / whole.gradients[0].norm()
    assert difference.item() < 1e-5


def test_a_last_window_with_fewer_packs_is_normalised_over_its_own_tokens(tmp_path: Path) -> None:
    packs = tiny_packs()[:3]
    windows, alone = _Watch(), _Watch()
    still = settings(2, accumulation=2, learning_rate=1e-30, max_grad_norm=1e9)
    train(tiny_adapted(), packs, still, tmp_path / "a", [windows])
    single = replace(still, accumulation=1, steps=1)
    train(tiny_adapted(), packs[2:], single, tmp_path / "b", [alone])
    assert windows.losses[1] == pytest.approx(alone.losses[0], rel=1e-5)
    difference = (windows.gradients[1] - alone.gradients[0]).norm() / alone.gradients[0].norm()
    assert difference.item() < 1e-5


def test_recomputing_activations_changes_no_gradient(tmp_path: Path) -> None:
    kept, recomputed = _Watch(), _Watch()
    train(tiny_adapted(), tiny_packs(), settings(2), tmp_path / "a", [kept])
    model = tiny_adapted()
    model.enable_input_require_grads()
    checkpointing = settings(2, gradient_checkpointing=True)
    train(model, tiny_packs(), checkpointing, tmp_path / "b", [recomputed])
    assert recomputed.losses == pytest.approx(kept.losses, rel=1e-6)
    torch.testing.assert_close(recomputed.gradients, kept.gradients)


def test_only_the_first_layers_are_recomputed_where_the_recipe_says_how_many(
    tmp_path: Path,
) -> None:
    kept, some = _Watch(), _Watch()
    train(tiny_adapted(), tiny_packs(), settings(2), tmp_path / "a", [kept])
    model = tiny_adapted()
    model.enable_input_require_grads()
    plan = settings(2, gradient_checkpointing=1)
    train(model, tiny_packs(), plan, tmp_path / "b", [some])
    layers = model.base_model.model.model.layers
    assert [layer.gradient_checkpointing for layer in layers] == [True, False]
    assert some.losses == pytest.approx(kept.losses, rel=1e-6)
    torch.testing.assert_close(some.gradients, kept.gradients)


def test_the_loss_falls_on_examples_seen_again(tmp_path: Path) -> None:
    encoded, keys = made_up_examples(6, schemas=2)
    (pack,) = plan_packs(encoded, keys, budget=400, questions_per_schema=3, seed=0)
    watch = _Watch()
    train(tiny_adapted(), [pack] * 30, settings(30), tmp_path, [watch])
    assert watch.losses[-1] < 0.5 * watch.losses[0]


def test_every_step_leaves_a_line_with_what_it_cost(tmp_path: Path) -> None:
    packs = tiny_packs()[:5]
    log = MetricsLog(tmp_path / "metrics.jsonl", packs, 2, 3, Console(quiet=True))
    plan = settings(3, accumulation=2)
    summary = train(tiny_adapted(), packs, plan, tmp_path / "checkpoints", [log], log.resume)
    log.close()
    rows = _rows(tmp_path)
    assert [row["step"] for row in rows] == [1, 2, 3]
    windows = [packs[:2], packs[2:4], packs[4:]]
    assert [row["tokens"] for row in rows] == [sum(map(len, window)) for window in windows]
    assert [row["examples"] for row in rows] == [sum(p.examples for p in w) for w in windows]
    assert summary.final_loss == rows[-1]["loss"]
    assert all(row["peak_memory_bytes"] > 2**20 and row["seconds"] > 0 for row in rows)
    assert log.seconds() == pytest.approx(sum(row["seconds"] for row in rows))


def _adapted_in_16_bit() -> Any:
    return tiny_adapted(dtype="bfloat16")


@pytest.mark.parametrize("made", [tiny_llama, _adapted_in_16_bit], ids=["full", "16-bit adapters"])
def test_training_goes_on_from_its_last_checkpoint(made: Callable[[], Any], tmp_path: Path) -> None:
    packs = tiny_packs()
    whole, cut, resumed = _Watch(), _Watch(), _Watch()
    plan = settings(6, learning_rate=1e-3, checkpoint_steps=2)
    train(made(), packs, plan, tmp_path / "whole", [whole])
    with pytest.raises(InterruptedError):
        train(made(), packs, plan, tmp_path / "cut", [cut, StopBefore(5)])
    model = made()
    types = [parameter.dtype for parameter in model.parameters()]
    summary = train(model, packs, plan, tmp_path / "cut", [resumed])
    assert summary.resumed_from == 4
    assert cut.losses[:4] + resumed.losses == whole.losses
    gradients = zip(cut.gradients[:4] + resumed.gradients, whole.gradients, strict=True)
    assert all(torch.equal(one, other) for one, other in gradients)
    assert [parameter.dtype for parameter in model.parameters()] == types


# --- killed and started again -----------------------------------------------------------------


def _start(folder: Path) -> Any:
    """Training in a process forked from one that has the libraries loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sqlforge.model.train", "sqlforge.model.adapt"])
    process = context.Process(target=train_in, args=(folder,))
    process.start()
    return process


def _rows(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _half_written(folder: Path) -> list[Path]:
    return [p for p in folder.glob("checkpoints/checkpoint-*") if not (p / "complete").exists()]


def _kill_when(process: Any, happened: Callable[[], bool]) -> bool:
    """SIGKILL ``process`` as soon as ``happened``; whether it was still running then."""
    while process.is_alive():
        if happened():
            process.kill()
            break
        time.sleep(0.0005)
    process.join()
    return bool(process.exitcode == -signal.SIGKILL)


@pytest.mark.xdist_group("killed")
def test_a_run_killed_again_and_again_ends_like_one_that_never_was(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    reference = _start(whole)
    reference.join()
    assert reference.exitcode == 0

    rng = random.Random(7)
    kills = halves = 0
    for attempt in range(7):
        process = _start(killed)
        before = set(_half_written(killed))
        if attempt % 2 == 0:
            # While a checkpoint is being written: its folder is there, its last file is not.
            fell = _kill_when(process, lambda seen=before: bool(set(_half_written(killed)) - seen))
        else:
            size = _log_size(killed)
            moment = time.monotonic() + rng.uniform(0.0, 0.4)
            fell = _kill_when(
                process,
                lambda s=size, t=moment: _log_size(killed) > s and time.monotonic() > t,
            )
        kills += fell
        halves += bool(_half_written(killed))
    last = _start(killed)
    last.join()
    assert last.exitcode == 0
    assert kills >= 3, "the run was over before it could be killed"
    assert halves >= 1, "no kill met a checkpoint half-written"

    summary = json.loads((killed / "summary.json").read_text())
    assert summary["resumed_from"] > 0
    facts = ("step", "loss", "learning_rate", "grad_norm", "tokens", "examples")
    wanted, got = ([{k: row[k] for k in facts} for row in _rows(f)] for f in (whole, killed))
    assert got == wanted
    assert summary["final_loss"] == json.loads((whole / "summary.json").read_text())["final_loss"]
    assert _half_written(killed) == []
    one, other = (load_file(f / "adapter" / "adapter_model.safetensors") for f in (whole, killed))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def _log_size(folder: Path) -> int:
    log = folder / "metrics.jsonl"
    return log.stat().st_size if log.exists() else 0


def test_half_written_checkpoints_are_removed_and_whole_ones_found(tmp_path: Path) -> None:
    for step, whole in ((4, True), (8, True), (12, False), (16, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "complete").touch()
    (tmp_path / "notes").mkdir()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-8"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-4", "checkpoint-8", "notes"]
    assert last_checkpoint(tmp_path / "nowhere") is None


def test_a_torn_last_line_of_the_log_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [json.dumps({"step": step, "loss": 1.0, "seconds": 2.0}) for step in (1, 2, 3)]
    path.write_text("\n".join(rows) + '\n{"step": 4, "lo')
    log = MetricsLog(path, [], 1, 9, Console(quiet=True))
    log.resume(4)
    assert path.read_text().splitlines() == rows
    log.resume(2)
    assert path.read_text().splitlines() == rows[:2]
    assert log.seconds() == 4.0
    log.resume(0)
    assert path.read_text() == ""


# --- a full disk ------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    # Lazily: a failing test's traceback may still hold a file open.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class _FillDisk(TrainerCallback):
    """Once the first checkpoint is written, leaves room for ``share`` of another one."""

    def __init__(self, folder: Path, share: float) -> None:
        self._folder, self._share = folder, share
        self.ballast = folder / "ballast"

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not self.ballast.exists():
            checkpoint = self._folder / "checkpoints" / f"checkpoint-{state.global_step}"
            needed = sum(_on_disk(path) for path in checkpoint.iterdir())
            fill(self.ballast, leave=round(self._share * needed))


def _on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def fill(path: Path, leave: int) -> None:
    disk = os.statvfs(path.parent)
    blocks = disk.f_bavail - leave // disk.f_frsize
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, blocks * disk.f_frsize)


# The room decides which file fails: the weights, the optimizer's state, a small one at the end.
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 0.9, 0.97])
def test_a_full_disk_leaves_whole_checkpoints_only(small_disk: Path, share: float) -> None:
    checkpoints = small_disk / "checkpoints"
    filler = _FillDisk(small_disk, share)
    with pytest.raises(StorageError, match=r"No space left on device.*free space"):
        train(tiny_adapted(), tiny_packs(), settings(6, checkpoint_steps=2), checkpoints, [filler])
    assert _checkpoint_names(checkpoints) == ["checkpoint-2"]
    assert last_checkpoint(checkpoints) == checkpoints / "checkpoint-2"
    filler.ballast.unlink()
    again = train(tiny_adapted(), tiny_packs(), settings(6, checkpoint_steps=2), checkpoints)
    assert (again.resumed_from, again.steps) == (2, 6)


def test_a_full_disk_under_the_log_is_said_in_one_sentence(small_disk: Path) -> None:
    packs = tiny_packs()
    log = MetricsLog(small_disk / "metrics.jsonl", packs, 1, 4, Console(quiet=True))
    fill(small_disk / "ballast", leave=0)
    with pytest.raises(StorageError, match="No space left on device"):
        log.on_log(None, SimpleNamespace(global_step=1), None, {"loss": 1.0})
