"""Packing: many examples in one sequence, none of which sees another.

The questions about one schema share their prompt up to where the first of them differs. A pack
holds that *trunk* once and every example's rest as a *branch* of it::

    group 0: trunk (instruction, schema) · branch 1 (question, answer) · branch 2 · …
    group 1: trunk · branch 1 · …

A token sees the earlier tokens of its own branch and of its trunk, and its position counts as if
the example stood alone, so the packed step computes the same function as the plain one, on about
a third of the tokens where schemas are long and questions short.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import overload

import numpy as np
import torch

from sqlforge.model.epochs import from_easy_to_hard
from sqlforge.plan.training import PackShape
from sqlforge.prompt.encode import Encoded

IGNORED = -100
"""The label of a position whose next token is not supervised."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One micro-batch of one row; the lists are parallel, one entry a token.

    ``labels`` are shifted already: the label of a position is the token to predict *there*.
    ``branches`` is 0 in a trunk and counts from 1 within each group. ``prompt_labels`` is empty, or
    says what prompts are to predict, each token counting ``prompt_weight`` of one of an answer.
    """

    input_ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    examples: int = 0
    prompt_labels: list[int] = field(default_factory=list)
    prompt_weight: float = 0.0

    def __len__(self) -> int:
        return len(self.input_ids)


Groups = list[list[int]]
"""The composition of one pack: for each schema in it the indices of its examples."""


def plan_packs(
    encoded: Sequence[Encoded],
    schema_keys: Sequence[str],
    *,
    budget: int,
    questions_per_schema: int,
    seed: int,
) -> list[Pack]:
    """One epoch of packs of at most ``budget`` tokens, in an order drawn by ``seed``.

    Args:
        encoded: the examples.
        schema_keys: for each example a key that only examples with the same schema text share.
        budget: tokens a pack may hold; a longer single example is an error of the caller.
        questions_per_schema: the most examples that share one trunk in one pack.
        seed: draws which examples share a trunk and the order of packs.

    Raises:
        ValueError: an example is longer than ``budget``.
    """
    plan = plan_groups(
        encoded, schema_keys, budget=budget, questions_per_schema=questions_per_schema, seed=seed
    )
    return list(PlannedPacks([(encoded, groups) for groups in plan]))


def plan_groups(
    encoded: Sequence[Encoded],
    schema_keys: Sequence[str],
    *,
    budget: int,
    questions_per_schema: int,
    seed: int,
    taken: Sequence[int] | None = None,
    difficulty: Sequence[float] | None = None,
    mixed: float = 0.0,
) -> list[Groups]:
    """What :func:`plan_packs` puts into each pack, as indices; no example is kept.

    Only the examples ``taken``, if that is given. With a ``difficulty`` of each example packs go
    from easy to hard, all but a share ``mixed`` of their groups, which stands anywhere.
    """
    rng = random.Random(seed)
    by_schema: dict[str, list[int]] = defaultdict(list)
    for index in range(len(schema_keys)) if taken is None else taken:
        by_schema[schema_keys[index]].append(index)
    groups: list[tuple[int, list[int]]] = []
    for key in sorted(by_schema):
        indices = by_schema[key]
        rng.shuffle(indices)
        if difficulty is not None:
            indices.sort(key=difficulty.__getitem__)
        groups.extend(_split_groups(encoded, indices, budget, questions_per_schema))
    rng.shuffle(groups)
    if difficulty is not None:
        groups = from_easy_to_hard(groups, difficulty, mixed, rng)
    return _fill(groups, budget)


class PlannedPacks(Sequence[Pack]):
    """Packs that are put together when they are asked for, from examples that lie elsewhere.

    Args:
        plan: for each pack where its examples are and which of them it holds.
    """

    def __init__(self, plan: Sequence[tuple[Sequence[Encoded], Groups]]) -> None:
        self._plan = plan
        self._sizes: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._plan)

    @overload
    def __getitem__(self, index: int) -> Pack: ...
    @overload
    def __getitem__(self, index: slice) -> PlannedPacks: ...
    def __getitem__(self, index: int | slice) -> Pack | PlannedPacks:
        if isinstance(index, slice):
            return PlannedPacks(self._plan[index])
        encoded, groups = self._plan[index]
        pack = Pack()
        for number, group in enumerate(groups):
            pack = _append(pack, [encoded[i] for i in group], number)
        self._sizes[index] = len(pack), pack.examples
        return pack

    def size(self, index: int) -> tuple[int, int]:
        """Tokens and examples of a pack, which is put together for that once at most."""
        if index not in self._sizes:
            self[index]
        return self._sizes[index]


def size_of(packs: Sequence[Pack], index: int) -> tuple[int, int]:
    """Tokens and examples of one of ``packs``; those that are planned remember them."""
    known: Callable[[int], tuple[int, int]] | None = getattr(packs, "size", None)
    if known is not None:
        return known(index)
    pack = packs[index]
    return len(pack), pack.examples


def shared_length(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all prompts begin with; each keeps at least its last for itself.

    The last prompt token predicts the first answer token, so it cannot be shared.

    >>> shared_length([(5, 6, 7), (5, 6, 8, 9)]), shared_length([(5, 6), (5, 6)])
    (2, 1)
    """
    # The first and last of sorted tuples share what all between them share.
    first, last = min(prompts), max(prompts)
    limit = min(len(prompt) for prompt in prompts) - 1
    length = 0
    while length < limit and first[length] == last[length]:
        length += 1
    return length


