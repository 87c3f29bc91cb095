"""Answers of the model as it is now, with their rewards, for reinforcement."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from sqlforge.core.records import Reward
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import constraint_for, mask_words
from sqlforge.decode.vocabulary import vocabulary_of
from sqlforge.decode.vote import Candidate
from sqlforge.model.engine import Completion, Engine, Request, Ticket
from sqlforge.model.reinforce_masks import masks_along

Judge = Callable[[Sequence[tuple[int, str]]], Sequence[Reward]]
"""Rewards of answers: the number of a question and a text of SQL each."""
_ROWS = 256


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is asked; prompts of the same ``key`` begin alike."""

    prompt: tuple[int, ...]
    key: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to a question: its ids with the end token, and what it is worth.

    ``logprob`` is the engine's, at temperature 1, of all ids together; ``cut`` says that the text
    did not end by itself.
    """

    question: int
    ids: tuple[int, ...]
    sql: str
    reward: Reward
    logprob: float
    cut: bool


class Sampler:
    """Draws answers by the generation engine; they are judged while others are still written.

    The engine stays on the model's own weights from one step to the next, so that what was
    captured for the card is captured once. Use it as a context manager.

    Args:
        model: in any mode; its attention is exchanged until the end.
        tokenizer: its own.
        questions: all that will be asked.
        judge: called from a thread of its own, once at a time.
        constrained: answers are held to the question's schema.
        max_new_tokens: where an answer that does not end is cut.
        rows: texts that run at once, fewer where memory says so.
        batch_tokens: bounds them times their length.
        temperature: of the samples.

    Raises:
        UserError: a prompt does not fit the model's window or the memory.
        ConstraintError: a schema cannot be constrained.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        questions: Sequence[Question],
        judge: Judge,
        *,
        constrained: bool,
        max_new_tokens: int,
        rows: int,
        batch_tokens: int,
        temperature: float,
    ) -> None:
        self._model, self._tokenizer, self._questions = model, tokenizer, questions
        self._judge, self._max_new_tokens = judge, max_new_tokens
        self._rows, self._batch_tokens = min(_ROWS, rows), batch_tokens
        self._temperature = temperature
        self._vocabulary = vocabulary_of(tokenizer) if constrained else None
        ends = tokenizer.eos_token_id
        self._end = ends[0] if isinstance(ends, list) else ends
        self._judges = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._weights = _places(model)
        self._engine = self._opened()

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the model its attention back; end the judges' thread."""
        self._judges.shutdown(wait=True, cancel_futures=True)
        self._engine.close()

    def prompt(self, question: int) -> tuple[int, ...]:
        """The ids that a question is asked by."""
        return self._questions[question].prompt

    def groups(self, numbers: Sequence[int], samples: int, key: str) -> list[list[Sample]]:
        """``samples`` answers to each question; the same ones for the same ``key`` and weights."""
        each = [
            (q, f"{key}/{place}/{n}") for place, q in enumerate(numbers) for n in range(samples)
        ]
        found = iter(self._written(each, self._temperature))
        return [[next(found) for _ in range(samples)] for _ in numbers]

    def greedy(
        self, numbers: Sequence[int], progress: Callable[[int, int], None] | None = None
    ) -> list[Sample]:
        """The likeliest answer to each question."""
        return self._written([(number, "") for number in numbers], 0.0, progress)

    def masks(self, samples: Sequence[Sample]) -> torch.Tensor | None:
        """What was allowed along each sample; ``None`` where everything was."""
        if self._vocabulary is None:
            return None
        cursors = [self._cursor(sample.question) for sample in samples]
        # What was stuck at once has an end token that nobody chose.
        texts = [() if s.cut and s.ids == (self._end,) else s.ids for s in samples]
        found = masks_along(cursors, texts, mask_words(self._vocabulary))
        missing = max(len(s.ids) for s in samples) - found.shape[1]
        return torch.nn.functional.pad(found, (0, 0, 0, missing), value=-1)

    def _written(
        self,
        asked: Sequence[tuple[int, str]],
        temperature: float,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Sample]:
        """Answers to questions, each drawn from the text beside its number."""
        completions: dict[int, Completion] = {}
        judging = _Judging(self._judge, self._judges)
        with evaluating(self._model):
            self._follow_weights()
            tickets = {
                place: self._engine.submit(self._request(number, temperature, key))
                for place, (number, key) in enumerate(asked)
            }
            for place, done in _finished(self._engine, tickets):
                completions[place] = done
                judging.add((asked[place][0], self._sql(done)))
                if progress:
                    progress(len(completions), len(asked))
        rewards = judging.all()
        return [
            self._sample(number, completions[place], rewards)
            for place, (number, _) in enumerate(asked)
        ]

    def _follow_weights(self) -> None:
        """Forget what earlier weights left, all of it where the weights are held elsewhere now."""
        self._engine.forget()
        if (places := _places(self._model)) != self._weights:
            self._engine.close()
            self._weights, self._engine = places, self._opened()

    def _opened(self) -> Engine:
        with evaluating(self._model):
            return Engine(
                self._model,
                self._tokenizer,
                rows=self._rows,
                width=max(len(q.prompt) for q in self._questions) + self._max_new_tokens,
                batch_tokens=self._batch_tokens,
                stop_at_semicolon=self._vocabulary is not None,  # nothing else may follow it
            )

    def _request(self, number: int, temperature: float, key: str) -> Request:
        question = self._questions[number]
        return Request(
            question.prompt,
            self._max_new_tokens,
            question.key,
            temperature,
            zlib.crc32(key.encode()),
            self._cursor(number),
        )

    def _cursor(self, number: int) -> Any:
        if self._vocabulary is None:
            return None
        schema = self._questions[number].schema
        return constraint_for(schema, self._vocabulary).start(self._max_new_tokens)

    def _sql(self, done: Completion) -> str:
        made = Candidate.of if self._vocabulary is None else Candidate.query
        return made(done.text, done.logprob, done.tokens).sql

    def _sample(
        self, number: int, done: Completion, rewards: dict[tuple[int, str], Reward]
    ) -> Sample:
        sql, ids = self._sql(done), done.ids
        cut = done.finish != "stop"
        if done.tokens > len(ids) or not ids:
            ids = (*ids, self._end)
        # An unfinished text is worth nothing, even where its beginning happens to run.
        reward = Reward(0.0) if cut else rewards[number, sql]
        return Sample(number, ids, sql, reward, done.logprob, cut)


