"""Packs in halves, for when memory is short."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from sqlforge.model.pack import IGNORED, Pack


def halves(pack: Pack) -> tuple[Pack, Pack] | None:
    """Two packs with the examples of one, about equally long; ``None`` for a single example.

    Groups stay whole where there are several. The branches of a single group are shared out, and
    both halves get its trunk, whose tokens are supervised in the first half if at all.
    """
    trunk, rest = _units(pack)
    if len(rest) < 2:
        return None
    first: list[int] = []
    while len(rest) > 1 and (not first or 2 * (len(first) + len(rest[0])) <= len(pack)):
        first += rest.pop(0)
    second = _taken(pack, trunk + [i for unit in rest for i in unit])
    if second.prompt_labels:
        second.prompt_labels[: len(trunk)] = [IGNORED] * len(trunk)
    return _taken(pack, trunk + first), second


def pieces_of(pack: Pack, most: int) -> list[Pack]:
    """A pack as packs of at most ``most`` tokens, or of a single example."""
    if len(pack) <= most or (both := halves(pack)) is None:
        return [pack]
    return [*pieces_of(both[0], most), *pieces_of(both[1], most)]


def shares(pack: Pack, count: int) -> list[Pack]:
    """At most ``count`` packs, about equally long, with the examples of one; see :func:`halves`."""
    trunk, units = _units(pack)
    found: list[list[int]] = [[] for _ in range(min(count, len(units)))]
    for unit in sorted(units, key=len, reverse=True):
        min(found, key=len).extend(unit)
    packs = [_taken(pack, trunk + sorted(tokens)) for tokens in found]
    for other in packs[1:]:
        if other.prompt_labels:
            other.prompt_labels[: len(trunk)] = [IGNORED] * len(trunk)
    return packs


def _units(pack: Pack) -> tuple[list[int], list[list[int]]]:
    """The tokens that every part of a pack needs, and those that are not torn, in order."""
    places = list(zip(pack.groups, pack.branches, strict=True))
    pieces = [(key, list(run)) for key, run in groupby(range(len(pack)), key=lambda i: places[i])]
    several = len(set(pack.groups)) > 1
    trunk = [] if several else [i for (_, branch), run in pieces if branch == 0 for i in run]
    units: dict[int, list[int]] = defaultdict(list)
    for (group, branch), run in pieces:
        if several or branch > 0:
            units[group if several else branch].extend(run)
    return trunk, list(units.values())


def _taken(pack: Pack, tokens: Sequence[int]) -> Pack:
    """The pack of some of a pack's tokens; each example has one branch."""
    groups, branches = [pack.groups[i] for i in tokens], [pack.branches[i] for i in tokens]
    return Pack(
        [pack.input_ids[i] for i in tokens],
        [pack.positions[i] for i in tokens],
        [pack.labels[i] for i in tokens],
        groups,
        branches,
        len({place for place in zip(groups, branches, strict=True) if place[1] > 0}),
        [pack.prompt_labels[i] for i in tokens] if pack.prompt_labels else [],
        pack.prompt_weight,
    )
