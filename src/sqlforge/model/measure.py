"""Memory of real training steps on this machine's card, with random weights of an exact shape."""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from sqlforge.core.errors import ModelError
from sqlforge.model.adapt import add_lora
from sqlforge.model.card import (
    has_expandable_segments,
    outside_memory,
    start_counting,
    training_memory,
)
from sqlforge.model.catalog import CATALOG
from sqlforge.model.load import Source
from sqlforge.model.pack import Pack, pack_shape, plan_packs
from sqlforge.model.random_base import random_base
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import train
from sqlforge.plan.lengths import Lengths, telling
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.training import PackShape, Training
from sqlforge.prompt.encode import Encoded

STEPS = 3
_FIRST_ID = 3  # those before have a meaning of their own


@dataclass(frozen=True, slots=True)
class Measured:
    """Of :data:`STEPS` optimizer steps: peak bytes on the card, and seconds of the last one.

    On a CPU there is nothing to count: the bytes are 0. ``expandable`` tells the allocator's
    segments, which the prediction depends on; ``outside`` is taken of the card beside PyTorch's
    allocator, by this process if it is alone there.
    """

    reserved: int
    allocated: int
    seconds: float
    expandable: bool
    outside: int
    packs: tuple[PackShape, ...]


def demanding_packs(
    lengths: Sequence[Lengths],
    vocabulary: int,
    *,
    budget: int,
    questions_per_schema: int,
    seed: int,
) -> list[Pack]:
    """Three packs of random ids whose lengths, and what they share, are those of real examples.

    The ones with most logits and most keys of an epoch are among them.
    """
    encoded = list(_made_up(lengths, vocabulary, seed))
    keys = [str(one.schema) for one in lengths]
    found = plan_packs(
        encoded, keys, budget=budget, questions_per_schema=questions_per_schema, seed=seed
    )
    by_shape = {pack_shape(pack): pack for pack in found}
    return [by_shape[shape] for shape in telling(list(by_shape))]


def measure_steps(
    config: Mapping[str, Any],
    shape: ModelShape,
    training: Training,
    packs: Sequence[Pack],
    *,
    device: str,
    limit: int | None = None,
) -> Measured:
    """Train a random model of ``shape`` for three steps and say what PyTorch reserved.

    Args:
        config: the keys of the model's ``config.json``.
        shape: the same, understood.
        training: how.
        packs: micro-batches, used again from the front when they run out.
        device: ``cuda``, or ``cpu`` for a trial of the same path that counts nothing.
        limit: bytes that PyTorch may reserve on the card.

    Raises:
        ModelError: the steps do not fit the card, or ``limit``.
    """
    cuda = device == "cuda"
    window = [packs[i % len(packs)] for i in range(STEPS * training.accumulation)]
    watch = _Watch(cuda)
    try:
        with (
            training_memory(device, None if limit is None else limit / 2**30),
            tempfile.TemporaryDirectory(prefix="sqlforge-") as folder,
        ):
            model = _adapted(config, shape, training, device)
            gc.collect()
            start_counting(device)
            train(model, window, _settings(training, shape, cuda), Path(folder), [watch])
            reserved = torch.cuda.max_memory_reserved() if cuda else 0
            allocated = torch.cuda.max_memory_allocated() if cuda else 0
            expandable = not cuda or has_expandable_segments()
            outside = outside_memory(device)
    except torch.OutOfMemoryError as fault:
        raise ModelError(
            f"{shape.name}, whose training steps do not fit ({' '.join(str(fault).split())[:120]})",
            "a run that fits the card",
            "plan it without --measure to see what would",
        ) from fault
    shapes = tuple(map(pack_shape, window))
    return Measured(reserved, allocated, watch.seconds, expandable, outside, shapes)


def _adapted(config: Mapping[str, Any], shape: ModelShape, training: Training, device: str) -> Any:
    base = random_base(config, device=device, quantised=training.method == "qlora")
    # Only the names of the projections count here; nothing is saved.
    named = replace(
        CATALOG["mistral-7b-v0.3"], lora_targets=tuple(one.name for one in shape.linears)
    )
    model: Any = add_lora(
        base,
        Source(shape.name, shape.name, named),
        rank=training.rank,
        alpha=16,
        dropout=training.dropout,
        dtype=training.adapter_dtype,
        seed=0,
    )
    if training.checkpointed:
        model.enable_input_require_grads()
    return model


def _settings(training: Training, shape: ModelShape, cuda: bool) -> TrainSettings:
    recomputed: bool | int = training.checkpointed
    if training.checkpointed in (0, shape.layers):
        recomputed = bool(training.checkpointed)
    return TrainSettings(
        learning_rate=1e-5,
        warmup_share=0.0,
        weight_decay=0.0,
        max_grad_norm=1.0,
        accumulation=training.accumulation,
        steps=STEPS,
        checkpoint_steps=STEPS + 1,
        gradient_checkpointing=recomputed,
        autocast_bf16=training.adapter_dtype == "float32",
        cpu=not cuda,
        seed=0,
        optimizer=training.optimizer,
        step="auto" if training.fused else "plain",
        embedding="host" if training.host_embedding else "card",
    )


class _Watch(TrainerCallback):
    """Times steps, and keeps ``Trainer`` from writing a checkpoint at the end."""

    def __init__(self, cuda: bool) -> None:
        self._cuda, self._begun, self.seconds = cuda, 0.0, 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A step starts."""
        self._begun = self._now()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A step has ended."""
        self.seconds = self._now() - self._begun
        control.should_save = False

    def _now(self) -> float:
        if self._cuda:
            torch.cuda.synchronize()
        return time.perf_counter()


def _made_up(lengths: Iterable[Lengths], vocabulary: int, seed: int) -> Iterable[Encoded]:
    """Random ids; examples of one schema begin alike for as long as the real ones do."""
    trunks: dict[int, list[int]] = {}
    counts: dict[int, int] = {}
    rng = random.Random(seed)
    for one in lengths:
        trunk = trunks.setdefault(one.schema, [])
        while len(trunk) < one.shared:
            trunk.append(rng.randrange(_FIRST_ID, vocabulary))
        number = counts[one.schema] = counts.get(one.schema, 0) + 1
        # The first token of its own tells an example from all others of its schema.
        own = [_FIRST_ID + number % (vocabulary - _FIRST_ID)]
        own += [rng.randrange(_FIRST_ID, vocabulary) for _ in range(one.prompt - one.shared - 1)]
        answer = [rng.randrange(_FIRST_ID, vocabulary) for _ in range(one.answer)]
        yield Encoded((*islice(trunk, one.shared), *own), tuple(answer))
