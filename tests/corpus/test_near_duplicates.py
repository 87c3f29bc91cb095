"""Near-duplicates of a stream and in a fixed set, against comparing all pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.corpus.fingerprints import THRESHOLD
from sqlforge.corpus.minhash import PERMUTATIONS, jaccard, shingles, signatures
from sqlforge.corpus.near_duplicates import FixedTexts, near_duplicates

WORDS = (
    "how many players from team score season which city has the highest total of games lost "
    "won by name list all who what is average year first last date venue crowd attendance"
).split()


def made(count: int, seed: int) -> list[str]:
    """Questions of which about a third are a changed copy of an earlier one."""
    rng = random.Random(seed)
    found: list[str] = []
    for _ in range(count):
        words = rng.choices(WORDS, k=rng.randint(6, 12))
        if found and rng.random() < 0.35:
            words = rng.choice(found).split()
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        found.append(" ".join(words))
    return found


def by_comparing_all(texts: list[str]) -> list[bool]:
    kept: list[frozenset[str]] = []
    found = []
    for text in texts:
        own = shingles(text)
        found.append(any(jaccard(own, other) >= THRESHOLD for other in kept))
        if not found[-1]:
            kept.append(own)
    return found


def test_a_stream_finds_what_comparing_all_pairs_finds() -> None:
    texts = made(1500, seed=3)
    found = [near is not None for near in near_duplicates((text, 0) for text in texts)]
    wanted = by_comparing_all(texts)
    assert sum(wanted) > 200
    missed = sum(w and not f for w, f in zip(wanted, found, strict=True))
    assert missed <= 0.03 * sum(wanted)


def test_what_is_reported_is_alike_and_was_kept() -> None:
    texts = made(600, seed=5)
    found = list(near_duplicates((text, 0) for text in texts))
    for place, near in enumerate(found):
        if near is not None:
            assert near.number < place and found[near.number] is None
            alike = jaccard(shingles(texts[place]), shingles(texts[near.number]))
            assert near.similarity == alike >= THRESHOLD


def test_texts_of_different_scopes_are_not_compared() -> None:
    text = "how many players are there"
    assert list(near_duplicates([(text, 1), (text, 2), (text, -1)])) == [None, None, None]


def test_the_chunks_in_which_a_stream_is_read_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [(text, 0) for text in made(700, seed=8)]
    whole = list(near_duplicates(texts))
    monkeypatch.setattr("sqlforge.corpus.near_duplicates._CHUNK", 64)
    assert list(near_duplicates(texts)) == whole


def test_a_stream_is_read_a_chunk_at_a_time() -> None:
    taken = 0

    def texts() -> Iterator[tuple[str, int]]:
        nonlocal taken
        for number in range(50_000):
            taken += 1
            yield f"question number {number}", 0

    next(near_duplicates(texts()))
    assert taken == 4096


def test_a_fixed_set_finds_what_comparing_all_pairs_finds() -> None:
    texts = made(900, seed=13)
    known, asked = texts[:600], texts[600:]
    wanted = {
        (a, k)
        for a, one in enumerate(map(shingles, asked))
        for k, other in enumerate(map(shingles, known))
        if jaccard(one, other) >= THRESHOLD
    }
    answers = enumerate(FixedTexts(known).alike(asked))
    found = {(a, near.number) for a, nears in answers for near in nears}
    assert found <= wanted and len(wanted) > 50
    assert len(found) >= 0.98 * len(wanted)


def test_the_most_alike_come_first() -> None:
    texts = FixedTexts(["how many players are there in all", "how many players are there"])
    (found,) = texts.alike(["how many players are there"])
    assert [near.number for near in found] == [1, 0]
    assert found[0].similarity == 1.0


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["", "?", "ab"]])
def test_tiny_texts_and_empty_sets_are_no_special_case(texts: list[str]) -> None:
    assert list(FixedTexts(texts).alike(["who is the oldest player"])) == [()]
    assert len(list(near_duplicates((text, 0) for text in texts))) == len(texts)


@given(st.lists(st.text(max_size=25), min_size=1, max_size=6))
def test_a_signature_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = signatures(texts)
    for place, text in enumerate(texts):
        assert (together[place] == signatures([text])[0]).all()


def test_signatures_are_those_of_every_machine() -> None:
    minima = signatures(["how many singers do we have", "größe"])
    assert minima.dtype == np.uint32 and minima.shape == (2, PERMUTATIONS)
    assert minima[:, :3].tolist() == [
        [176868741, 79749762, 2691902],
        [2582951197, 1304658947, 743909690],
    ]


def test_equal_minima_estimate_the_share_in_common() -> None:
    one, other = "how many players lost the first game", "how many players won the first game"
    minima = signatures([one, other])
    exact = jaccard(shingles(one), shingles(other))
    assert abs((minima[0] == minima[1]).mean() - exact) < 4 * np.sqrt(exact * (1 - exact) / 80)
