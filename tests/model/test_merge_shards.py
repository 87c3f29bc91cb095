"""Merging shard by shard: what comes out, what is kept after a kill, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from model.tiny_llama import VOCABULARY, tiny_adapted, tiny_llama
from sqlforge.core.errors import ModelError, StorageError, UserError
from sqlforge.model import merge_shards
from sqlforge.model.adapt import save_adapter
from sqlforge.model.fold import open_adapter, quantised_weights, through_nf4
from sqlforge.model.load import load_model, resolve
from sqlforge.model.merge_shards import merge
from sqlforge.model.shards import as_written, read_header, read_tensor, write_shard


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model in four shards, with a tokenizer."""
    folder = tmp_path / "base"
    tiny_llama().to(torch.bfloat16).save_pretrained(folder, max_shard_size="50KB")
    assert len(list(folder.glob("*.safetensors"))) == 4
    words = {"<s>": 0, "</s>": 2} | {chr(33 + i): i for i in range(VOCABULARY) if i not in (0, 2)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE(vocab=words, merges=[])),
        bos_token="<s>",
        eos_token="</s>",
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    model = tiny_adapted()
    model.peft_config["default"].base_model_name_or_path = str(base)
    save_adapter(model, tmp_path / "adapter")
    return tmp_path / "adapter"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {k: v for file in folder.glob("*.safetensors") for k, v in load_file(file).items()}


def test_every_weight_is_the_base_plus_what_peft_adds(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    merge(adapter, tmp_path / "merged")
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()
    found = weights(tmp_path / "merged")
    assert found.keys() == wanted.keys() == weights(base).keys()
    assert all(torch.equal(found[name], wanted[name].to(torch.bfloat16)) for name in wanted)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert loaded.dtype is torch.bfloat16
    assert not loaded.generation_config.do_sample


@pytest.mark.parametrize("change", [{"use_rslora": True}, {"alpha_pattern": {"q_proj": 3}}])
def test_scales_are_those_of_peft(
    base: Path, adapter: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | change))
    merge(adapter, tmp_path / "merged", dtype="float32")
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()
    for name, tensor in weights(tmp_path / "merged").items():
        torch.testing.assert_close(tensor, wanted[name], rtol=0, atol=1e-6)


def test_the_dequantised_base_is_bit_by_bit_what_is_trained_on(base: Path) -> None:
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    loaded = load_model(str(base), device="cpu", quantization="nf4")
    seen = {
        f"{name}.weight": dequantize_4bit(module.weight.data, module.weight.quant_state)
        for name, module in loaded.named_modules()
        if isinstance(module, Linear4bit)
    }
    assert quantised_weights(resolve(str(base))) == seen.keys()
    stored = weights(base)
    assert all(torch.equal(through_nf4(stored[name]), seen[name]) for name in seen)


def test_a_single_shard_of_another_name_keeps_its_index(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    everything = weights(base)
    for file in base.glob("*.safetensors"):
        file.unlink()
    save_file(everything, base / "model-00001-of-00001.safetensors")
    where = dict.fromkeys(everything, "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": where}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    merge(adapter, tmp_path / "merged")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "merged").dtype is torch.bfloat16


def test_merged_into_the_dequantised_base(base: Path, adapter: Path, tmp_path: Path) -> None:
    merge(adapter, tmp_path / "merged", base="dequantised")
    found, stored, lora = weights(tmp_path / "merged"), weights(base), open_adapter(adapter)
    for name, tensor in stored.items():
        if name in lora.pairs:
            tensor = (through_nf4(tensor).float() + lora.delta(name)).to(torch.bfloat16)
        assert torch.equal(found[name], tensor), name


