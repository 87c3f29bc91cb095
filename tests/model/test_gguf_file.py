"""GGUF: every tensor as it was, and llama.cpp writes what transformers writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)

from mistral_vocabulary import mistral_tokenizer, vocabulary_file
from model.tiny_llama import VOCABULARY, tiny_llama
from sqlforge.core.errors import ModelError
from sqlforge.model import gguf_file
from sqlforge.model.gguf_file import write_gguf
from sqlforge.stages.export import export_gguf, export_safetensors

QUESTION = "How many?"


def _tokenizer() -> PreTrainedTokenizerFast:
    """Bytes and one pair of them, split as SmolLM2's splits."""
    marks = ["<pad>", "<s>", "</s>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())[: VOCABULARY - len(marks) - 1]
    vocabulary = {token: i for i, token in enumerate([*marks, *letters, "an"])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "n")]))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in marks])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<s>{{ m.role }}:{{ m.content }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<s>assistant:{% endif %}"
    )
    return tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_llama().save_pretrained(tmp_path / "tiny")
    _tokenizer().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_llama_cpp_writes_what_transformers_writes(folder: Path, tmp_path: Path, kind: Any) -> None:
    export_gguf(str(folder), kind, tmp_path / "out")
    file = tmp_path / "out" / f"model-{kind}.gguf"
    tolerance = {"f16": 0.02, "q8_0": 0.2}[kind]
    _llama_cpp_agrees(file, tiny_llama(), _tokenizer(), QUESTION, tolerance, tokens=9)


HARD_QUESTIONS = (
    QUESTION,
    "singer(id, name)\n  concert(id,\tyear)\n\nWie  viele 'Sänger' gibt es? 梦👀🦖 \u200b",
    "  blanks  first and last  ",
    "[INST]",
)


def test_llama_cpp_reads_mistrals_vocabulary_as_transformers_does(tmp_path: Path) -> None:
    vocabulary = vocabulary_file()
    if vocabulary is None:
        pytest.skip("mistral-common is not installed")
    torch.manual_seed(2)
    config = MistralConfig(
        vocab_size=32_768, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=512,
        initializer_range=0.4,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval()
    model.save_pretrained(tmp_path / "mistral")
    (tmp_path / "bare").mkdir()
    tokenizer = mistral_tokenizer(vocabulary, tmp_path / "bare")
    tokenizer.save_pretrained(tmp_path / "mistral")
    write_gguf(str(tmp_path / "mistral"), tmp_path / "a.gguf", "f16")
    # One token: it depends on the whole prompt. Of bytes that make no text llama.cpp tells nothing.
    for question in HARD_QUESTIONS:
        _llama_cpp_agrees(tmp_path / "a.gguf", model, tokenizer, question, 0.05, tokens=1)


def _llama_cpp_agrees(
    file: Path, model: Any, tokenizer: Any, question: str, tolerance: float, *, tokens: int
) -> None:
    """What llama.cpp answers to a chat is what the model finds likely after the same prompt."""
    llama = pytest.importorskip("xllamacpp", reason="llama.cpp is in the extra 'dev'")
    told = llama.CommonParams()
    told.model.path = str(file)
    told.n_ctx, told.n_parallel, told.cpuparams.n_threads, told.verbosity = 256, 1, 1, 0
    messages = [{"role": "user", "content": question}]
    asked = {"messages": messages, "temperature": 0, "max_tokens": tokens, "logprobs": True}
    found = llama.Server(told).handle_chat_completions(asked)["choices"][0]

    prompt: Any = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.inference_mode():
        told_ids = [step["id"] for step in found["logprobs"]["content"]]
        whole = torch.tensor([[*prompt["input_ids"][0].tolist(), *told_ids]])
        scores = model(input_ids=whole).logits[0].log_softmax(-1)
    scores = scores[prompt["input_ids"].shape[1] - 1 : -1]
    assert len(told_ids) > tokens // 2
    taken = scores.gather(1, torch.tensor(told_ids)[:, None])[:, 0]
    theirs = torch.tensor([step["logprob"] for step in found["logprobs"]["content"]])
    # Random weights leave near-ties, so probabilities are compared, and each is nearly the best.
    torch.testing.assert_close(theirs, taken, rtol=0, atol=tolerance)
    assert (scores.max(-1).values - taken).max() < tolerance


@pytest.mark.parametrize(("kind", "bound"), [("f16", 5e-4), ("q8_0", 0.01)])
def test_tensors_read_back_as_written(
    folder: Path, tmp_path: Path, kind: Any, bound: float
) -> None:
    report = write_gguf(str(folder), tmp_path / "a.gguf", kind)
    stored = {t.name: t for t in gguf.GGUFReader(tmp_path / "a.gguf").tensors}
    assert report.tensors == len(stored) == len(tiny_llama().state_dict())
    assert 0 < report.largest_error < bound
    values = gguf.quants.dequantize(
        stored["blk.1.ffn_down.weight"].data, stored["blk.1.ffn_down.weight"].tensor_type
    )
    wanted = tiny_llama().state_dict()["model.layers.1.mlp.down_proj.weight"].numpy()
    assert np.abs(values - wanted).max() < bound


@pytest.mark.parametrize(
    ("place", "name"), [("shop/merged", "shop"), ("home/shop-sql", "shop-sql")]
)
def test_the_file_is_named_as_the_model(
    folder: Path, tmp_path: Path, place: str, name: str
) -> None:
    moved = tmp_path / place
    moved.parent.mkdir()
    folder.rename(moved)
    write_gguf(str(moved), tmp_path / "a.gguf", "f16")
    assert gguf.GGUFReader(tmp_path / "a.gguf").fields["general.name"].contents() == name


def test_a_tensor_that_changed_on_the_way_is_noticed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gguf_file._as_stored
    monkeypatch.setattr(gguf_file, "_as_stored", lambda v, kind: whole(v * 1.01, kind))
    with pytest.raises(ModelError, match="reads back as another"):
        write_gguf(str(folder), tmp_path / "a.gguf", "q8_0")
    assert not list(tmp_path.glob("*a.gguf*"))


def test_llama_31s_waves_are_stretched_as_transformers_stretches_them(tmp_path: Path) -> None:
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    told = {
        "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 8_192,
    }  # fmt: skip
    config = LlamaConfig(hidden_size=512, num_attention_heads=4, rope_parameters=told)
    wanted, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 500_000.0 ** -(torch.arange(0, 128, 2) / 128)
    found = plain / torch.from_numpy(gguf_file._llama3_factors(config))
    torch.testing.assert_close(found, wanted.float(), rtol=1e-4, atol=0)


def test_what_gguf_is_not_written_for_is_said_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    tokenizer = _tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match="splits text by"):
        export_gguf(str(folder), "f16", tmp_path / "out")
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"llama"', '"phi3"'))
    with pytest.raises(ModelError, match="phi3 model"):
        write_gguf(str(folder), tmp_path / "a.gguf", "f16")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny"]


def test_safetensors_are_copied_without_what_else_lies_there(folder: Path, tmp_path: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    export_safetensors(str(folder), tmp_path / "out")
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= names
    assert "pytorch_model.bin" not in names
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="pickled"):
        export_safetensors(str(folder), tmp_path / "again")
