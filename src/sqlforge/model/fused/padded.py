"""Packs filled up to a fixed shape, for steps that are recorded once and replayed.

What is added are tokens of no meaning in sequences of their own: nobody sees them, and supervised
positions that are added weigh nothing, so loss and gradients stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch

from sqlforge.model.pack import IGNORED


@dataclass(frozen=True, slots=True)
class Room:
    """How much a batch of fixed shape holds; see ``model/varlen.py`` for keys and sequences."""

    tokens: int
    keys: int
    sequences: int
    supervised: int
    longest_query: int
    longest_key: int
    gathered: bool

    def holds(self, other: Room) -> bool:
        """Whether another's content fits."""
        return all(getattr(self, f.name) >= getattr(other, f.name) for f in fields(Room))

    def joined(self, other: Room) -> Room:
        """Room for either."""
        return Room(*(max(getattr(self, f.name), getattr(other, f.name)) for f in fields(Room)))


def room_for(batch: dict[str, Any], spare: float = 0.1) -> Room:
    """Room for a batch and for others like it.

    Args:
        batch: as ``model/batches.py`` prepares it for the variable-length attention.
        spare: what others may have more of sequences, keys and supervised positions.
    """
    sequences = batch["sequences"]
    tokens, gathered = batch["input_ids"].shape[1], bool(sequences["gathered"])
    # At least one token is added, for the keys that are added to be read by.
    whole = _filled(tokens + 1, 256)
    keys = int(sequences["key_ends"][-1])
    many = _filled((1 + spare) * keys + whole - tokens, 256) if gathered else whole
    query, key = (_power(int(sequences[name])) for name in ("longest_query", "longest_key"))
    added = -(-whole // query) if not gathered else -(-many // key) + -(-whole // query)
    return Room(
        tokens=whole,
        keys=many,
        sequences=_filled((1 + spare) * (len(sequences["query_ends"]) - 1) + added, 64),
        supervised=_filled((1 + spare) * len(_supervised(batch)[0]), 64),
        longest_query=query,
        longest_key=key,
        gathered=gathered,
    )


def pad(batch: dict[str, Any], room: Room) -> dict[str, Any]:
    """The batch filled up to ``room``, and ``positions``, ``targets`` and ``weights`` of its loss.

    Raises:
        ValueError: it does not fit.
    """
    sequences = batch["sequences"]
    tokens, keys = batch["input_ids"].shape[1], int(sequences["key_ends"][-1])
    more = room.tokens - tokens
    more_keys = (room.keys if room.gathered else room.tokens) - keys
    positions, targets, weights = _supervised(batch)
    free = room.supervised - len(positions)
    parts = max(-(-more // room.longest_query), -(-more_keys // room.longest_key))
    unused = room.sequences - (len(sequences["query_ends"]) - 1) - parts
    longest = sequences["longest_query"], sequences["longest_key"]
    too_long = longest[0] > room.longest_query or longest[1] > room.longest_key
    if too_long or more < parts or more_keys < more or min(free, unused) < 0:
        raise ValueError("the batch does not fit")
    index = sequences["key_index"] if room.gathered else torch.arange(tokens)
    added = tokens + torch.arange(more_keys) % more
    return {
        "input_ids": _longer(batch["input_ids"], more),
        "position_ids": _longer(batch["position_ids"], more),
        "attention_mask": batch["attention_mask"],
        "positions": _longer(positions, free),
        "targets": _longer(targets, free),
        "weights": _longer(weights, free),
        "sequences": {
            "key_index": torch.cat((index, added)),
            "query_ends": _ends(sequences["query_ends"], more, parts, unused),
            "key_ends": _ends(sequences["key_ends"], more_keys, parts, unused),
            "longest_query": room.longest_query,
            "longest_key": room.longest_key,
            "gathered": room.gathered,
        },
    }


def _supervised(batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Positions, what they are to predict, and what each weighs."""
    found = [(batch["labels"][0], 1.0)]
    if "prompt_labels" in batch:
        found.append((batch["prompt_labels"][0], float(batch["prompt_weight"])))
    places = [labels.ne(IGNORED).nonzero()[:, 0] for labels, _ in found]
    pairs = list(zip(found, places, strict=True))
    targets = [labels[place] for (labels, _), place in pairs]
    weights = [torch.full(place.shape, weight) for (_, weight), place in pairs]
    return torch.cat(places), torch.cat(targets), torch.cat(weights)


def _longer(x: torch.Tensor, more: int) -> torch.Tensor:
    return torch.nn.functional.pad(x, (0, more))


def _ends(ends: torch.Tensor, more: int, parts: int, unused: int) -> torch.Tensor:
    """Ends of the sequences, of ``parts`` that share ``more`` evenly, and of empty ones."""
    last, (each, rest) = int(ends[-1]), divmod(more, parts)
    # Wherever keys are split like this, no sequence has fewer of them than queries.
    added = [last + each * i + min(i, rest) for i in range(1, parts + 1)] + [last + more] * unused
    return torch.cat((ends, torch.tensor(added, dtype=ends.dtype)))


def _filled(number: float, step: int) -> int:
    return -(-int(number) // step) * step


def _power(number: int) -> int:
    return 1 << max(6, (number - 1).bit_length())