def test_a_merge_that_was_cut_off_keeps_whole_shards(
    base: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(adapter, tmp_path / "at once")
    written: list[str] = []
    whole = merge_shards.write_shard

    def cut(path: Path, *rest: Any) -> str:
        if len(written) == 2:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        written.append(path.name)
        return whole(path, *rest)

    monkeypatch.setattr(merge_shards, "write_shard", cut)
    with pytest.raises(KeyboardInterrupt):
        merge(adapter, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    # One of the two is damaged meanwhile: it is made again.
    damaged = tmp_path / ".merged-unfinished" / written[0][1:].removesuffix(".tmp")
    damaged.write_bytes(b"\0" + damaged.read_bytes()[1:])
    again: list[str] = []
    monkeypatch.setattr(
        merge_shards,
        "write_shard",
        lambda path, *rest: again.append(path.name) or whole(path, *rest),
    )
    merge(adapter, tmp_path / "merged")
    assert len(again) == 3
    assert written[1] not in again
    first, second = tmp_path / "at once", tmp_path / "merged"
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {
        p.name: p.read_bytes() for p in second.iterdir()
    }
    assert not list(tmp_path.glob(".merged*"))


def test_shards_of_another_merge_are_not_kept(
    base: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = merge_shards._write_index
    monkeypatch.setattr(merge_shards, "_write_index", lambda *a: (_ for _ in ()).throw(OSError()))
    with pytest.raises(OSError):
        merge(adapter, tmp_path / "merged")
    monkeypatch.setattr(merge_shards, "_write_index", whole)
    merge(adapter, tmp_path / "merged", base="dequantised")
    merge(adapter, tmp_path / "other", base="dequantised")
    found, wanted = weights(tmp_path / "merged"), weights(tmp_path / "other")
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_nothing_is_overwritten(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    with pytest.raises(UserError, match="overwrites nothing"):
        merge(adapter, tmp_path / "merged")


def test_two_merges_do_not_write_one_folder(adapter: Path, tmp_path: Path) -> None:
    with (
        merge_shards._working_folder(tmp_path / "merged"),
        pytest.raises(UserError, match="another process"),
    ):
        merge(adapter, tmp_path / "merged")


def test_a_full_disk_is_said_before_anything_is_written(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.statvfs_result((4096,) * 10)
    usage = type("Usage", (), {"free": full.f_bsize})
    monkeypatch.setattr(merge_shards.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match="GB free"):
        merge(adapter, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"use_dora": True}, "an adapter with use_dora"),
        ({"bias": "all"}, "an adapter with bias"),
        ({"peft_type": "IA3"}, "an adapter with IA3"),
    ],
)
def test_what_is_not_plain_lora_is_refused(
    adapter: Path, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=sentence):
        merge(adapter, tmp_path / "merged")
    assert not list(tmp_path.glob(".merged*"))


def test_an_adapter_of_another_model_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    longer = {k.replace("layers.1", "layers.7"): v for k, v in tensors.items()}
    save_file(longer, file)
    with pytest.raises(ModelError, match=r"layers\.7.* has nothing"):
        merge(adapter, tmp_path / "merged")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_a_damaged_base_ends_in_one_sentence(
    base: Path, adapter: Path, tmp_path: Path, name: str
) -> None:
    (base / name).write_text("[]")
    with pytest.raises(ModelError) as caught:
        merge(adapter, tmp_path / "merged", base="dequantised")
    assert "\n" not in str(caught.value)


def test_a_missing_shard_is_named(base: Path, adapter: Path, tmp_path: Path) -> None:
    sorted(base.glob("*.safetensors"))[2].unlink()
    with pytest.raises(ModelError, match="without model-00003-of-00004"):
        merge(adapter, tmp_path / "merged")


# --- the format ---------------------------------------------------------------------------------


def test_files_are_those_of_the_safetensors_library(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 4).to(torch.bfloat16),
        "naïve": torch.arange(5),
        "empty": torch.empty(0, 3),
        "scalar": torch.tensor(2.5),
    }
    save_file(tensors, tmp_path / "theirs.safetensors")
    header = read_header(tmp_path / "theirs.safetensors")
    read = {n: read_tensor(tmp_path / "theirs.safetensors", s) for n, s in header.items()}
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)
    write_shard(tmp_path / "ours.safetensors", as_written(header), read.items())
    ours = load_file(tmp_path / "ours.safetensors")
    assert all(torch.equal(ours[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:6],
        lambda b: b[:60],
        lambda b: b[:-1],
        lambda b: b"\xff" * 64,
        lambda b: b.replace(b'"F32"', b'"X99"'),
        lambda b: b.replace(b"[3,4]", b"[3,9]"),
        lambda b: b.replace(b"[3,4]", b"[3,-"),
    ],
)
def test_damaged_files_end_in_one_sentence(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.randn(3, 4)}, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match="whose weights cannot be read"):
        read_header(path)
