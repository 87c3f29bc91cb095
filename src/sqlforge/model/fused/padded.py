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
    """The largest batch that a fixed shape holds; see ``model/varlen.py`` for its sequences.

    ``extra`` are the keys beyond one a token. What holds each of two batches may hold neither of
    their joint sizes elsewhere, so the shape follows from the largest of each.
    """

    tokens: int
    extra: int
    sequences: int
    supervised: int
    longest_query: int
    longest_key: int

    @property
    def all_tokens(self) -> int:
        """Tokens of the shape: each of the sequences that take up unused keys has one at least."""
        return _filled(self.tokens + self.extra // 32 + 8, 64)

    @property
    def all_keys(self) -> int:
        """Keys of the shape."""
        return self.all_tokens + self.extra

    @property
    def all_sequences(self) -> int:
        """Sequences of the shape, those included that are added."""
        added = self.all_tokens // self.longest_query + self.all_keys // self.longest_key + 2
        return self.sequences + added

    def holds(self, other: Room) -> bool:
        """Whether what fits another fits."""
        return all(getattr(self, f.name) >= getattr(other, f.name) for f in fields(Room))

    def joined(self, other: Room) -> Room:
        """Room for either."""
        return Room(*(max(getattr(self, f.name), getattr(other, f.name)) for f in fields(Room)))


def size_of(batch: dict[str, Any]) -> Room:
    """What a batch, as ``model/batches.py`` prepares it, takes."""
    sequences, tokens = batch["sequences"], batch["input_ids"].shape[1]
    return Room(
        tokens=tokens,
        extra=int(sequences["key_ends"][-1]) - tokens,
        sequences=len(sequences["query_ends"]) - 1,
        supervised=len(_supervised(batch)[0]),
        longest_query=int(sequences["longest_query"]),
        longest_key=int(sequences["longest_key"]),
    )


def room_for(size: Room, spare: float = 0.1) -> Room:
    """Room for a batch and for others like it, which may have ``spare`` more of most things."""
    more = 1 + spare
    return Room(
        tokens=_filled(size.tokens, 256),
        extra=_filled(more * size.extra, 256),
        sequences=_filled(more * size.sequences, 32),
        supervised=_filled(more * size.supervised, 64),
        longest_query=_power(size.longest_query),
        longest_key=_power(size.longest_key),
    )


def pad(batch: dict[str, Any], room: Room) -> dict[str, Any]:
    """The batch filled up to ``room``, which holds its size.

    ``positions``, ``targets`` and ``weights`` are those of its loss.
    """
    sequences, size = batch["sequences"], size_of(batch)
    assert room.holds(size)
    more = room.all_tokens - size.tokens
    more_keys = room.all_keys - size.tokens - size.extra
    positions, targets, weights = _supervised(batch)
    free = room.supervised - size.supervised
    parts = max(-(-more // room.longest_query), -(-more_keys // room.longest_key))
    unused = room.all_sequences - size.sequences - parts
    index = sequences["key_index"] if size.extra else torch.arange(size.tokens)
    added = size.tokens + torch.arange(more_keys) % more
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
            "gathered": room.extra > 0,
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
