"""How much of a card's memory PyTorch may take here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sqlforge.model.load import pick_device


@contextmanager
def held_memory(device: str, gib: float | None) -> Iterator[None]:
    """Hold PyTorch to ``gib`` GiB of the card, if there is one and something is said."""
    if gib is None or pick_device(device) == "cpu":
        yield
        return
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


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


def start_counting(device: str) -> None:
    """Give back what is not in use and count peak memory from here on."""
    if pick_device(device) != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
