"""Text from tokens that come one by one."""

from __future__ import annotations

from typing import Any

import pytest

from sqlforge.serve.limits import Rates
from sqlforge.serve.texts import TextStream

TEXTS = ("Größe: 5 €", "日本語 🙂👩‍👩‍👧", "SELECT *\n  FROM t;", " a  b ", "")


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_make_up_the_text_and_no_character_is_cut(smol_tokenizer: Any, text: str) -> None:
    ids = smol_tokenizer.encode(text)
    stream = TextStream(smol_tokenizer.decode)
    pieces = [*(stream.feed(token) for token in ids), stream.rest()]
    assert "".join(pieces) == text
    assert not [piece for piece in pieces if "\ufffd" in piece]


@pytest.mark.parametrize("cut", range(1, 9))
def test_bytes_that_become_no_character_are_told_in_the_end(cut: int, smol_tokenizer: Any) -> None:
    ids = smol_tokenizer.encode("🙂🙂🙂")[:cut]
    stream = TextStream(smol_tokenizer.decode)
    said = "".join([*(stream.feed(token) for token in ids), stream.rest()])
    assert said == smol_tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("text", "stops", "said"),
    [
        ("one two three", ["two"], "one "),
        ("one two three", ["three", "two"], "one "),
        ("aaab", ["aab"], "a"),
        ("ababac", ["abac"], "ab"),
        ("no end", ["ending"], "no end"),
        ("x", ["x"], ""),
    ],
)
def test_a_text_ends_before_the_first_stop(text: str, stops: list[str], said: str) -> None:
    stream = TextStream(lambda ids: "".join(map(chr, ids)), stops)
    assert "".join([*(stream.feed(ord(letter)) for letter in text), stream.rest()]) == said
    assert stream.stopped == (said != text)


def test_a_rate_fills_again_evenly() -> None:
    now = 0.0
    rates = Rates(60, clock=lambda: now)
    assert [rates.wait_s("ann") for _ in range(61)] == [0] * 60 + [1]
    now = 2.5
    assert [rates.wait_s("ann") for _ in range(3)] == [0, 0, 1]
    assert rates.wait_s("bob") == 0
