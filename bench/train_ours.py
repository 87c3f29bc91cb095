"""Our side of bench/train_throughput.py: several rows in one process, on one base model."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from sqlforge.model.adapt import add_lora
from sqlforge.model.card import start_counting, training_memory
from sqlforge.model.catalog import CATALOG
from sqlforge.model.fused import ops
from sqlforge.model.load import Source
from sqlforge.model.pack import Pack, plan_packs
from sqlforge.model.random_base import random_base
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import train
from sqlforge.plan.catalog import config_of
from train_prompts import MISTRAL, SEED, prompts
from train_rows import TINY, Asked, Measured

GIB = 2**30


class Clock(TrainerCallback):
    """When the steps that count began and ended; keeps checkpoints from being written."""

    def __init__(self, asked: Asked, profiler: Any = None) -> None:
        self.asked, self.profiler = asked, profiler
        self.begun = self.ended = 0.0
        self.losses: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The step before the first that counts, or the last, has ended."""
        control.should_save = False
        if state.global_step == self.asked.warm:
            self.begun = now()
        if state.global_step == self.asked.warm + self.asked.timed:
            self.ended = now()
        if self.profiler is not None:
            self.profiler.step()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep the loss."""
        self.losses += [kwargs["logs"]["loss"]] if "loss" in kwargs["logs"] else []


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def base_model(name: str, dry: bool) -> Any:
    """Random weights of the exact shape; Mistral's projections in NF4."""
    config = dict(config_of(name)) | (TINY if dry else {})
    device = "cpu" if dry else "cuda"
    return random_base(config, device=device, quantised=name == MISTRAL)


def measured(asked: Asked, base: Any, dry: bool, profile: bool = False) -> Measured:
    """Train on ``base`` as ``asked`` and take time and memory; ``base`` stays as it was."""
    fitting = [
        pair for pair in zip(*prompts(asked.model), strict=True) if len(pair[0]) <= asked.tokens
    ]
    encoded, keys = [one for one, _ in fitting], [key for _, key in fitting]
    packs = plan_packs(
        encoded, keys, budget=asked.tokens, questions_per_schema=asked.questions, seed=SEED
    )[:-1]  # all but the last are full
    steps = asked.warm + asked.timed + (3 if profile else 0)
    window = [packs[i % len(packs)] for i in range(steps)]
    ops.turn_on()
    for kernel in asked.off:
        ops.turn_off(kernel, "an ablation")
    device = "cpu" if dry else "cuda"
    with training_memory(device, asked.cap), tempfile.TemporaryDirectory() as folder:
        model: Any = add_lora(
            base,
            Source(asked.model, asked.model, CATALOG[asked.model]),
            rank=asked.rank,
            alpha=16,
            dropout=asked.dropout,
            dtype=asked.adapter_dtype,
            seed=0,
        )
        if asked.recomputed != 0:
            model.enable_input_require_grads()
        gc.collect()
        start_counting(device)
        try:
            return _timed(asked, model, window, Path(folder), encoded, profile)
        finally:
            model.unload()
            del model
            gc.collect()


def _timed(
    asked: Asked, model: Any, window: Sequence[Pack], folder: Path, encoded: Any, profile: bool
) -> Measured:
    profiler = profiled(asked) if profile else None
    clock = Clock(asked, profiler)
    if profiler is not None:
        profiler.start()
    train(model, window, settings(asked, model, len(window)), folder, [clock])
    if profiler is not None:
        profiler.stop()
    counted = window[asked.warm : asked.warm + asked.timed]
    seconds = clock.ended - clock.begun
    examples = sum(pack.examples for pack in counted)
    alone = sum(map(len, encoded)) / len(encoded)
    tokens = sum(map(len, counted)) / seconds
    cuda = torch.cuda.is_available()
    return Measured(
        name=asked.name,
        tokens_per_second=tokens,
        example_tokens_per_second=examples * alone / seconds if asked.questions > 1 else tokens,
        examples_per_second=examples / seconds,
        reserved=torch.cuda.max_memory_reserved() / GIB if cuda else 0.0,
        allocated=torch.cuda.max_memory_allocated() / GIB if cuda else 0.0,
        seconds=seconds / asked.timed,
        adapters=asked.adapter_dtype,
        states=_states(asked),
        loss=clock.losses[-1],
    )


def _states(asked: Asked) -> str:
    kinds = {
        "adamw": asked.adapter_dtype,
        "adamw-8bit": "8 bit",
        "adamw-32bit": "float32",
        "paged-adamw": "float32, paged",
    }
    return kinds[asked.optimizer]


def settings(asked: Asked, model: Any, steps: int) -> TrainSettings:
    layers = model.config.num_hidden_layers
    recomputed = layers if asked.recomputed is None else asked.recomputed
    return TrainSettings(
        learning_rate=1e-5,
        warmup_share=0.0,
        weight_decay=0.0,
        max_grad_norm=1.0,
        accumulation=1,
        steps=steps,
        checkpoint_steps=steps + 1,
        gradient_checkpointing=bool(recomputed) if recomputed in (0, layers) else recomputed,
        autocast_bf16=asked.adapter_dtype == "float32",
        cpu=not torch.cuda.is_available(),
        seed=SEED,
        optimizer=asked.optimizer,
        step=asked.step,
        embedding=asked.embedding,
        graphs=asked.graphs,
    )


def profiled(asked: Asked) -> Any:
    """A profiler of the two steps after those that count; prints where the card's time goes."""
    from torch.profiler import ProfilerActivity, profile, schedule

    def tell(found: Any) -> None:
        kernels = [e for e in found.key_averages() if e.self_device_time_total > 0]
        kernels = [e for e in kernels if e.device_type != torch.autograd.DeviceType.CPU]
        kernels.sort(key=lambda e: -e.self_device_time_total)
        whole = sum(e.self_device_time_total for e in kernels) / 2_000
        print(f"| {asked.name}: {whole:.1f} ms of kernels a step", flush=True)
        for one in kernels[:30]:
            each = one.self_device_time_total / 2_000
            print(f"| {each:8.2f} ms {one.count // 2:6} times {one.key[:110]}", flush=True)

    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
    plan = schedule(wait=asked.warm + asked.timed, warmup=1, active=2, repeat=1)
    return profile(activities=activities, schedule=plan, on_trace_ready=tell)
