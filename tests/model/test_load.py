"""What cannot be loaded is said in one sentence; pickles are never opened."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from model.tiny_llama import tiny_adapted, tiny_llama
from sqlforge.core.errors import ModelError
from sqlforge.core.files import sha256
from sqlforge.model.adapt import save_adapter
from sqlforge.model.catalog import CATALOG
from sqlforge.model.checkpoint import open_checkpoint
from sqlforge.model.load import (
    Source,
    adapter_base,
    load_model,
    load_tokenizer,
    pick_device,
    resolve,
    weight_digests,
    with_template,
)
from sqlforge.model.merge import load_adapted, load_any
from sqlforge.model.merge_shards import merge
from sqlforge.model.pack import IGNORED, collate, plan_packs
from sqlforge.prompt.encode import encode_example


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole model of random weights."""
    tiny_llama().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def _refusal(name: Path | str) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(str(name), dtype="float32", device="cpu")
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_folder_is_loaded_ready_to_run(folder: Path) -> None:
    model = load_model(str(folder), dtype="float32", device="cpu")
    assert not model.training
    assert model.dtype is torch.float32
    assert weight_digests(str(folder)) == {
        "model.safetensors": sha256(folder / "model.safetensors")
    }


def test_corrupt_weights_end_in_one_sentence(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    assert "cannot be loaded" in _refusal(folder)
    weights.write_bytes(b"\xff" * 64)
    assert "cannot be loaded" in _refusal(folder)
    weights.unlink()
    assert "cannot be loaded" in _refusal(folder)


def test_weights_of_another_shape_end_in_one_sentence(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 64}))
    assert "cannot be loaded" in _refusal(folder)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"model_type": "other"}', '{"model_type": "llama", "hidden_size": "x"}'],
)
def test_a_configuration_that_is_not_understood_ends_in_one_sentence(
    folder: Path, text: str
) -> None:
    (folder / "config.json").write_text(text)
    assert "cannot be loaded" in _refusal(folder)
    with pytest.raises(ModelError):
        load_tokenizer(str(folder))


class _Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (Path(self._path),))


def test_pickled_weights_are_never_opened(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"trap": _Trap(str(tmp_path / "sprung"))}, folder / "pytorch_model.bin")
    assert "whose weights are pickled (pytorch_model.bin)" in _refusal(folder)
    with pytest.raises(ModelError, match="pickled"):
        open_checkpoint(resolve(str(folder)))
    assert not (tmp_path / "sprung").exists()


def _adapter(folder: Path, base: Path) -> Path:
    model = tiny_adapted()
    model.peft_config["default"].base_model_name_or_path = str(base)
    save_adapter(model, folder)
    return folder


def test_a_pickled_adapter_is_never_opened(folder: Path, tmp_path: Path) -> None:
    adapter = _adapter(tmp_path / "adapter", folder)
    (adapter / "adapter_model.safetensors").unlink()
    torch.save({"trap": _Trap(str(tmp_path / "sprung"))}, adapter / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"pickled \(adapter_model\.bin\)"):
        load_adapted(adapter, dtype="float32", device="cpu")
    with pytest.raises(ModelError, match="pickled"):
        merge(adapter, tmp_path / "merged")
    assert not (tmp_path / "sprung").exists()


def test_a_corrupt_adapter_ends_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    adapter = _adapter(tmp_path / "adapter", folder)
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ModelError, match="whose weights cannot be read"):
        load_any(str(adapter), dtype="float32", device="cpu")
    for text in ("{", "[]", "{}"):
        (adapter / "adapter_config.json").write_text(text)
        with pytest.raises(ModelError, match="names no base model"):
            adapter_base(adapter)


def test_a_folder_without_an_adapter_is_named(tmp_path: Path) -> None:
    assert adapter_base(tmp_path) is None
    with pytest.raises(ModelError, match=r"adapter_config\.json"):
        load_adapted(tmp_path, dtype="float32", device="cpu")


