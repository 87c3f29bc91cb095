"""Llama 3's tokens are counted with its own vocabulary."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the extra 'train' is not installed")

from llama_vocabulary import llama_tokenizer, special_tokens, vocabulary_file
from sqlforge.prompt.encode import encode_example
from sqlforge.prompt.template import Message

# How text is split before merging, as Meta publishes it.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "SELECT count(*) FROM t WHERE a = 'b''c' AND x >= 12345;\n\nTables:\n\n\n",
    "  Größe von Łódź, 東京 und Ελλάδα? 😀👩‍👩‍👧\tdon't\r\nYOU'RE",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHow many?<|eot_id|>",
]


def test_llama_ids_equal_those_of_tiktoken_on_the_same_file() -> None:
    file = vocabulary_file()
    if file is None:
        pytest.skip("llama-models is not installed (pip install --no-deps llama-models)")
    tiktoken = pytest.importorskip("tiktoken", reason="mistral-common brings it")
    ours = llama_tokenizer(file)
    ranks = dict(_ranks(file))
    special = {token: len(ranks) + i for i, token in enumerate(special_tokens())}
    reference = tiktoken.Encoding(
        "llama 3", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens=special
    )
    assert len(ours) == reference.n_vocab == 128_256
    for text in TEXTS:
        ids = ours.encode(text, add_special_tokens=False)
        assert ids == reference.encode(text, allowed_special="all")
    chat: list[Message] = [{"role": "user", "content": "How many?"}]
    encoded = encode_example(ours, chat, "SELECT 1")
    assert encoded.prompt[0] == special["<|begin_of_text|>"]
    assert encoded.answer[-1] == special["<|end_of_text|>"]


def _ranks(file: Path) -> list[tuple[bytes, int]]:
    lines = (line.split() for line in file.read_bytes().splitlines())
    return [(base64.b64decode(token), int(rank)) for token, rank in lines]
