"""MinHash over character n-grams: how alike two short texts are, for very many texts.

A text's shingles are its runs of ``SHINGLE`` characters; two texts are as alike as the share of
shingles that they have in common (Jaccard). ``PERMUTATIONS`` minima estimate that share (Broder
1997); cut into bands they bring together texts that are alike without comparing all pairs
(Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, section 3.4): a pair of similarity *s*
meets with probability ``1 - (1 - s**ROWS) ** BANDS``.

Everything is arithmetic on 64-bit integers with constants of this file, so that signatures are the
same on every machine, in every process and with every release of the libraries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE = 4
BANDS = 20
ROWS = 4
PERMUTATIONS = BANDS * ROWS

Words64 = NDArray[np.uint64]
Words32 = NDArray[np.uint32]


def shingles(text: str) -> frozenset[str]:
    """The runs of ``SHINGLE`` characters of ``text`` with a blank at both ends.

    >>> sorted(shingles("how many"))
    [' how', ' man', 'any ', 'how ', 'many', 'ow m', 'w ma']
    """
    padded = f" {text} "
    return frozenset(padded[i : i + SHINGLE] for i in range(max(1, len(padded) - SHINGLE + 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of shingles in common, 0 to 1.

    >>> jaccard(shingles("how many cats"), shingles("how many cats"))
    1.0
    >>> round(jaccard(shingles("how many cats"), shingles("how many bats")), 2)
    0.5
    """
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def signatures(texts: Sequence[str]) -> Words32:
    """The ``(len(texts), PERMUTATIONS)`` minima; the share of equal ones estimates Jaccard.

    >>> one, same = signatures(["how many cats", "how many cats"])
    >>> bool((one == same).all())
    True
    """
    if not texts:
        return np.empty((0, PERMUTATIONS), np.uint32)
    hashes, starts = _hashed_shingles(texts)
    found = np.empty((PERMUTATIONS, len(texts)), np.uint32)
    for place in range(PERMUTATIONS):
        permuted = (hashes * _FACTORS[place] + _TERMS[place]) >> np.uint64(32)
        found[place] = np.minimum.reduceat(permuted.astype(np.uint32), starts)
    return np.ascontiguousarray(found.T)


def band_keys(minima: Words32, scopes: Words64 | None = None) -> Words64:
    """The ``(len(minima), BANDS)`` keys under which alike texts meet; never 0.

    Texts of different ``scopes`` (one number a text) get different keys.
    """
    keys = np.zeros((len(minima), BANDS), np.uint64)
    if scopes is not None:
        keys += mixed(scopes)[:, None]
    keys += np.arange(1, BANDS + 1, dtype=np.uint64)
    bands = minima.reshape(len(minima), BANDS, ROWS).astype(np.uint64)
    for row in range(ROWS):
        keys = mixed(keys ^ bands[:, :, row])
    return np.maximum(keys, np.uint64(1))


def mixed(values: Words64) -> Words64:
    """Every bit of the result depends on every bit of the value (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _constants(first: int, count: int) -> Words64:
    """SplitMix64 from a fixed state."""
    steps = np.arange(first, first + count, dtype=np.uint64)
    return mixed(steps * np.uint64(0x9E3779B97F4A7C15))


_FACTORS = _constants(1, PERMUTATIONS) | np.uint64(1)
_TERMS = _constants(1001, PERMUTATIONS)
_PLACES = _constants(2001, SHINGLE) | np.uint64(1)


def _hashed_shingles(texts: Sequence[str]) -> tuple[Words64, NDArray[np.int64]]:
    """The hashes of all shingles, end to end, and where each text's begin."""
    padded = [f" {text} ".ljust(SHINGLE) for text in texts]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    windows = np.zeros(len(codes) - SHINGLE + 1, np.uint64)
    for place in range(SHINGLE):
        part = codes[place : place + len(windows)].astype(np.uint64)
        windows += part * _PLACES[place]
    counts = lengths - (SHINGLE - 1)
    ends = np.cumsum(lengths)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    # A text's windows are all but the last three that begin in it: those reach into the next.
    inside = np.arange(counts.sum()) + np.repeat(ends - lengths - starts, counts)
    return mixed(windows[inside]), starts