def test_a_hub_model_without_network_ends_in_one_sentence(tmp_path: Path) -> None:
    # The library reads HF_HUB_OFFLINE when it is imported, so a process of its own says it.
    code = (
        "from sqlforge.core.errors import ModelError\n"
        "from sqlforge.model.load import load_model, load_tokenizer\n"
        "for load in (load_model, load_tokenizer):\n"
        "    try:\n"
        "        load('mistral-7b-v0.3')\n"
        "    except ModelError as fault:\n"
        "        print(fault)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    sentences = done.stdout.splitlines()
    assert len(sentences) == 2
    assert all(s.startswith("Got 'mistral-7b-v0.3', which cannot be loaded") for s in sentences)
    assert all("smollm2-135m" in s and "path of a folder" in s for s in sentences)
    # Importing everything on the way says nothing either: no notice of missing CPU kernels.
    assert "gemm_4bit" not in done.stderr


def test_only_the_notice_of_missing_cpu_kernels_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    with caplog.at_level(logging.WARNING, logger=log.name):
        log.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s", "why")
        log.warning("the weights are wrong")
    assert caplog.messages == ["the weights are wrong"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_asked_for_where_there_is_none_is_a_users_mistake() -> None:
    assert pick_device("auto") == "cpu"
    assert pick_device("cpu") == "cpu"
    with pytest.raises(ModelError, match="without one"):
        pick_device("cuda")


@pytest.mark.xdist_group("smollm2")
@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b"\xff\xfe"])
def test_a_damaged_tokenizer_ends_in_one_sentence(
    smol_tokenizer: Any, folder: Path, name: str, text: bytes
) -> None:
    smol_tokenizer.save_pretrained(folder)
    (folder / name).write_bytes(text)
    if (name, text) == ("tokenizer_config.json", b"{}"):
        assert load_tokenizer(str(folder)) is not None, "its template lies in a file of its own"
        return
    with pytest.raises(ModelError) as caught:
        load_tokenizer(str(folder))
    assert "\n" not in str(caught.value)


# --- tokenizers -------------------------------------------------------------------------------


def _bare_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    """One token a character, and no chat template."""
    characters = [chr(code) for code in range(32, 127)]
    words = ["<unk>", "<s>", "</s>", *characters]
    model = models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=[], unk_token="<unk>")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(model), bos_token="<s>", eos_token="</s>", **special
    )
    tokenizer.padding_side = "right"
    return tokenizer


def test_a_tokenizer_without_template_gets_the_catalogs() -> None:
    base = CATALOG["mistral-7b-v0.3"]
    found = with_template(_bare_tokenizer(), Source(base.name, base.hub_id, base))
    assert found.chat_template == base.chat_template
    assert found.padding_side == "left"


def test_a_tokenizers_own_template_is_left_alone() -> None:
    base = CATALOG["mistral-7b-v0.3"]
    tokenizer = _bare_tokenizer()
    tokenizer.chat_template = "{{ messages }}"
    found = with_template(tokenizer, Source(base.name, base.hub_id, base))
    assert found.chat_template == "{{ messages }}"


@pytest.mark.parametrize("name", ["smollm2-135m-hub", None])
def test_no_template_anywhere_is_a_users_mistake(name: str | None) -> None:
    base = CATALOG[name] if name else None
    with pytest.raises(ModelError, match="no chat template"):
        with_template(_bare_tokenizer(), Source("some/model", "some/model", base))


@pytest.mark.parametrize(
    ("special", "pad"),
    [({"unk_token": "<unk>"}, "<unk>"), ({}, "</s>"), ({"pad_token": "~"}, "~")],
    ids=["unk", "end of sequence", "its own"],
)
def test_a_pad_token_is_found_and_never_supervised(special: dict[str, str], pad: str) -> None:
    base = CATALOG["mistral-7b-v0.3"]
    tokenizer: Any = with_template(_bare_tokenizer(**special), Source(base.name, base.hub_id, base))
    assert tokenizer.pad_token == pad
    message = [{"role": "user", "content": "How many?"}]
    answers = ("SELECT count(*) FROM t", "SELECT 1")
    encoded = [encode_example(tokenizer, message, sql) for sql in answers]
    packs = plan_packs(encoded, ["t", "t"], budget=200, questions_per_schema=2, seed=0)
    labels = [label for pack in packs for label in collate(pack)["labels"][0].tolist()]
    supervised = [label for label in labels if label != IGNORED]
    # Packs hold no padding, so the supervised ids are the answers' and nothing else, even where
    # padding borrows the end token.
    assert sorted(supervised) == sorted(i for e in encoded for i in e.answer)
    assert supervised.count(tokenizer.eos_token_id) == len(answers)


def test_a_copied_folder_needs_nothing_of_the_first(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder, tmp_path / "elsewhere")
    assert load_model(str(tmp_path / "elsewhere"), dtype="float32", device="cpu") is not None