def collate(pack: Pack) -> dict[str, torch.Tensor]:
    """A pack as tensors of one row; the mask is boolean, ``[1, 1, tokens, tokens]``."""
    groups = torch.tensor(pack.groups)
    branches = torch.tensor(pack.branches)
    order = torch.arange(len(pack))
    same_group = groups[:, None] == groups[None, :]
    visible = (branches[None, :] == 0) | (branches[:, None] == branches[None, :])
    mask = same_group & visible & (order[None, :] <= order[:, None])
    return as_row(pack) | {"attention_mask": mask[None, None]}


def as_row(pack: Pack) -> dict[str, torch.Tensor]:
    """Ids, positions and labels of a pack as tensors of one row, without a mask."""
    row = {
        "input_ids": _as_tensor(pack.input_ids),
        "position_ids": _as_tensor(pack.positions),
        "labels": _as_tensor(pack.labels),
    }
    if pack.prompt_labels:
        row["prompt_labels"] = _as_tensor(pack.prompt_labels)
        row["prompt_weight"] = torch.tensor(pack.prompt_weight)
    return row


def _as_tensor(numbers: list[int]) -> torch.Tensor:
    """``[1, tokens]``; NumPy reads a list some five times as fast as PyTorch."""
    return torch.from_numpy(np.array(numbers, dtype=np.int64))[None]


def pack_shape(pack: Pack) -> PackShape:
    """What the planner needs to know of a pack."""
    keys = sequences = longest = 0
    trunk, trunk_of = 0, -1
    for (group, branch), members in groupby(zip(pack.groups, pack.branches, strict=True)):
        own = sum(1 for _ in members)
        if branch == 0:
            trunk, trunk_of, seen = own, group, own
        else:
            seen = own + (trunk if trunk_of == group else 0)
        keys, sequences, longest = keys + seen, sequences + 1, max(longest, seen)
    supervised = sum(label >= 0 for label in (*pack.labels, *pack.prompt_labels))
    return PackShape(len(pack), keys, sequences, supervised, longest, pack.examples)


def _split_groups(
    encoded: Sequence[Encoded], indices: Sequence[int], budget: int, most: int
) -> list[tuple[int, list[int]]]:
    """Cut examples of one schema into groups that fit the budget with their shared trunk.

    Each group comes with its size in tokens.
    """
    groups: list[tuple[int, list[int]]] = []
    current: list[Encoded] = []
    members: list[int] = []
    for index in indices:
        example = encoded[index]
        if len(example) > budget:
            raise ValueError(f"an example of {len(example)} tokens in a pack of {budget}")
        if current and (len(current) == most or _group_size([*current, example]) > budget):
            groups.append((_group_size(current), members))
            current, members = [], []
        current.append(example)
        members.append(index)
    if current:
        groups.append((_group_size(current), members))
    return groups


def _fill(groups: Sequence[tuple[int, list[int]]], budget: int) -> list[Groups]:
    packs: list[Groups] = []
    pack: Groups = []
    room = budget
    for size, group in groups:
        if pack and size > room:
            packs.append(pack)
            pack, room = [], budget
        pack.append(group)
        room -= size
    if pack:
        packs.append(pack)
    return packs


def _trunk_length(group: Sequence[Encoded]) -> int:
    """Tokens of the group's trunk; a single example has none."""
    return 0 if len(group) == 1 else shared_length([e.prompt for e in group])


def _group_size(group: Sequence[Encoded]) -> int:
    trunk = _trunk_length(group)
    return trunk + sum(len(example) - trunk for example in group)


def _append(pack: Pack, group: Sequence[Encoded], number: int) -> Pack:
    trunk = _trunk_length(group)
    pieces: list[tuple[int, int, tuple[int, ...], tuple[int, ...]]] = []
    if trunk:
        pieces.append((0, 0, group[0].prompt[:trunk], ()))
    pieces += [(b, trunk, e.prompt[trunk:], e.answer) for b, e in enumerate(group, start=1)]
    for branch, start, prompt, answer in pieces:
        ids = [*prompt, *answer]
        labels = [IGNORED] * len(ids)
        if answer:
            labels[len(prompt) - 1 : len(ids) - 1] = answer
        pack.input_ids.extend(ids)
        pack.labels.extend(labels)
        pack.positions.extend(range(start, start + len(ids)))
        pack.groups.extend([number] * len(ids))
        pack.branches.extend([branch] * len(ids))
    return Pack(
        pack.input_ids,
        pack.positions,
        pack.labels,
        pack.groups,
        pack.branches,
        pack.examples + len(group),
    )
