"""Texts that are nearly the same: of a stream, and between a stream and a fixed set.

MinHash proposes pairs (:mod:`sqlforge.corpus.minhash`), the exact share of common shingles decides.
Both ways of asking take time in proportion to the number of texts and are deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sqlforge.corpus.fingerprints import THRESHOLD
from sqlforge.corpus.minhash import (
    BANDS,
    Words64,
    band_keys,
    jaccard,
    shingles,
    signatures,
)

_CHUNK = 4096
_ESTIMATE_SLACK = 0.25  # over four standard deviations of the estimate from 80 minima


@dataclass(frozen=True, slots=True)
class Near:
    """An alike text: its number in the order in which texts came, and the share in common."""

    number: int
    similarity: float


def near_duplicates(
    texts: Iterable[tuple[str, int]], *, threshold: float = THRESHOLD
) -> Iterator[Near | None]:
    """For each text of a stream the earlier, kept text that it nearly repeats, or ``None``.

    A text that repeats another is not kept: later ones are compared with the first only. Reads
    ahead by 4,096 texts; holds all kept texts in memory and about 500 bytes more for each.

    Args:
        texts: each with a scope: only texts of one scope are compared. For duplicate training
            examples that is a hash of the canonical SQL
            (:attr:`sqlforge.corpus.fingerprints.Fingerprint.scope`).
        threshold: least share of common shingles, above 0.5.

    >>> found = near_duplicates([("how many cats are there", 1), ("how many cats are there", 2),
    ...                          ("how many cats are there?", 1), ("who is the oldest", 1)])
    >>> [near and near.number for near in found]
    [None, None, 0, None]
    """
    stream = iter(texts)
    kept = _Kept(threshold)
    while chunk := list(islice(stream, _CHUNK)):
        yield from kept.add([text for text, _ in chunk], [scope for _, scope in chunk])


class FixedTexts:
    """A set of texts in which alike ones are looked up.

    >>> texts = FixedTexts(["how many cats are there", "who is the oldest"])
    >>> [[near.number for near in found] for found in texts.alike(["how many cats are there?"])]
    [[0]]
    """

    def __init__(self, texts: Sequence[str], *, threshold: float = THRESHOLD) -> None:
        self._shingles = [shingles(text) for text in texts]
        self._threshold = threshold
        self._minima = signatures(texts)
        keys = band_keys(self._minima)
        self._order = np.argsort(keys, axis=0, kind="stable")
        self._keys = np.take_along_axis(keys, self._order, axis=0)

    def alike(self, texts: Iterable[str]) -> Iterator[tuple[Near, ...]]:
        """For each text the alike ones of the set, the most alike first."""
        stream = iter(texts)
        while chunk := list(islice(stream, _CHUNK)):
            yield from self._alike(chunk)

    def _alike(self, texts: list[str]) -> Iterator[tuple[Near, ...]]:
        minima = signatures(texts)
        asked, met = self._meeting(band_keys(minima))
        estimate = np.fromiter(
            ((minima[a] == self._minima[m]).mean() for a, m in zip(asked, met, strict=True)),
            np.float64,
            len(asked),
        )
        likely = estimate >= self._threshold - _ESTIMATE_SLACK
        found: dict[int, list[Near]] = {}
        for a, m in zip(asked[likely].tolist(), met[likely].tolist(), strict=True):
            similarity = jaccard(shingles(texts[a]), self._shingles[m])
            if similarity >= self._threshold:
                found.setdefault(a, []).append(Near(m, similarity))
        for place in range(len(texts)):
            yield tuple(sorted(found.get(place, ()), key=lambda near: -near.similarity))

    def _meeting(self, keys: Words64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs (text asked, text of the set) that share a band, each once."""
        count = max(1, len(self._shingles))
        pairs = [np.empty(0, np.int64)]
        for band in range(BANDS):
            column, order = self._keys[:, band], self._order[:, band]
            first = np.searchsorted(column, keys[:, band], "left")
            sizes = np.searchsorted(column, keys[:, band], "right") - first
            asked = np.repeat(np.arange(len(keys)), sizes)
            inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            met = order[np.repeat(first, sizes) + inside]
            pairs.append(asked * count + met)
        both = np.unique(np.concatenate(pairs))
        return both // count, both % count


