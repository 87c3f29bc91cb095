"""How much of a card's memory PyTorch may take here."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from sqlforge.core.errors import ModelError
from sqlforge.model.load import Quantization, pick_device, resolve
from sqlforge.plan.catalog import shape_of
from sqlforge.plan.weights import base_bytes

_EARLIER = ("_cuda_cudaCachingAllocator_set_allocator_settings",)
_SETTINGS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")


@contextmanager
def training_memory(
    device: str, gib: float | None = None, *, expandable: bool = True
) -> Iterator[None]:
    """Memory of a card as training takes it; on a CPU nothing changes.

    Micro-batches differ in length, and with PyTorch's fixed segments a longer one cannot use what
    a shorter one left: expandable segments can. What a user says in ``PYTORCH_ALLOC_CONF`` stands.

    Args:
        device: of the recipe.
        gib: hold PyTorch to so many GiB.
        expandable: whether segments are; where graphs are captured besides, they need not be.
    """
    if pick_device(device) == "cpu":
        yield
        return
    ours = expandable and not any(name in os.environ for name in _SETTINGS)
    gc.collect()  # what a stage before has left behind
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    try:
        if ours:
            _set_expandable(True)
        if gib is not None:
            torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total))
        yield
    finally:
        if gib is not None:
            torch.cuda.set_per_process_memory_fraction(1.0)
        if ours:
            _set_expandable(False)


@contextmanager
def held_memory(device: str, gib: float | None) -> Iterator[None]:
    """Hold PyTorch to ``gib`` GiB of a card, segments as they are; on a CPU nothing changes.

    Before and after, what nobody refers to any more is given back: models hold themselves in
    circles, and under a bound there is no room for two.
    """
    gc.collect()
    if pick_device(device) == "cpu":
        yield
        return
    torch.cuda.empty_cache()
    try:
        if gib is not None:
            total = torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total))
        yield
    finally:
        if gib is not None:
            torch.cuda.set_per_process_memory_fraction(1.0)
        gc.collect()
        torch.cuda.empty_cache()


def weights_that_fit(
    name: str, wanted: Quantization, device: str, gib: float | None
) -> Quantization:
    """``wanted``, or ``nf4`` where a model in 16 bit would leave no room to generate in.

    A tenth of the memory is left for that. A model whose shape is not known is taken as wanted.

    >>> weights_that_fit("smollm2-135m", "none", "cpu", None)
    'none'
    >>> weights_that_fit("mistral-7b-v0.3", "none", "cpu", 11.25)
    'nf4'
    """
    limit = memory_limit(device, gib)
    if wanted == "nf4" or limit is None:
        return wanted
    source = resolve(name)
    try:
        shape = shape_of(source.base.name if source.base else source.location)
    except ModelError:
        return wanted
    return "nf4" if base_bytes(shape, quantised=False) > 0.9 * limit else wanted


def memory_limit(device: str, gib: float | None) -> int | None:
    """Bytes that PyTorch may reserve on the card; on a CPU ``gib`` if that is said.

    What it holds already counts as free: it is used again before more is taken.

    >>> memory_limit("cpu", None), memory_limit("cpu", 2.0)
    (None, 2147483648)
    """
    said = None if gib is None else int(gib * 2**30)
    if pick_device(device) == "cpu":
        return said
    free, _ = torch.cuda.mem_get_info()
    there = free + torch.cuda.memory_reserved()
    return there if said is None else min(said, there)


def is_hopper(device: str) -> bool:
    """Whether the card is an H100 or H200, where cuBLAS takes more scratch.

    >>> is_hopper("cpu")
    False
    """
    if pick_device(device) == "cpu":
        return False
    return torch.cuda.get_device_capability() == (9, 0)


def has_expandable_segments() -> bool:
    """Whether what PyTorch holds on the card lies in expandable segments."""
    snapshot: Any = torch.cuda.memory_snapshot  # untyped
    return any(segment.get("is_expandable") for segment in snapshot())


def outside_memory(device: str) -> int:
    """Bytes of the card that are taken and not by PyTorch's allocator in this process.

    >>> outside_memory("cpu")
    0
    """
    if pick_device(device) == "cpu":
        return 0
    free, total = torch.cuda.mem_get_info()
    return total - free - torch.cuda.memory_reserved()


def start_counting(device: str) -> None:
    """Give back what is not in use and count peak memory from here on."""
    if pick_device(device) != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _set_expandable(on: bool) -> None:
    # PyTorch's public face to it warns from 2.13 on; earlier versions have the second only. Without
    # either, segments stay as they are, which costs memory and nothing else.
    inside: Any = torch._C
    for name in ("_accelerator_setAllocatorSettings", *_EARLIER):
        if hasattr(inside, name):
            getattr(inside, name)(f"expandable_segments:{on}")
            return
