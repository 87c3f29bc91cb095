"""QLoRA and merging, with the real SmolLM2-135M: what is saved is what was trained."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from model.tiny_llama import settings, tiny_llama, with_drawn_b
from sqlforge.model.adapt import add_lora, save_adapter, trainable_parameters
from sqlforge.model.load import load_model, resolve
from sqlforge.model.merge import load_adapted, tokenizer_of
from sqlforge.model.merge_shards import merge
from sqlforge.model.pack import Pack, plan_packs
from sqlforge.model.train import train
from sqlforge.model.writer import TransformersWriter, open_writer
from sqlforge.prompt.encode import Encoded

pytestmark = pytest.mark.xdist_group("smollm2")

_SOURCE = "smollm2-135m"
_RANK = 8
_PROJECTIONS = 30 * 7


def _adapted(model: Any, dtype: str) -> Any:
    return add_lora(model, resolve(_SOURCE), rank=_RANK, alpha=16, dropout=0, dtype=dtype, seed=3)


@pytest.fixture(scope="module")
def packs(conversations: tuple[Sequence[Encoded], Sequence[str]]) -> list[Pack]:
    encoded, keys = conversations
    return plan_packs(encoded[4:], keys[4:], budget=400, questions_per_schema=1, seed=0)


@pytest.fixture(scope="module")
def ids(conversations: tuple[Sequence[Encoded], Sequence[str]]) -> torch.Tensor:
    example = conversations[0][0]
    return torch.tensor([[*example.prompt, *example.answer]])


@torch.inference_mode()
def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids).logits[0].float()


@pytest.fixture(scope="module")
def adapter(smol: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter whose effect is plain to see."""
    folder = tmp_path_factory.mktemp("adapter")
    model = with_drawn_b(_adapted(smol, "float32"), 0.15)
    save_adapter(model, folder)
    model.unload()
    smol.requires_grad_(False)
    return folder


# --- merge ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_plain_transformers_computes_the_same_from_the_merged_folder(
    adapter: Path, tmp_path: Path, ids: torch.Tensor, dtype: str, tolerance: float
) -> None:
    merged = tmp_path / "merged"
    merge(adapter, merged, dtype=dtype, device="cpu")
    wanted = _logits(load_adapted(adapter, dtype=dtype, device="cpu"), ids)
    plain = AutoModelForCausalLM.from_pretrained(merged)
    assert plain.dtype is getattr(torch, dtype)
    got = _logits(plain, ids)
    assert ((got - wanted).std() / wanted.std()).item() < tolerance
    assert (got.argmax(-1) == wanted.argmax(-1)).float().mean().item() > 1 - tolerance
    if dtype == "bfloat16":
        _check_folder(merged, plain)
        folded = open_writer(str(adapter), "transformers", fold=True)
        assert isinstance(folded, TransformersWriter)
        _check_same_weights(folded.model, plain)


def _check_same_weights(model: Any, other: Any) -> None:
    weights = dict(other.named_parameters())
    assert weights.keys() == dict(model.named_parameters()).keys()
    assert all(torch.equal(w, weights[name]) for name, w in model.named_parameters())


