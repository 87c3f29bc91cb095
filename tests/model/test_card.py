"""What a card's memory is held to where a recipe says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sqlforge.model.engine import memory

GIB = 2**30


def _card(monkeypatch: pytest.MonkeyPatch, free: int, share: float, reserved: int) -> Any:
    """A stand-in, since there is no card here: what PyTorch would tell of one."""
    told: dict[str, Any] = {
        "empty_cache": None,
        "mem_get_info": (free, 80 * GIB),
        "get_per_process_memory_fraction": share,
        "memory_reserved": reserved,
    }
    for name, value in told.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)
    config = SimpleNamespace(
        num_key_value_heads=8, num_attention_heads=32, head_dim=128, hidden_size=4_096,
        num_hidden_layers=32, intermediate_size=14_336,
    )  # fmt: skip
    weight = torch.empty(0, dtype=torch.bfloat16)
    return SimpleNamespace(
        device=torch.device("cuda"),
        config=config,
        get_input_embeddings=lambda: SimpleNamespace(weight=weight),
    )


def test_the_engine_takes_no_more_than_pytorch_is_held_to(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _card(monkeypatch, 70 * GIB, 11.25 / 80, int(4.5 * GIB))
    rows = memory.rows_for(model, 1_024, 256)
    states = 2 * 32 * 8 * 128 * 2 * (1_024 + 64) * (rows + 1)
    passed = memory.prefill_for(model) * 2 * (4 * 14_336 + 8 * 4_096)
    assert states + 2 * passed < 6.75 * GIB
    assert rows > 20 and 2_000 < memory.prefill_for(model) < 32_768


def test_a_card_to_oneself_is_used_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _card(monkeypatch, 60 * GIB, 1.0, 15 * GIB)
    assert memory.rows_for(model, 1_024, 256) == 256
    assert memory.prefill_for(model) == 32_768
