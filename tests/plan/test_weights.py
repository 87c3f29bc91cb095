"""Weights are counted as they lie in memory."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.errors import ModelError
from sqlforge.plan.catalog import NAMES, shape_of
from sqlforge.plan.model_shape import ModelShape, shape_from
from sqlforge.plan.weights import base_bytes, nf4_bytes

QWEN = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
}


def configuration(name: str) -> dict[str, Any]:
    file = files("sqlforge.plan") / "configs" / f"{name}.json"
    config: dict[str, Any] = json.loads(file.read_text())["config"]
    return config


@pytest.mark.parametrize("config", [*map(configuration, NAMES), QWEN], ids=[*NAMES, "qwen"])
def test_parameters_by_formula_are_those_of_transformers(config: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = shape_from(config, name="x", place="x")
    plain = {key: config[key] for key in config if key not in ("architectures", "model_type")}
    special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    counts = []
    for layers in (1, 2):
        changed = {**plain, **special, "num_hidden_layers": layers}
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                AutoConfig.for_model(config["model_type"], **changed)
            )
        counts.append(sum(p.numel() for p in model.parameters()))
    assert counts[0] + (shape.layers - 1) * (counts[1] - counts[0]) == shape.parameters
    names = [name.rsplit(".", 1)[-1] for name, part in model.model.layers[0].named_modules()]
    assert {one.name for one in shape.linears} <= set(names)
    layer = {n.rsplit(".", 1)[-1]: m for n, m in model.model.layers[0].named_modules()}
    for one in shape.linears:
        assert tuple(layer[one.name].weight.shape) == (one.outputs, one.inputs)


def test_the_catalogs_of_planner_and_trainer_tell_the_same() -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from sqlforge.model.catalog import CATALOG

    for name in NAMES:
        shape, base = shape_of(name), CATALOG[name]
        assert (shape.parameters, shape.layers, shape.hidden) == (
            base.parameters,
            base.layers,
            base.hidden_size,
        )
        assert (shape.vocabulary, shape.context) == (base.vocabulary, base.context)
        assert tuple(one.name for one in shape.linears) == base.lora_targets
    assert shape_of("smollm2-135m-hub") == shape_of("smollm2-135m")


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (96, 576), (256, 1024), (100, 192)])
def test_nf4_takes_to_the_byte_what_bitsandbytes_keeps(rows: int, columns: int) -> None:
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    functional = pytest.importorskip("bitsandbytes.functional", reason="no bitsandbytes")
    weight = torch.randn(rows, columns, dtype=torch.bfloat16)
    packed, state = functional.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    found = nf4_bytes(rows * columns)
    assert found.packed == packed.nbytes
    assert found.scales == state.absmax.nbytes
    assert found.scale_scales == state.state2.absmax.nbytes
    assert (found.offset, found.code) == (state.offset.nbytes, state.code.nbytes)
    assert (state.blocksize, state.state2.blocksize) == (64, 256)


def test_mistral_7b_takes_what_the_circulating_budget_has_wrong() -> None:
    shape = shape_of("mistral-7b-v0.3")
    assert shape.adapter_parameters(64) == 167_772_160
    assert round(base_bytes(shape, quantised=False) / 1e9, 1) == 14.5
    assert round(base_bytes(shape, quantised=True) / 1e9, 2) == 4.14


def test_a_config_json_or_its_folder_is_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(QWEN))
    by_folder, by_file = shape_of(str(folder)), shape_of(str(folder / "config.json"))
    assert by_folder == by_file
    assert (by_folder.name, by_folder.query_bias, by_folder.tied) == ("my-model", True, True)


def changed(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**QWEN, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (changed(architectures=["GPT2LMHeadModel"]), "GPT2LMHeadModel"),
        (changed(architectures=...), "architecture None"),
        (changed(hidden_size=..., vocab_size=...), "hidden_size, vocab_size"),
        (changed(num_hidden_layers=0), "num_hidden_layers"),
        (changed(num_hidden_layers=True), "num_hidden_layers"),
        (changed(intermediate_size="4864"), "intermediate_size"),
        (changed(num_key_value_heads=3), "3 key heads"),
        (changed(head_dim=-1), "size -1"),
        (changed(architectures="LlamaForCausalLM"), "architecture"),
    ],
)
def test_a_configuration_that_cannot_be_planned_is_named(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        shape_from(config, name="x", place="config.json")


@pytest.mark.parametrize("text", ["{", "[]", '"x"', b"\xff\xfe"])
def test_a_file_that_is_no_configuration_is_named(text: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match=r"config\.json"):
        shape_of(str(path))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="mistral-7b-v0"):
        shape_of("mistral-8b")


def test_shapes_are_values() -> None:
    assert isinstance(shape_of("phi-3.5-mini"), ModelShape)
    assert hash(shape_of("phi-3.5-mini")) == hash(shape_of("phi-3.5-mini"))
