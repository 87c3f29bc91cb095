"""Vocabularies of real tokenizers: what they write is what was encoded."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("tokenizers", reason="the extra 'train' is not installed")

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from sqlforge.core.errors import ModelError
from sqlforge.decode.vocabulary import Vocabulary, byte_alphabet, vocabulary_of

TEXTS = [
    "SELECT 1",
    "  SELECT  a ,  b   FROM    t",
    "\nSELECT\t1\r\n;",
    "SELECT \"a b\", `c`, [d] FROM t WHERE x = 'it''s' AND y <> -1.5e-3",
    "SELECT größe FROM städte WHERE name = 'Łódź' OR 東京 LIKE '%Ελλάδα%'",
    "SELECT '😀👩‍👩‍👧', \"🚀\" FROM \"ta😀ble\"",
    "<|im_end", "[INST", "<0x0A>", "▁ ▁▁", "a\u00a0b\u2028c\x00d\x7f",
    "".join(map(chr, range(32, 127))),
    "\ue000\U000f0000 \u0301e\u0301 \u200d \ufeff",
]  # fmt: skip


def written(vocabulary: Vocabulary, ids: list[int]) -> bytes:
    return b"".join(vocabulary.tokens[i] or b"" for i in ids)


def random_texts(count: int) -> list[str]:
    draw = random.Random(6)
    texts = []
    for _ in range(count):
        top = draw.choice([0x7F, 0x7F, 0x250, 0x3000, 0xD7FF, 0x1FFFF])
        points = [draw.randrange(1, top) for _ in range(draw.randrange(1, 60))]
        texts.append("".join(chr(p) for p in points if not 0xD800 <= p < 0xE000))
    return texts


def test_the_bytes_of_a_byte_level_vocabulary_join_to_what_was_encoded(
    smollm2_tokenizer: Any, smollm2: Vocabulary
) -> None:
    assert len(smollm2.tokens) == 49_152
    for text in TEXTS + random_texts(2_000):
        # Six control characters are in no piece of SmolLM2's: it drops them when it encodes.
        kept = text.translate(dict.fromkeys(b"\x04\x06\x13\x14\x16\x1d"))
        ids = smollm2_tokenizer.encode(text, add_special_tokens=False)
        assert written(smollm2, ids) == kept.encode(), text


def test_the_bytes_of_a_sentence_piece_vocabulary_join_to_what_was_encoded_after_its_blank(
    mistral_tokenizer: Any, mistral: Vocabulary
) -> None:
    assert len(mistral.tokens) == 32_768
    for text in TEXTS + random_texts(2_000):
        ids = mistral_tokenizer.encode(text, add_special_tokens=False)
        # Text that holds SentencePiece's own sign for a blank comes back as blanks: its rule.
        expected = (" " + text).replace("▁", " ").encode()
        # An ▁ at the very beginning is taken for the blank that every text begins with.
        assert written(mistral, ids) in (expected, expected[1:]), text


def test_special_tokens_and_the_end_write_nothing(
    smollm2_tokenizer: Any, smollm2: Vocabulary, mistral: Vocabulary
) -> None:
    assert smollm2.eos_ids == (smollm2_tokenizer.eos_token_id,)
    assert mistral.eos_ids == (2,)
    assert not any(smollm2.tokens[:17])
    assert not any(mistral.tokens[:771])  # <s>, [INST], [TOOL_CALLS], [REFERENCE_DOC_0], …
    assert all(smollm2.tokens[17:])
    assert all(mistral.tokens[771:])


def test_every_single_byte_can_be_written(smollm2: Vocabulary, mistral: Vocabulary) -> None:
    single = [{t[0] for t in v.tokens if t and len(t) == 1} for v in (smollm2, mistral)]
    assert single[1] == set(range(256))
    assert set(range(32, 127)) <= single[0]


def byte_level(letters: str, *added: AddedToken, eos: int | None = 0) -> Any:
    """A transformers tokenizer's face over one token a letter."""
    vocab = {"<|end|>": 0} | {letter: i + 1 for i, letter in enumerate(letters)}
    backend = Tokenizer(models.BPE(vocab, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.Sequence([decoders.ByteLevel()])
    backend.add_special_tokens([AddedToken("<|end|>", special=True)])
    backend.add_tokens(list(added))
    return SimpleNamespace(backend_tokenizer=backend, eos_token_id=eos)


ALL_BYTES = "".join(byte_alphabet())


def test_added_tokens_are_text_unless_they_are_markers() -> None:
    vocabulary = vocabulary_of(
        byte_level(ALL_BYTES, AddedToken("    "), AddedToken("<think>"), AddedToken("[TOOL]"))
    )
    assert vocabulary.tokens[-3:] == (b"    ", None, None)
    assert vocabulary.tokens[0] is None


def test_ids_that_no_piece_has_write_nothing() -> None:
    tokenizer = byte_level(ALL_BYTES)
    vocab = {**tokenizer.backend_tokenizer.get_vocab(), "Ġname": 300}
    tokenizer.backend_tokenizer.model = models.BPE(vocab, [])
    tokens = vocabulary_of(tokenizer).tokens
    assert tokens[257:] == (None,) * 43 + (b" name",)


@pytest.mark.parametrize(
    ("tokenizer", "told"),
    [
        (byte_level(ALL_BYTES.replace("(", "").replace("Z", "")), "for 2 of the characters"),
        (byte_level(ALL_BYTES, eos=None), "without an end token"),
        (
            SimpleNamespace(
                backend_tokenizer=Tokenizer(models.WordPiece({"a": 0}, unk_token="a")),
                eos_token_id=0,
            ),
            "of the kind WordPiece",
        ),
        (
            SimpleNamespace(
                backend_tokenizer=Tokenizer(models.Unigram([("a", 0.0)], 0, False)),
                eos_token_id=0,
            ),
            "Unigram tokenizer without byte fallback",
        ),
        (SimpleNamespace(eos_token_id=0), "a SimpleNamespace in place of a tokenizer"),
    ],
    ids=["letters missing", "no end", "word pieces", "no byte fallback", "not a fast one"],
)
def test_a_tokenizer_that_cannot_write_sql_is_refused_in_a_sentence(
    tokenizer: Any, told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        vocabulary_of(tokenizer)