class _Judging:
    """Judges what has been added, in a thread, as soon as the thread is free; each text once."""

    def __init__(self, judge: Judge, thread: ThreadPoolExecutor) -> None:
        self._judge, self._thread = judge, thread
        self._seen: set[tuple[int, str]] = set()
        self._waiting: list[tuple[int, str]] = []
        self._running: Future[None] | None = None
        self._found: dict[tuple[int, str], Reward] = {}

    def add(self, answer: tuple[int, str]) -> None:
        """Have an answer judged."""
        if answer not in self._seen:
            self._seen.add(answer)
            self._waiting.append(answer)
        if self._running is None or self._running.done():
            self._begin()

    def all(self) -> dict[tuple[int, str], Reward]:
        """Wait for all rewards."""
        self._begin()
        if self._running is not None:
            self._running.result()
        return self._found

    def _begin(self) -> None:
        if self._running is not None:
            self._running.result()
        some, self._waiting = self._waiting, []
        if some:
            self._running = self._thread.submit(self._some, some)

    def _some(self, answers: Sequence[tuple[int, str]]) -> None:
        # Of one question together: its database is opened once.
        ordered = sorted(answers)
        self._found |= dict(zip(ordered, self._judge(ordered), strict=True))


def _places(model: Any) -> tuple[int, ...]:
    """Where the weights lie; what was captured for a card reads them there."""
    return tuple(parameter.data_ptr() for parameter in model.parameters())


def with_signal(group: Sequence[Sample]) -> bool:
    """Whether a group's rewards differ, without which it teaches nothing."""
    return len({sample.reward.value for sample in group}) > 1


def other_questions(known: Sequence[int], avoid: set[int], wanted: int, key: str) -> list[int]:
    """As many of the ``known`` questions as wanted and there are beside those in ``avoid``.

    >>> sorted(other_questions((0, 1, 2, 3), {0, 2}, 3, "seed"))
    [1, 3]
    """
    rest = [number for number in known if number not in avoid]
    return random.Random(key).sample(rest, min(wanted, len(rest)))


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Evaluation mode, and training mode again if that was on."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _finished(engine: Engine, tickets: dict[int, Ticket]) -> Iterator[tuple[int, Completion]]:
    open_ones = dict(tickets)
    while open_ones:
        engine.step()
        for place in [place for place, ticket in open_ones.items() if ticket.done]:
            yield place, open_ones.pop(place).result()
