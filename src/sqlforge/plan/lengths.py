"""How long text-to-SQL examples are, and which micro-batches they fill.

A recipe's own token store gives its lengths; without one, lengths of Spider's and WikiSQL's
training examples with the vocabulary of Mistral v0.3 are carried along (``lengths.json``).
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from sqlforge.core.errors import RecipeError
from sqlforge.plan.catalog import tokens_of
from sqlforge.plan.training import PackShape
from sqlforge.prompt.encode import Encoded

_MEASURED_WITH = "mistral-7b-v0.3"  # whose tokens the carried lengths count


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of one example; ``shared`` is what its schema's examples all begin with."""

    schema: int
    shared: int
    prompt: int
    answer: int

    @property
    def total(self) -> int:
        """Prompt and answer together."""
        return self.prompt + self.answer


@dataclass(frozen=True, slots=True)
class Corpus:
    """Lengths of examples, and how many there are where these are a sample."""

    source: str
    examples: int
    lengths: tuple[Lengths, ...]

    @property
    def mean_tokens(self) -> float:
        """Of an example by itself."""
        return sum(one.total for one in self.lengths) / len(self.lengths)

    @property
    def mean_supervised(self) -> float:
        """Of an example's answer."""
        return sum(one.answer for one in self.lengths) / len(self.lengths)

    @property
    def longest(self) -> int:
        """Tokens of the longest example."""
        return max(one.total for one in self.lengths)

    def scaled(self, factor: float) -> Corpus:
        """As a tokenizer gives them that needs ``factor`` times as many tokens."""

        def scaled(one: Lengths) -> Lengths:
            prompt = max(1, round(one.prompt * factor))
            shared = min(round(one.shared * factor), prompt - 1)
            return Lengths(one.schema, shared, prompt, max(1, round(one.answer * factor)))

        lengths = tuple(map(scaled, self.lengths))
        return replace(self, lengths=lengths, source=f"{self.source}, × {factor:.2f}")

    def within(self, tokens: int) -> Corpus:
        """Without examples longer than ``tokens``, as ``prompt.max_tokens`` leaves them out."""
        kept = tuple(one for one in self.lengths if one.total <= tokens)
        return replace(self, lengths=kept, examples=self.examples * len(kept) // len(self.lengths))


def carried_corpus(model: str = _MEASURED_WITH) -> Corpus:
    """Spider and WikiSQL, a sample of whole schemas, in tokens of ``model``.

    Where its tokenizer was not measured the tokens are Mistral's.

    >>> 150 < carried_corpus().mean_tokens < 200
    True
    >>> round(carried_corpus("llama-3.1-8b").mean_tokens / carried_corpus().mean_tokens, 1)
    0.8
    """
    told = json.loads((files("sqlforge.plan") / "lengths.json").read_text(encoding="utf-8"))
    lengths = tuple(Lengths(*one) for one in told["lengths"])
    corpus = Corpus(told["source"], told["examples"], lengths)
    own, reference = tokens_of(model), tokens_of(_MEASURED_WITH)
    if own is None or reference is None or own == reference:
        return corpus
    return corpus.scaled(own.example / reference.example)


def lengths_of(encoded: Sequence[Encoded], schema_keys: Sequence[str]) -> tuple[Lengths, ...]:
    """Lengths of encoded examples, each with what all of its schema share.

    >>> first, second = Encoded((1, 2, 3), (9,)), Encoded((1, 2, 4, 5), (8, 9))
    >>> [one.shared for one in lengths_of([first, second], ["shop", "shop"])]
    [2, 2]
    """
    by_key: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(schema_keys):
        by_key[key].append(index)
    found: list[Lengths | None] = [None] * len(schema_keys)
    for number, indices in enumerate(by_key.values()):
        examples = [encoded[index] for index in indices]
        shared = _common([one.prompt for one in examples])
        for index, one in zip(indices, examples, strict=True):
            found[index] = Lengths(number, shared, len(one.prompt), len(one.answer))
    return tuple(one for one in found if one is not None)


def packs(
    lengths: Sequence[Lengths], *, budget: int, questions_per_schema: int, seed: int
) -> list[PackShape]:
    """One epoch of micro-batches of at most ``budget`` tokens, as training packs them.

    Raises:
        RecipeError: an example is longer than ``budget``.
    """
    longest = max(one.total for one in lengths)
    if longest > budget:
        raise RecipeError(
            f"train.pack_tokens {budget} and an example of {longest} tokens",
            "packs that hold every example",
            f"set train.pack_tokens to at least {longest}, or lower prompt.max_tokens",
        )
    rng = random.Random(seed)
    by_schema: dict[int, list[Lengths]] = defaultdict(list)
    for one in lengths:
        by_schema[one.schema].append(one)
    groups: list[tuple[int, list[Lengths]]] = []
    for members in by_schema.values():
        rng.shuffle(members)
        groups += _groups(members, budget, questions_per_schema)
    rng.shuffle(groups)
    return [_shape(filled) for filled in _fill(groups, budget)]


def telling(found: Sequence[PackShape]) -> tuple[PackShape, ...]:
    """Three of an epoch's packs: one in the middle, then most logits and most keys.

    The demanding ones come when the optimizer's states are there already, as most do in a run.
    """
    by_tokens = sorted(found, key=lambda pack: pack.tokens)
    return (
        by_tokens[len(by_tokens) // 2],
        max(found, key=lambda pack: (pack.supervised, pack.tokens)),
        max(found, key=lambda pack: (pack.keys + pack.tokens, pack.tokens)),
    )


def _common(prompts: Sequence[tuple[int, ...]]) -> int:
    if len(prompts) == 1:
        return 0
    # The first and last of sorted tuples share what all between them share.
    first, last = min(prompts), max(prompts)
    limit = min(map(len, prompts)) - 1
    return next((i for i in range(limit) if first[i] != last[i]), limit)


def _groups(
    members: Sequence[Lengths], budget: int, most: int
) -> Iterator[tuple[int, list[Lengths]]]:
    """Groups that share a trunk, each with its tokens."""
    current: list[Lengths] = []
    size = together = 0  # of the group, and of it with its trunk once
    for one in members:
        more = together + one.total - one.shared
        if current and (len(current) == most or more > budget):
            yield size, current
            current = []
        if not current:
            size, together = one.total, one.total
        else:
            size = together = more
        current.append(one)
    yield size, current


def _fill(
    groups: Sequence[tuple[int, list[Lengths]]], budget: int
) -> Iterator[list[tuple[int, list[Lengths]]]]:
    filled: list[tuple[int, list[Lengths]]] = []
    room = budget
    for size, group in groups:
        if filled and size > room:
            yield filled
            filled, room = [], budget
        filled.append((size, group))
        room -= size
    yield filled


def _shape(groups: Sequence[tuple[int, list[Lengths]]]) -> PackShape:
    keys = sequences = longest = 0
    for _, group in groups:
        trunk = group[0].shared if len(group) > 1 else 0
        keys += trunk + sum(one.total for one in group)
        sequences += len(group) + (trunk > 0)
        longest = max(longest, *(one.total for one in group))
    members = [one for _, group in groups for one in group]
    return PackShape(
        tokens=sum(size for size, _ in groups),
        keys=keys,
        sequences=sequences,
        supervised=sum(one.answer for one in members),
        longest=longest,
        examples=len(members),
    )
