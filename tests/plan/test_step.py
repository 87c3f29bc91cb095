"""The planner's tape is what a real training step allocates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("bitsandbytes", reason="the extra 'train' is not installed")

from plan.test_weights import configuration
from plan.traced import even_pack, led_onto_the_cards_way, planned, traced, without_kernels
from sqlforge.plan.allocator import MIB
from sqlforge.plan.catalog import shape_of
from sqlforge.plan.memory import budget, fits
from sqlforge.plan.tape import play
from sqlforge.plan.training import PackShape, Training

SMALL = {"num_hidden_layers": 3, "hidden_size": 1024, "intermediate_size": 3584}
SMALL |= {"num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096}
PACKS = (
    PackShape(2_000, 3_600, 24, 700, 300),
    PackShape(1_900, 3_300, 22, 600, 250),
    PackShape(2_040, 7_000, 18, 720, 780),
)


def small(name: str) -> dict[str, Any]:
    config = configuration(name) | SMALL
    if name == "phi-3.5-mini":
        config |= {"num_key_value_heads": 8}
    return config


@pytest.mark.parametrize(
    ("name", "training", "tolerance"),
    [
        ("mistral-7b-v0.3", Training(checkpointed=3, fused=False), 0.005),
        ("mistral-7b-v0.3", Training(checkpointed=3, adapter_dtype="bfloat16", fused=False), 0.005),
        ("mistral-7b-v0.3", Training(checkpointed=2, dropout=0.0, rank=16, fused=False), 0.02),
        # Nothing asks for gradients below the first layer's adapters: a little less is kept.
        ("mistral-7b-v0.3", Training(checkpointed=0, fused=False), 0.05),
        ("phi-3.5-mini", Training(checkpointed=3, fused=False), 0.005),
        ("phi-3.5-mini", Training(checkpointed=0, dropout=0.0, fused=False), 0.05),
        ("smollm2-135m", Training(method="lora", checkpointed=3, rank=16, fused=False), 0.02),
        ("smollm2-135m", Training(method="lora", checkpointed=0, dropout=0.0, fused=False), 0.05),
    ],
)
def test_the_tape_peaks_where_a_traced_step_does(
    name: str, training: Training, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, pack = small(name), even_pack(512, 8)
    led_onto_the_cards_way(monkeypatch)
    real, paper = traced(config, training, pack), planned(config, training, pack)
    assert paper.peak_bytes() == pytest.approx(real.peak_bytes(), rel=tolerance)
    # What the allocator makes of it differs by a page of its large pool at most.
    assert abs(play(paper).reserved - play(real).reserved) <= 20 * MIB


@pytest.mark.parametrize(
    ("name", "training"),
    [
        ("mistral-7b-v0.3", Training(checkpointed=3)),
        ("mistral-7b-v0.3", Training(checkpointed=3, adapter_dtype="bfloat16")),
        ("mistral-7b-v0.3", Training(checkpointed=2, dropout=0.0, rank=16)),
        ("mistral-7b-v0.3", Training(checkpointed=0)),
        ("phi-3.5-mini", Training(checkpointed=3)),
        ("smollm2-135m", Training(method="lora", checkpointed=0, dropout=0.0)),
    ],
)
@pytest.mark.parametrize("tokens", [1_024, 2_048], ids=["short", "long"])
def test_the_fused_tape_peaks_where_a_traced_step_does(
    name: str, training: Training, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, pack = small(name), even_pack(tokens, 8)
    led_onto_the_cards_way(monkeypatch)
    without_kernels(monkeypatch)
    real, paper = traced(config, training, pack), planned(config, training, pack)
    assert paper.peak_bytes() == pytest.approx(real.peak_bytes(), rel=0.005)


def reserved(
    name: str = "mistral-7b-v0.3", packs: Any = PACKS, *, hopper: bool = False, **changes: Any
) -> int:
    shape = shape_of(name)
    training = replace(Training(checkpointed=shape.layers), **changes)
    return budget(shape, training, packs, hopper=hopper).reserved


def larger(factor: float) -> list[PackShape]:
    return [
        PackShape(
            *(round(factor * value) for value in (p.tokens, p.keys, p.sequences, p.supervised)),
            longest=p.longest,
        )
        for p in PACKS
    ]


def test_memory_grows_with_every_thing_that_takes_some() -> None:
    plain = reserved()
    assert reserved(packs=larger(2)) > plain
    assert reserved(rank=128) > plain > reserved(rank=16)
    assert reserved(checkpointed=0) > reserved(checkpointed=16) > plain
    assert reserved(method="lora") - plain > 9e9, "16-bit weights"
    assert plain > reserved(optimizer="adamw-8bit") > reserved(optimizer="paged-adamw-8bit")
    assert reserved(adapter_dtype="bfloat16") < plain
    assert reserved("llama-3.1-8b") > plain > reserved("phi-3.5-mini") > reserved("smollm2-135m")


def test_gradients_of_a_window_lie_there_for_all_its_micro_batches() -> None:
    assert reserved(accumulation=4, packs=larger(1)) > reserved(packs=larger(1))


def test_the_parts_of_a_budget_are_all_that_is_reserved() -> None:
    shape = shape_of("mistral-7b-v0.3")
    found = budget(shape, Training(checkpointed=32), PACKS)
    parts = (
        found.weights + found.head + found.norms + found.adapters + found.gradients
        + found.optimizer + found.activations + found.logits + found.dequantised + found.kernels
    )  # fmt: skip
    assert parts == found.allocated
    assert found.allocated + found.fragmentation == found.reserved
    assert found.on_card == found.reserved + found.outside
    assert found.adapters == pytest.approx(167_772_160 * 4, rel=0.01), "blocks are rounded"
    assert found.optimizer == pytest.approx(2 * 167_772_160 * 4, rel=0.01)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_paged_states_are_fp32_whatever_the_adapters_are_and_lie_elsewhere(
    dtype: Literal["float32", "bfloat16"],
) -> None:
    shape = shape_of("mistral-7b-v0.3")
    training = Training(rank=16, checkpointed=32, adapter_dtype=dtype, optimizer="paged-adamw")
    found = budget(shape, training, PACKS)
    # Keys' and values' B, of 16 x 1,024 numbers, and A and B of queries and output stay.
    small = sum(
        numbers
        for one in shape.linears
        for numbers in (16 * one.inputs, 16 * one.outputs)
        if numbers < 100_000
    )
    assert found.optimizer == 2 * 4 * shape.layers * small
    plain = replace(training, optimizer="adamw")
    assert found.reserved < budget(shape, plain, PACKS).reserved


def test_8_bit_states_take_a_byte_a_number_and_their_scales() -> None:
    shape = shape_of("mistral-7b-v0.3")
    found = budget(shape, Training(checkpointed=32, optimizer="adamw-8bit"), PACKS)
    assert found.optimizer == pytest.approx(2 * 167_772_160 * (1 + 4 / 256), rel=0.01)


def test_less_than_the_predicted_peak_may_do_but_never_less_than_tensors_take() -> None:
    shape, training = shape_of("phi-3.5-mini"), Training(checkpointed=32)
    found = budget(shape, training, PACKS)
    assert fits(shape, training, PACKS, found.reserved)
    assert not fits(shape, training, PACKS, found.allocated - 1)


def test_states_of_32_bits_lie_on_the_card_whatever_the_adapters_are() -> None:
    shape = shape_of("mistral-7b-v0.3")
    training = Training(checkpointed=32, adapter_dtype="bfloat16", optimizer="adamw-32bit")
    assert budget(shape, training, PACKS).optimizer == 2 * 4 * 167_772_160


def test_a_table_of_embeddings_on_the_host_leaves_its_room_but_for_the_rows_that_are_read() -> None:
    saved = reserved() - reserved(host_embedding=True)
    table, most = 2 * 32_768 * 4_096, 2 * 2_040 * 4_096
    assert table - most - 48 * MIB < saved <= table
    tied = {"method": "lora", "checkpointed": 30}
    assert reserved("smollm2-135m", **tied) == reserved("smollm2-135m", host_embedding=True, **tied)


@pytest.mark.parametrize(
    ("changes", "bound"),
    [
        ({"adapter_dtype": "bfloat16", "optimizer": "adamw-8bit"}, 5.3),
        ({"adapter_dtype": "bfloat16", "optimizer": "adamw-32bit"}, 6.3),
        ({"adapter_dtype": "bfloat16", "optimizer": "adamw-32bit", "host_embedding": True}, 6.0),
    ],
)
def test_short_sequences_are_planned_within_their_bounds(
    changes: dict[str, Any], bound: float
) -> None:
    pack = PackShape(512, 512, 3, 110, 300)
    assert reserved(packs=[pack], hopper=True, **changes) < bound * 2**30
