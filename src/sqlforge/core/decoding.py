"""How answers are decoded: which engine, under which constraint, of how many samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlforge.core.errors import UserError

EngineName = Literal["transformers", "vllm"]
Constrain = Literal["none", "schema"]
SAMPLED_AT = 1.0
"""The temperature of samples to vote over where none is named: the model as it is."""

CALIBRATED_ON = 40
"""Answers with known golds that a calibration of refusals needs at least."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """What is asked for beside the model and the questions.

    ``samples`` answers are written to each question and the vote chooses one of them
    (:mod:`sqlforge.decode.vote`): the greedy one and ``samples - 1`` drawn at ``temperature``
    from ``seed``. A single one is greedy, unless ``temperature`` says otherwise. With
    ``prefer_non_empty`` results without rows come last in the vote. Answers less likely to be
    right than ``refuse_below`` are refused (:mod:`sqlforge.decode.abstain`). The constraint may
    hold joins to the schema's keys (``join_on_keys``) and the literals beside text columns to the
    values that the question names (``linked_literals``, where it names any).

    Raises :class:`UserError` for what contradicts itself or would not count.

    >>> Decoding(samples=8, vote=True).temperatures
    (0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    >>> Decoding(vote=True)
    Traceback (most recent call last):
    sqlforge.core.errors.UserError: Got a vote over one sample, expected at least two to choose
    from: say samples 8, or leave the vote out.
    """

    engine: EngineName = "transformers"
    constrain: Constrain = "none"
    samples: int = 1
    vote: bool = False
    temperature: float | None = None
    seed: int = 0
    prefer_non_empty: bool = False
    refuse_below: float | None = None
    join_on_keys: bool = False
    linked_literals: bool = False

    def __post_init__(self) -> None:
        fault = _sampling_fault(self) or _choice_fault(self)
        if fault is not None:
            raise UserError(*fault)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Of each answer to one question; 0 is greedy."""
        if not self.vote:
            return (self.temperature or 0.0,)
        drawn = SAMPLED_AT if self.temperature is None else self.temperature
        return (0.0, *[drawn] * (self.samples - 1))

    def facts(self) -> dict[str, Any]:
        """What results say of it; ``temperature`` is the one that was in force."""
        return {**asdict(self), "temperature": self.temperatures[-1]}


_Fault = tuple[str, str, str]


def _sampling_fault(asked: Decoding) -> _Fault | None:
    if asked.samples < 1:
        return f"{asked.samples} samples", "one at least", "leave samples out"
    if asked.temperature is None:
        return None
    if not 0 <= asked.temperature <= 10:
        return f"the temperature {asked.temperature:g}", "0 to 10", "take 1: the model as it is"
    if asked.vote and asked.temperature == 0:
        return (
            "samples to vote over at temperature 0",
            "more than 0, for at 0 all of them are the greedy answer",
            "raise the temperature, or leave it out",
        )
    return None


def _choice_fault(asked: Decoding) -> _Fault | None:
    if asked.vote and asked.samples < 2:
        return (
            "a vote over one sample",
            "at least two to choose from",
            "say samples 8, or leave the vote out",
        )
    if asked.samples > 1 and not asked.vote:
        return (
            f"{asked.samples} samples without a vote",
            "one sample, or a vote that chooses among them",
            "add the vote, or leave the samples out",
        )
    if asked.prefer_non_empty and not asked.vote:
        return (
            "results with rows preferred without a vote",
            "samples and a vote that has something to prefer",
            "add them, or leave it out",
        )
    if asked.refuse_below is not None and not 0 < asked.refuse_below <= 1:
        return (
            f"{asked.refuse_below:g} as the least probability of an answer",
            "more than 0 and at most 1",
            "take 0.5 to refuse what is more likely wrong than right",
        )
    if (asked.join_on_keys or asked.linked_literals) and asked.constrain != "schema":
        return (
            "joins or literals held to the schema and its values without a constraint",
            "constrain schema, which can hold them",
            "add the constraint, or leave them out",
        )
    return None


GREEDY = Decoding()
"""One answer, the most probable token at each step."""