def _check_folder(merged: Path, plain: Any) -> None:
    names = {path.name for path in merged.iterdir()}
    assert {"model.safetensors", "config.json", "generation_config.json"} <= names
    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl"))]
    home = str(Path(resolve(_SOURCE).location).parent).encode()
    assert all(home not in path.read_bytes() for path in merged.iterdir())
    tokenizer = AutoTokenizer.from_pretrained(merged)
    hello = [{"role": "user", "content": "Hello"}]
    asked = tokenizer.apply_chat_template(
        hello, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    assert plain.generate(**asked, max_new_tokens=2, do_sample=False).shape[1] > 2


def test_an_adapter_that_is_more_than_lora_stays_beside_the_weights(tmp_path: Path) -> None:
    tiny_llama().save_pretrained(tmp_path / "base")
    plan = LoraConfig(r=2, target_modules=["q_proj"], use_dora=True)
    get_peft_model(tiny_llama(), plan).save_pretrained(tmp_path / "adapter")
    told = tmp_path / "adapter" / "adapter_config.json"
    named = json.loads(told.read_text()) | {"base_model_name_or_path": str(tmp_path / "base")}
    told.write_text(json.dumps(named))
    model = load_adapted(tmp_path / "adapter", dtype="float32", device="cpu", fold=True)
    assert isinstance(model, PeftModel)


def test_the_adapter_changes_what_the_model_says(
    adapter: Path, smol: Any, ids: torch.Tensor
) -> None:
    # Else the comparison of merged and adapted logits would show nothing.
    base = _logits(smol, ids)
    tuned = _logits(load_adapted(adapter, dtype="float32", device="cpu"), ids)
    assert ((tuned - base).std() / base.std()).item() > 0.3


def test_an_adapter_names_its_base_and_no_path_of_this_machine(adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == _SOURCE
    assert sorted(path.name for path in adapter.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    home = str(Path(resolve(_SOURCE).location).parent).encode()
    assert all(home not in path.read_bytes() for path in adapter.iterdir())
    weights = load_file(adapter / "adapter_model.safetensors")
    assert len(weights) == 2 * _PROJECTIONS
    assert all("lora_" in name for name in weights)


def test_saving_an_adapter_asks_no_hub_and_warns_of_nothing(
    smol: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _adapted(smol, "float32")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            save_adapter(model, tmp_path)
    finally:
        model.unload()
        smol.requires_grad_(False)


def test_the_tokenizer_of_an_adapter_is_its_bases(adapter: Path, smol_tokenizer: Any) -> None:
    found = tokenizer_of(str(adapter))
    assert found.chat_template == smol_tokenizer.chat_template
    assert AutoTokenizer.from_pretrained(resolve(_SOURCE).location).get_vocab() == found.get_vocab()


# --- QLoRA ------------------------------------------------------------------------------------


def test_qlora_trains_saves_and_loads_again_on_the_cpu(
    packs: list[Pack], ids: torch.Tensor, tmp_path: Path
) -> None:
    from bitsandbytes.nn import Linear4bit, Params4bit

    base = load_model(_SOURCE, dtype="bfloat16", device="cpu", quantization="nf4")
    four_bit = [module for module in base.modules() if isinstance(module, Linear4bit)]
    assert len(four_bit) == _PROJECTIONS
    for module in four_bit:
        weight = module.weight
        assert isinstance(weight, Params4bit)
        assert weight.dtype is torch.uint8
        assert weight.numel() == module.in_features * module.out_features // 2
        assert weight.quant_state.quant_type == "nf4"
        assert weight.compress_statistics
        assert weight.quant_state.nested, "the scales themselves are quantised"

    model = _adapted(base, "float32")
    assert trainable_parameters(model) == sum(
        _RANK * (module.in_features + module.out_features) for module in four_bit
    )
    losses: list[float] = []
    plan = settings(3, learning_rate=2e-3, checkpoint_steps=3, autocast_bf16=True)
    train(model, packs * 3, plan, tmp_path / "checkpoints", [_losses(losses)])
    # The first of a warm-up's steps changes nothing, so two of the three teach.
    assert len(losses) == 3
    assert losses[2] < losses[1] - 0.01

    save_adapter(model, tmp_path / "adapter")
    trained = _logits(_evaluated(model), ids)
    again = load_adapted(tmp_path / "adapter", dtype="bfloat16", device="cpu", quantization="nf4")
    torch.testing.assert_close(_logits(again, ids), trained, rtol=0.05, atol=0.05)

    unpacked = load_adapted(
        tmp_path / "adapter", dtype="bfloat16", device="cpu", quantization="nf4", unpack=True
    )
    assert not any(isinstance(module, Linear4bit) for module in unpacked.modules())
    # The same 4-bit values in 16-bit weights: what differs is the rounding of bf16 products.
    merge(tmp_path / "adapter", tmp_path / "merged", base="dequantised", device="cpu")
    folded = load_adapted(
        tmp_path / "adapter",
        dtype="bfloat16",
        device="cpu",
        quantization="nf4",
        unpack=True,
        fold=True,
    )
    _check_same_weights(folded, AutoModelForCausalLM.from_pretrained(tmp_path / "merged"))
    far = torch.linalg.vector_norm(_logits(unpacked, ids) - trained)
    assert far < 0.05 * torch.linalg.vector_norm(trained)


def _evaluated(model: Any) -> Any:
    model.set_attn_implementation("sdpa")
    return model.eval()


def _losses(found: list[float]) -> Any:
    from transformers import TrainerCallback

    class Losses(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if "loss" in kwargs["logs"]:
                found.append(kwargs["logs"]["loss"])

    return Losses()