class _Kept:
    """The kept texts of a stream, with the first text of every band key."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._texts: dict[int, bytes] = {}
        self._first = _FirstOf()
        self._count = 0

    def add(self, texts: list[str], scopes: list[int]) -> list[Near | None]:
        """The verdict on each of some further texts."""
        wrapped = np.array([scope & 0xFFFFFFFFFFFFFFFF for scope in scopes], np.uint64)
        keys = band_keys(signatures(texts), wrapped)
        earlier = self._first.of(keys)
        _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        repeated = (counts[inverse] > 1).reshape(keys.shape)
        found: list[Near | None] = [None] * len(texts)
        here: dict[int, int] = {}
        for place in np.flatnonzero(((earlier >= 0) | repeated).any(axis=1)).tolist():
            own = keys[place][repeated[place]].tolist()
            candidates = {n for n in earlier[place].tolist() if n >= 0}
            candidates |= {here[key] for key in own if key in here}
            near = self._nearest(texts[place], candidates, texts)
            found[place] = near
            if near is None:
                for key in own:
                    here.setdefault(key, self._count + place)
        stays = np.array([near is None for near in found])
        numbers = np.arange(self._count, self._count + len(texts), dtype=np.int32)
        self._first.put(keys[stays], numbers[stays])
        for place in np.flatnonzero(stays).tolist():
            self._texts[self._count + place] = texts[place].encode("utf-8", "surrogatepass")
        self._count += len(texts)
        return found

    def _nearest(self, text: str, candidates: set[int], chunk: list[str]) -> Near | None:
        own = shingles(text)
        best: Near | None = None
        for number in sorted(candidates):
            place = number - self._count
            other = chunk[place] if place >= 0 else self._text(number)
            similarity = jaccard(own, shingles(other))
            if similarity >= self._threshold and (best is None or similarity > best.similarity):
                best = Near(number, similarity)
        return best

    def _text(self, number: int) -> str:
        return self._texts[number].decode("utf-8", "surrogatepass")


class _FirstOf:
    """Key → the number put first for it: open addressing in two arrays, 12 bytes a place."""

    def __init__(self) -> None:
        self._keys = np.zeros(1 << 16, np.uint64)
        self._numbers = np.zeros(1 << 16, np.int32)
        self._used = 0

    def of(self, keys: Words64) -> NDArray[np.int32]:
        """The number of each key, -1 for unknown ones; in the shape of ``keys``."""
        wanted = keys.ravel()
        found = np.full(len(wanted), -1, np.int32)
        asking = np.arange(len(wanted))
        slots = self._slots(wanted)
        while len(asking):
            there = self._keys[slots]
            hit = there == wanted[asking]
            found[asking[hit]] = self._numbers[slots[hit]]
            goes_on = ~hit & (there != 0)
            asking, slots = asking[goes_on], (slots[goes_on] + 1) & (len(self._keys) - 1)
        return found.reshape(keys.shape)

    def put(self, keys: Words64, numbers: NDArray[np.int32]) -> None:
        """Note a row of keys for each number; a key that is known keeps its number."""
        unique, first = np.unique(keys.ravel(), return_index=True)
        new = self.of(unique) < 0
        self._insert(unique[new], np.repeat(numbers, keys.shape[1])[first[new]])

    def _insert(self, keys: Words64, numbers: NDArray[np.int32]) -> None:
        if 2 * (self._used + len(keys)) > len(self._keys):
            self._grow(self._used + len(keys))
        self._used += len(keys)
        waiting = np.arange(len(keys))
        slots = self._slots(keys)
        while len(waiting):
            free = self._keys[slots] == 0
            self._keys[slots[free]] = keys[waiting[free]]  # of several for one place one wins
            won = self._keys[slots] == keys[waiting]
            self._numbers[slots[won]] = numbers[waiting[won]]
            waiting, slots = waiting[~won], (slots[~won] + 1) & (len(self._keys) - 1)

    def _grow(self, needed: int) -> None:
        full = self._keys != 0
        keys, numbers = self._keys[full], self._numbers[full]
        size = len(self._keys)
        while 2 * needed > size:
            size *= 2
        self._keys, self._numbers = np.zeros(size, np.uint64), np.zeros(size, np.int32)
        self._used = 0
        self._insert(keys, numbers)

    def _slots(self, keys: Words64) -> NDArray[np.int64]:
        return (keys & np.uint64(len(self._keys) - 1)).astype(np.int64)
