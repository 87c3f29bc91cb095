"""Training examples tokenised once, to Arrow files that are used again if nothing has changed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlforge.core.config import Recipe
from sqlforge.core.errors import RecipeError
from sqlforge.core.records import Database, Example
from sqlforge.prompt.augment.variants import Augmenter, Varied
from sqlforge.prompt.batch_encode import BatchEncoder
from sqlforge.prompt.encode import ChatTokenizer, Encoded, rendered_example
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import PROMPT_VERSION
from sqlforge.prompt.token_store import TokenRow, TokenStore, write_tokens

Progress = Callable[[int, int], None]
_CHUNK = 512  # examples encoded together
_LAYOUT = "1"  # of the Arrow files


@dataclass(frozen=True, slots=True)
class Tokenised:
    """The stores of all epochs (one and the same without augmentation), and what was left out.

    ``too_long`` counts examples of one epoch that ``prompt.max_tokens`` does not hold.
    """

    epochs: tuple[TokenStore, ...]
    too_long: int
    reused: bool


def tokenise(
    recipe: Recipe,
    folder: Path,
    tokenizer: ChatTokenizer,
    examples: Iterable[Example],
    databases: Mapping[str, Database],
    progress: Progress | None = None,
) -> Tokenised:
    """Encode ``examples`` for every epoch into Arrow files in ``folder``, or find them there.

    A file's name tells what it was made of: examples, schemas, database files, tokenizer, prompt
    and augmentation. Files of other make are removed. ``examples`` is gone through several times
    and may read them from a file each time.

    Raises:
        RecipeError: no example is short enough.
        StorageError: the disk is full or the folder cannot be written.
    """
    epochs = range(recipe.train.epochs if recipe.augment is not None else 1)
    counts = Counter(example.db_id for example in examples)
    make = fingerprint(recipe, tokenizer, examples, {db_id: databases[db_id] for db_id in counts})
    paths = [folder / f"train-{make[:20]}-{epoch}.arrow" for epoch in epochs]
    for other in folder.glob("train-*.arrow"):
        if other not in paths:
            other.unlink()
    missing = [epoch for epoch in epochs if not paths[epoch].is_file()]
    for done, epoch in enumerate(missing):
        told = _from(progress, done * counts.total(), len(missing) * counts.total())
        asking = Asking(recipe, tokenizer, databases, counts, epoch)
        write_tokens(paths[epoch], encode_rows(asking, examples, told))
    stores = [TokenStore(path) for path in paths]
    if not all(map(len, stores)):
        raise RecipeError(
            f"prompt.max_tokens {recipe.prompt.max_tokens}, which all {counts.total():,} training "
            "examples exceed",
            "a window that holds most of them",
            "raise prompt.max_tokens",
        )
    stores *= 1 if recipe.augment is not None else recipe.train.epochs
    return Tokenised(tuple(stores), counts.total() - len(stores[0]), reused=not missing)


def encode_rows(
    asking: Asking, examples: Iterable[Example], progress: Progress | None = None
) -> Iterator[TokenRow]:
    """Encode examples as ``asking`` asks them, leaving out those longer than the window.

    Texts are made in this thread while the tokenizer works on those before in another.
    """
    rest, done = iter(examples), 0
    waiting: tuple[Sequence[_Asked], Future[list[Encoded]]] | None = None
    with ThreadPoolExecutor(1) as tokenising:
        while True:
            asked = [asking.ask(example) for example in islice(rest, _CHUNK)]
            texts = [one.text for one in asked]
            begun = (asked, tokenising.submit(asking.encoder.encode, texts)) if asked else None
            if waiting is not None:
                yield from asking.short_enough(*waiting)
                done += len(waiting[0])
                if progress:
                    progress(done, asking.count)
            if begun is None:
                return
            waiting = begun


def fingerprint(
    recipe: Recipe,
    tokenizer: ChatTokenizer,
    examples: Iterable[Example],
    databases: Mapping[str, Database],
) -> str:
    """SHA-256 of everything that the ids of training examples depend on.

    Database files count by name, size and time of change.
    """
    digest = hashlib.sha256()

    def add(value: object) -> None:
        digest.update(json.dumps(value, default=str).encode("utf-8", "surrogatepass") + b"\n")

    add([_LAYOUT, PROMPT_VERSION, recipe.prompt.model_dump()])
    if recipe.augment is not None:
        add([recipe.augment.model_dump(), recipe.seed, recipe.train.questions_per_schema])
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    add(backend.to_str() if backend is not None else type(tokenizer).__qualname__)
    add([getattr(tokenizer, "chat_template", None), tokenizer.bos_token_id, tokenizer.eos_token_id])
    for db_id in sorted(databases):
        path = databases[db_id].path
        state = path.stat() if path is not None and path.is_file() else None
        add([db_id, repr(databases[db_id].schema), path.name if path is not None else None])
        add([state.st_size, state.st_mtime_ns] if state else None)
    for example in examples:
        add([example.id, example.db_id, example.question, example.sql])
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Asked:
    example: Example
    key: str
    text: tuple[str, str]


class Asking:
    """Makes the texts of one epoch's examples.

    Args:
        recipe: says how prompts look and how examples are varied.
        tokenizer: whose chat template is used.
        databases: by ``db_id``, at least those of the examples.
        counts: how many of the examples ask about each database.
        epoch: which of the recipe's epochs.
    """

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: ChatTokenizer,
        databases: Mapping[str, Database],
        counts: Counter[str],
        epoch: int,
    ) -> None:
        self._tokenizer, self._epoch = tokenizer, epoch
        self._most = recipe.prompt.max_tokens
        self._prompter = Prompter.of(recipe.prompt, databases)
        self.count = counts.total()
        self.encoder = BatchEncoder(tokenizer)
        self._augmenter: Augmenter | None = None
        if recipe.augment is not None:
            share = recipe.train.questions_per_schema
            self._augmenter = Augmenter(
                {db_id: databases[db_id] for db_id in counts},
                recipe.augment,
                recipe.seed,
                {db_id: -(-count // share) for db_id, count in counts.items()},
            )

    def ask(self, example: Example) -> _Asked:
        """The texts of one example."""
        if self._augmenter is None:
            return self._plain(example)
        links = self._prompter.links(example.db_id, example.question)
        return self._varied(example, self._augmenter.vary(example, links, self._epoch))

    def short_enough(
        self, asked: Sequence[_Asked], encoded: Future[list[Encoded]]
    ) -> Iterator[TokenRow]:
        """The examples that fit the window; one that its form made too long is asked plainly."""
        for one, ids in zip(asked, encoded.result(), strict=True):
            if len(ids) > self._most and self._augmenter is not None:
                one = self._plain(one.example)
                (ids,) = self.encoder.encode([one.text])
            if len(ids) <= self._most:
                yield TokenRow(one.example.id, one.key, ids)

    def _plain(self, example: Example) -> _Asked:
        conversation = self._prompter.ask(example.db_id, example.question, sql=example.sql)
        answer = self._prompter.answer(example.sql, self._prompter.schema(example.db_id))
        text = rendered_example(self._tokenizer, conversation, answer)
        return _Asked(example, self._key(example.db_id, example), text)

    def _varied(self, example: Example, varied: Varied) -> _Asked:
        conversation = self._prompter.ask_varied(varied)
        answer = self._prompter.answer(varied.example.sql, varied.variant.schema)
        text = rendered_example(self._tokenizer, conversation, answer)
        return _Asked(example, self._key(varied.variant.key, example), text)

    def _key(self, key: str, example: Example) -> str:
        return key if self._prompter.shares_schemas() else f"{key} for {example.id}"


def _from(progress: Progress | None, start: int, total: int) -> Progress | None:
    """Progress that goes on from ``start`` of ``total``."""
    return None if progress is None else lambda done, _: progress(start + done, total)
