"""What bench/train_throughput.py claims of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from claims import ClaimRow
from train_rows import OURS, Measured

_SMOL = next(asked for asked in OURS if asked.name == "smollm2")
PACKS = [
    asked.name
    for asked in OURS
    if (asked.model, asked.rank, asked.dropout) == (_SMOL.model, _SMOL.rank, _SMOL.dropout)
]
"""Rows that differ in their packs only, and in how much is recomputed."""
_SHARED = "mistral_shared_schemas"


def claims(rows: dict[str, Measured]) -> list[ClaimRow]:
    """Every row, and the ratios that are bounded."""
    found: list[ClaimRow] = []
    bounds = {
        "mistral": (">= 12000", "<= 11.25"),
        "mistral_512_32bit": (None, "<= 6.3"),
        "mistral_512_32bit_host": (None, "<= 6.3"),
        "mistral_512_8bit_host": (None, "<= 5.3"),
        "mistral_512_8bit": (None, "<= 5.3"),
    }
    for row in rows.values():
        speed, memory = bounds.get(row.name, (None, None))
        found += [
            ClaimRow(f"{row.name}_speed", row.tokens_per_second, "tokens/s", speed),
            ClaimRow(f"{row.name}_examples", row.examples_per_second, "examples/s"),
            ClaimRow(f"{row.name}_reserved", row.reserved, "GiB", memory),
        ]
    packs = [row for name, row in rows.items() if name in PACKS]
    if packs:  # whatever pack is the fastest: examples and function are the same
        speed = max(row.tokens_per_second for row in packs)
        found.append(ClaimRow("smollm2_best_speed", speed, "tokens/s", ">= 300000"))
    for name, bound in (("unsloth", ">= 1.6"), ("trl_liger", None)):
        peers = [rows.get(name), rows.get(f"{name}_no_dropout")]
        found += _ratio(f"to_{name}", "tokens_per_second", _alike(rows, peers), peers, bound)
    peers = [rows.get("trl_reference")]
    for mark, ours in (("", _alike(rows, peers)), ("_shared_schemas", rows.get(_SHARED))):
        found += _ratio(f"to_reference{mark}", "examples_per_second", ours, peers, ">= 40")
    return found


def _alike(rows: dict[str, Measured], peers: Sequence[Measured | None]) -> Measured | None:
    """Our row of the precision that the peers have, else the main one."""
    precisions = {(peer.adapters, peer.states) for peer in peers if peer is not None}
    own = [row for name in ("mistral", "mistral_16_bit") if (row := rows.get(name)) is not None]
    same = [row for row in own if {(row.adapters, row.states)} == precisions]
    return same[0] if same else rows.get("mistral")


def _ratio(
    name: str,
    what: Literal["tokens_per_second", "examples_per_second"],
    ours: Measured | None,
    peers: Sequence[Measured | None],
    bound: str | None,
) -> list[ClaimRow]:
    """Ours to the best of ``peers``; none where one of the rows is missing, which is said.

    Where precision differs its name says so, and it holds no bound.
    """
    others = [peer for peer in peers if peer is not None]
    if ours is None or len(others) < len(peers):
        print(f"no {name}: a row that it compares has failed or was left out", flush=True)
        return []
    if len({row.card for row in (ours, *others)}) > 1:
        print(f"no {name}: its rows were measured on different cards", flush=True)
        return []
    if len({(row.adapters, row.states) for row in (ours, *others)}) > 1:
        name, bound = f"{name}_at_unequal_precision", None
    best = max(getattr(peer, what) for peer in others)
    return [ClaimRow(name, getattr(ours, what) / best, "", bound)]
