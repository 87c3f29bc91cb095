"""Learning prompts besides answers in a first phase of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, overload

import torch

from sqlforge.model.pack import IGNORED, Pack, size_of


class PromptsFirst(Sequence[Pack]):
    """``packs``, of which the first ``count`` supervise their prompts too."""

    def __init__(self, packs: Sequence[Pack], count: int, weight: float) -> None:
        self._packs, self._count, self._weight = packs, count, weight

    def __len__(self) -> int:
        return len(self._packs)

    def size(self, index: int) -> tuple[int, int]:
        """Tokens and examples of a pack."""
        return size_of(self._packs, index)

    @overload
    def __getitem__(self, index: int) -> Pack: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pack]: ...
    def __getitem__(self, index: int | slice) -> Pack | list[Pack]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        pack = self._packs[index]
        if index % len(self) >= self._count:
            return pack
        return replace(pack, prompt_labels=prompt_labels(pack), prompt_weight=self._weight)


def prompt_labels(pack: Pack) -> list[int]:
    """For each position the next token of the prompt, or :data:`IGNORED` where none is next.

    A trunk is there once, so its tokens are predicted once. Its last token predicts nothing: the
    branches go on from it in several ways.

    >>> two = Pack([5, 6, 7, 9, 8, 9], [0, 1, 2, 3, 2, 3], [-100, -100, 9, -100, 9, -100],
    ...            [0] * 6, [0, 0, 1, 1, 2, 2], 2)
    >>> prompt_labels(two)
    [6, -100, -100, -100, -100, -100]
    """
    places = list(zip(pack.groups, pack.branches, strict=True))
    following = zip(pack.labels, pack.input_ids[1:], places, places[1:], strict=False)
    found = [
        token if label == IGNORED and here == there else IGNORED
        for label, token, here, there in following
    ]
    return [*found, IGNORED]


def weight_of(batch: dict[str, Any]) -> float:
    """What the supervised tokens of a batch count together: an answer's 1, a prompt's its weight.

    Args:
        batch: what :func:`sqlforge.model.pack.as_row` returns, and more.
    """
    answers = int(batch["labels"].ne(IGNORED).sum())
    if "prompt_labels" not in batch:
        return answers
    prompts = int(batch["prompt_labels"].ne(IGNORED).sum())
    return answers + float(batch["prompt_weight"]) * prompts


def all_labels(inputs: dict[str, Any]) -> torch.Tensor:
    """Labels of answers and prompts in one row, ``[tokens]``."""
    labels: torch.Tensor = inputs["labels"][0]
    prompts = inputs.get("prompt_labels")
    return labels if prompts is None else torch.where(labels.ne(IGNORED), labels, prompts[0])
