"""Reinforcement of a trained model: sampled answers, executed, decide what becomes likelier.

GRPO by TRL's trainer (:mod:`sqlforge.model.reinforce_trainer`) on samples of our own engine
(:mod:`sqlforge.model.reinforce_sampling`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from sqlforge.core.errors import TrainingError, UserError
from sqlforge.model.checkpoints import last_checkpoint, step_of
from sqlforge.model.reinforce_log import ReinforceLog
from sqlforge.model.reinforce_sampling import Judge, Question, Sampler
from sqlforge.model.settings import tracker_callbacks

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ReinforceSettings:
    """Plain values of one run; see :class:`sqlforge.core.config_reinforce.ReinforcePart`."""

    steps: int
    questions: int
    samples: int
    trial: int
    temperature: float
    max_new_tokens: int
    constrained: bool
    redraws: int
    loss: str
    clip: float
    clip_high: float | None
    kl: float
    updates: int
    learning_rate: float
    warmup_share: float
    weight_decay: float
    max_grad_norm: float
    update_tokens: int
    batch_tokens: int
    checkpoint_steps: int
    gradient_checkpointing: bool
    autocast_bf16: bool
    cpu: bool
    seed: int
    trackers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """How many of ``n`` training questions the model answers rightly, greedily."""

    right: int
    n: int


def reinforce(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    usable: Sequence[int],
    judge: Judge,
    settings: ReinforceSettings,
    checkpoints: Path,
    log: ReinforceLog,
    progress: Callable[[str], Progress],
) -> tuple[Tried, Tried]:
    """Reinforce ``model`` in place; how it answered the trial's questions before and after.

    Goes on from the last whole checkpoint in ``checkpoints``, if there is one, with the same
    samples and updates as a run that was never cut off. Trainable weights become fp32, and those of
    a whole model updated under bf16 autocast are rounded to bf16 in the end.

    Args:
        model: as it was trained, adapted or not.
        tokenizer: its own.
        questions: all of them.
        usable: the numbers of those that can be judged, in the order in which they are dealt, again
            and again; the last ``settings.trial`` are only tried where there are enough others.
        judge: rewards of answers to questions by number, called from a thread of its own.
        settings: of the run.
        checkpoints: where it writes.
        log: told of every update.
        progress: makes a callback for a named piece of long work.

    Raises:
        UserError: TRL is not installed, or a prompt does not fit.
        RecipeError: a tracker is unknown or its package is not installed.
        TrainingError: loss or gradient are not finite, or the card's memory is short.
        StorageError: a checkpoint cannot be written; earlier ones are kept.
    """
    trainer_of = _trainer()
    for parameter in model.parameters():
        if parameter.requires_grad:  # in bf16 most steps of this size would be rounded away
            parameter.data = parameter.data.float()
    trial = usable[len(usable) - min(settings.trial, len(usable)) :]
    rest = usable[: -len(trial) or None]
    known = rest if len(rest) >= settings.questions else usable
    last = last_checkpoint(checkpoints)
    with Sampler(
        model,
        tokenizer,
        questions,
        judge,
        constrained=settings.constrained,
        max_new_tokens=settings.max_new_tokens,
        rows=max(settings.questions * settings.samples, len(trial)),
        batch_tokens=settings.batch_tokens,
        temperature=settings.temperature,
    ) as sampler:
        trainer = trainer_of(
            model,
            tokenizer,
            sampler,
            known,
            settings,
            checkpoints,
            callbacks=[log, *tracker_callbacks(settings.trackers)],
        )
        before = _tried(sampler, trial, progress("answers before"))
        log.resume(step_of(last) if last else 0)
        try:
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        except torch.OutOfMemoryError as fault:
            reason = " ".join(str(fault).split())[:120]
            raise TrainingError(
                f"no memory is left on the card ({reason}); the last checkpoint is kept: "
                "lower reinforce.update_tokens or reinforce.batch_tokens"
            ) from fault
        finally:
            log.close()
        if settings.autocast_bf16:  # a whole model, which is kept in 16 bit
            for parameter in model.parameters():
                parameter.data.copy_(parameter.data.bfloat16())
        return before, _tried(sampler, trial, progress("answers after"))


def save_policy(model: Any, folder: Path) -> None:
    """Write the model's adapter, without a reference's copy of it, or all of a model without one.

    Raises:
        OSError, SafetensorError: the folder cannot be written.
    """
    if isinstance(model, PeftModel):
        model.save_pretrained(
            str(folder), save_embedding_layers=False, selected_adapters=["default"]
        )
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty form
    else:
        model.save_pretrained(folder)


def _tried(sampler: Sampler, trial: Sequence[int], progress: Progress) -> Tried:
    if not trial:
        return Tried(0, 0)
    answers = sampler.greedy(trial, progress)
    return Tried(sum(answer.reward.right for answer in answers), len(answers))


def _trainer() -> Any:
    try:
        from sqlforge.model.reinforce_trainer import MaskedTrainer
    except ModuleNotFoundError as missing:
        if missing.name not in ("trl", "datasets"):
            raise
        raise UserError(
            f"reinforcement without the package {missing.name}",
            "the extra 'reinforce'",
            "pip install 'sqlforge[reinforce]'",
        ) from missing
    return MaskedTrainer
