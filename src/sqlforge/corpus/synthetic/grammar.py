"""The grammar: every pattern by kind, and one question after another for a database."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

from sqlforge.corpus.synthetic import (
    patterns_aggregate,
    patterns_group,
    patterns_join,
    patterns_join_group,
    patterns_nested,
    patterns_order,
    patterns_set,
    patterns_single,
    patterns_three,
)
from sqlforge.corpus.synthetic.pattern import Draft, Pattern, ask
from sqlforge.corpus.synthetic.view import View

PATTERNS: tuple[Pattern, ...] = (
    *patterns_single.PATTERNS,
    *patterns_order.PATTERNS,
    *patterns_aggregate.PATTERNS,
    *patterns_group.PATTERNS,
    *patterns_join.PATTERNS,
    *patterns_three.PATTERNS,
    *patterns_join_group.PATTERNS,
    *patterns_nested.PATTERNS,
    *patterns_set.PATTERNS,
)

# How often each kind is asked unless the caller says otherwise.
KINDS: Mapping[str, float] = MappingProxyType(
    {
        "projection": 1.0,
        "filter": 2.2,
        "distinct": 0.6,
        "aggregate": 1.6,
        "group": 1.5,
        "order": 1.5,
        "join": 2.0,
        "join_group": 1.5,
        "nested": 1.3,
        "set": 0.8,
    }
)
_LINKED = frozenset({"join", "join_group"})
_BY_KIND = {kind: tuple(p for p in PATTERNS if p.kind == kind) for kind in KINDS}


def kinds_for(view: View, kinds: Mapping[str, float] = KINDS) -> dict[str, float]:
    """The kinds that the database can serve, with their weights."""
    return {
        kind: weight
        for kind, weight in kinds.items()
        if weight > 0 and (view.links or kind not in _LINKED)
    }


def draft(view: View, kind: str, rng: random.Random) -> Draft | None:
    """A question of that kind with its query, not executed; ``None`` where this try found none.

    Raises:
        KeyError: if there is no such kind.
    """
    patterns = _BY_KIND[kind]
    pattern = rng.choices(patterns, [pattern.weight for pattern in patterns])[0]
    return ask(pattern, view, rng)
