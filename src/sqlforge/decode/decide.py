"""From what a model wrote to what is answered: the vote, the confidence, the refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlforge.core.decoding import Decoding
from sqlforge.core.environment import usable_cores
from sqlforge.core.errors import UserError
from sqlforge.core.records import Database, Example, Prediction
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.decode.abstain import Calibration, calibrate
from sqlforge.decode.vote import Candidate, Choice, only, vote
from sqlforge.score.judge import judge

Progress = Callable[[int, int], None]
_MOST_WORKERS = 16


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer and why it is the one; ``confidence`` is ``None`` where nobody asked for it."""

    prediction: Prediction
    choice: Choice
    confidence: float | None = None


def check_constrainable(decoding: Decoding, databases: Mapping[str, Database]) -> None:
    """Fail before a model is loaded where the constraint does not know a database's SQL.

    Raises:
        UserError: a schema of another dialect than SQLite's is to be constrained.
    """
    if decoding.constrain == "none":
        return
    for database in databases.values():
        dialect = database.schema.dialect
        if dialect != "sqlite":
            raise UserError(
                f"the schema constraint for '{database.db_id}', a database of {dialect}",
                "a database of SQLite, whose SELECT the constraint knows",
                "leave the constraint out",
            )


def chosen(
    examples: Sequence[Example],
    candidates: Sequence[Sequence[Candidate]],
    databases: Mapping[str, Database],
    decoding: Decoding,
    limits: Limits,
    progress: Progress | None = None,
) -> list[Choice]:
    """The choice for each example; nothing is executed unless ``decoding`` asks for a vote.

    Args:
        examples: their golds are not looked at.
        candidates: of each example, in their order.
        databases: by ``db_id``.
        limits: what one query may use; what needs more is dropped.
        progress: called with (done, total) while the vote goes on.
    """
    if not decoding.vote:
        return [only(candidate) for (candidate,) in candidates]
    asked = [(databases[e.db_id], c) for e, c in zip(examples, candidates, strict=True)]
    workers = min(_MOST_WORKERS, usable_cores())
    with Sandbox(limits, workers=workers) as sandbox:
        prefer = decoding.prefer_non_empty
        return list(vote(asked, sandbox, prefer_non_empty=prefer, progress=progress))


def decide(
    examples: Sequence[Example],
    choices: Sequence[Choice],
    refuse_below: float | None = None,
    calibration: Calibration | None = None,
) -> Iterator[Decided]:
    """The answers, refused where a calibration says that they are less likely right than asked.

    Raises ``ValueError`` for a threshold without a calibration.
    """
    if refuse_below is not None and calibration is None:
        raise ValueError("refusing needs a calibration")
    for example, choice in zip(examples, choices, strict=True):
        confidence = None if calibration is None else calibration.confidence(choice)
        refused = confidence is not None and refuse_below is not None and confidence < refuse_below
        sql = "" if refused else choice.candidate.sql
        prediction = Prediction(example.id, sql, choice.candidate.text, refused)
        yield Decided(prediction, choice, confidence)


def calibrated_on(
    examples: Sequence[Example],
    choices: Sequence[Choice],
    databases: Mapping[str, Database],
    limits: Limits,
    circumstances: Mapping[str, Any],
) -> Calibration:
    """A calibration from questions with golds: an answer is right if it gives the gold's rows.

    Raises:
        DataError: too few right or wrong answers.
        GoldError: a gold fails.
    """
    with Sandbox(limits) as sandbox:
        predictions = [d.prediction for d in decide(examples, choices)]
        verdicts = judge(examples, predictions, databases, sandbox, match="internal")
    executed = [i for i, verdict in enumerate(verdicts) if verdict.execution is not None]
    return calibrate(
        [choices[i] for i in executed],
        [verdicts[i].execution is True for i in executed],
        [examples[i].db_id for i in executed],
        circumstances,
    )


def circumstances(decoding: Decoding, prompt_version: str) -> dict[str, Any]:
    """What the scores behind a confidence depend on, beside the model."""
    facts = decoding.facts()
    kept = "constrain join_on_keys linked_literals samples temperature prefer_non_empty".split()
    return {**{name: facts[name] for name in kept}, "prompt_version": prompt_version}


def answer_details(
    decided: Sequence[Decided], decoding: Decoding, *, details: bool
) -> Iterator[dict[str, Any]]:
    """Answers as rows of a file: id, sql and text, ``refused`` where so, and what was found.

    Where the vote put results without rows last, every row says so.

    ``details`` adds the log-probability of the text and its tokens, where there was a vote how it
    ended, and the confidence where there is one.
    """
    for answer in decided:
        prediction, choice = answer.prediction, answer.choice
        row: dict[str, Any] = {
            "id": prediction.id,
            "sql": prediction.sql,
            "text": prediction.text,
        }
        if prediction.refused:
            row["refused"] = True
        if decoding.prefer_non_empty:
            row["prefer_non_empty"] = True
        if details:
            row |= {"logprob": choice.candidate.logprob, "tokens": choice.candidate.tokens}
            if choice.ran is not None:
                told = asdict(choice)
                del told["candidate"]
                row |= told
            if answer.confidence is not None:
                row["confidence"] = answer.confidence
        yield row


def counted(decided: Sequence[Decided]) -> dict[str, int]:
    """How many answers were refused, and, after a vote, of how many nothing ran or was empty."""
    counts = {"refused": sum(d.prediction.refused for d in decided)}
    if any(d.choice.ran is not None for d in decided):
        counts["nothing_ran"] = sum(d.choice.ran is False for d in decided)
        counts["empty"] = sum(bool(d.choice.empty) for d in decided if d.choice.ran)
    return counts
