"""Supervised fine-tuning on packs.

transformers' ``Trainer`` keeps the loop, the optimizer, trackers and checkpoints; this module adds
packed batches, logits at supervised positions only, a loss normalised over the supervised tokens
of the whole accumulation window, and checkpoints that survive SIGKILL at any moment.
"""

from __future__ import annotations

import gc
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback

from sqlforge.core.errors import TrainingError
from sqlforge.model.across import Across, divisor, draw_anew, own_share
from sqlforge.model.adapt import save_adapter
from sqlforge.model.averages import Average, average_of
from sqlforge.model.batches import Ahead, Collator, choose_attention
from sqlforge.model.checkpoints import last_checkpoint, step_of, whole_or_none
from sqlforge.model.compiled import compiled_layers
from sqlforge.model.distributed import ALONE, Processes
from sqlforge.model.fused.captured import CapturedStep, choose_graphs
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.fused.whole import choose
from sqlforge.model.halve import halves, pieces_of
from sqlforge.model.host_embedding import choose_embedding
from sqlforge.model.lean import LeanTrainer, few_walks
from sqlforge.model.learning_rates import give_embeddings
from sqlforge.model.pack import Pack
from sqlforge.model.pieces import take_apart
from sqlforge.model.plain_loss import supervised_loss
from sqlforge.model.prompt_loss import weight_of
from sqlforge.model.settings import (
    RecomputeFirst,
    TrainSettings,
    arguments,
    optimizer_of,
    tracker_callbacks,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """What a finished run did; ``resumed_from`` is the step of the checkpoint it went on from."""

    steps: int
    final_loss: float
    resumed_from: int


def train(
    model: Any,
    packs: Sequence[Pack],
    settings: TrainSettings,
    checkpoints: Path,
    callbacks: Sequence[TrainerCallback] = (),
    on_resume: Callable[[int], None] | None = None,
    processes: Processes = ALONE,
) -> TrainSummary:
    """Train ``model`` in place on ``packs`` in their order, once.

    Goes on from the last whole checkpoint in ``checkpoints``, if there is one, and then ends with
    the same losses as a run that was never cut off. Where several ``processes`` are connected, each
    calls this with the same arguments; steps are those of one process, and the first one writes.

    Raises:
        TrainingError: loss or gradient are not finite, a step has nothing to learn from, or a
            single example does not fit the card.
        RecipeError: a tracker is unknown or its package is not installed.
        StorageError: a checkpoint cannot be written; earlier ones are kept.
    """
    # The first looks, since it removes what is broken on the way.
    found = processes.told(lambda: str(last_checkpoint(checkpoints) or ""))
    last = Path(found) if found else None
    resumed_from = step_of(last) if last else 0
    collator = choose_attention(model, autocast_bf16=settings.autocast_bf16)
    if on_resume:
        on_resume(resumed_from)
    average = average_of(model, settings, last)
    fused = choose(model, settings)
    if (table := choose_embedding(model, fused, settings)) is not None:
        collator, callbacks = table.collated(collator), [*callbacks, table]
    step, collator = choose_graphs(fused, model, settings, collator, processes.size)
    own, share = own_share(packs, settings, processes)
    trainer = _PackTrainer(
        in_pieces=take_apart(model, settings, processes, fused) is not None,
        fused=step,
        processes=processes,
        average=average,
        model=model,
        args=arguments(share, checkpoints),
        collate=collator,
        train_dataset=Ahead(own, collator, settings.accumulation),
        data_collator=lambda batches: batches[0],
        optimizer_cls_and_kwargs=optimizer_of(settings),
        callbacks=[*callbacks, *tracker_callbacks(settings.trackers if processes.first else ())],
    )
    if (rate := settings.embedding_learning_rate) is not None:
        give_embeddings(rate, model, trainer.create_optimizer())
    if average is not None:
        trainer.add_callback(average)
    if not isinstance(settings.gradient_checkpointing, bool):
        trainer.add_callback(RecomputeFirst(settings.gradient_checkpointing))
    trainer.remove_callback(PrinterCallback)
    try:
        with few_walks(model), compiled_layers(model, settings):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
    except torch.OutOfMemoryError as fault:
        reason = " ".join(str(fault).split())[:120]
        raise TrainingError(
            f"no memory is left on the card ({reason}); the last checkpoint is kept: "
            "'sqlforge plan' says what fits"
        ) from fault
    finally:
        if table is not None:
            table.give_back()
    if average is not None:
        average.put_into_model()
    logged = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return TrainSummary(trainer.state.global_step, logged[-1] if logged else 0.0, resumed_from)


class _PackTrainer(LeanTrainer):
    """``Trainer`` on packs; see the module's docstring for what differs."""

    def __init__(
        self,
        fused: FusedStep | CapturedStep | None,
        collate: Collator,
        average: Average | None,
        processes: Processes,
        in_pieces: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._fused, self._collate, self._ahead = fused, collate, options["train_dataset"]
        self._processes, self._in_pieces = processes, in_pieces
        self._across = Across(processes, self._trained) if processes.size > 1 else None
        if self._across:
            self.add_callback(self._across)
        self._average = average
        # The loss below is divided by the window's tokens already; say so to the accumulation.
        self.model_accepts_loss_kwargs = True
        # One process drives one device; DataParallel would split a pack's only row.
        self.args._n_gpu = min(1, self.args.n_gpu)
        self._most_tokens = sys.maxsize  # of a micro-batch; less once memory was short
        self._behind: list[Pack] = []  # packs of the window whose gradients are there

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        packs: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(packs)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor]:
        """The window's packs and how many of their tokens are supervised."""
        window = [batch for _, batch in zip(range(num_batches), epoch_iterator, strict=False)]
        supervised = sum(weight_of(batch) for batch in window if batch["pack"].examples)
        self._behind = []
        if self._across:
            supervised = self._across.begin(len(window), supervised)
        elif window:
            self.check_supervised(supervised)
        return window, torch.tensor(supervised, device=device)

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Forward and backward pass of a pack; in halves, from then on, if memory is short.

        What a pass that failed has left of gradients cannot be told from what was there, so the
        window's earlier packs are gone through again.
        """
        pack = inputs["pack"]
        first = self.state.global_step * self.args.gradient_accumulation_steps
        draw_anew(self.args.seed, first + len(self._behind), self._processes)
        pieces = pieces_of(pack, self._most_tokens)
        given: Iterable[Any] = [inputs] if len(pieces) == 1 else map(self._collated, pieces)
        loss = self._tried(model, given, divisor(pack, num_items_in_batch))
        while loss is None:
            self._halve(pieces)
            model.zero_grad()
            pieces = pieces_of(pack, self._most_tokens)
            for number, one in enumerate((*self._behind, pack), start=first):
                draw_anew(self.args.seed, number, self._processes)
                given = map(self._collated, pieces_of(one, self._most_tokens))
                loss = self._tried(model, given, divisor(one, num_items_in_batch))
                if loss is None:
                    break
        self._behind.append(pack)
        self._ahead.begin()
        return self._joined(loss) if self._across else loss

    def _joined(self, loss: torch.Tensor) -> torch.Tensor:
        """The whole step's loss once this process's packs are through; 0 before."""
        assert self._across is not None
        if not self._across.add(loss):
            return torch.zeros_like(loss)
        total, supervised = self._across.end()
        self.check_supervised(supervised)
        self.watch(total)
        return total

    def _tried(
        self, model: Any, batches: Iterable[dict[str, Any]], num_items_in_batch: Any
    ) -> torch.Tensor | None:
        """The batches' loss together; ``None`` if memory was short on the way."""
        total = torch.zeros((), device=self.args.device)
        try:
            for batch in batches:
                total = total + super().training_step(model, batch, num_items_in_batch)
        except torch.OutOfMemoryError:
            pass  # its tensors go with the exception, at the end of this block
        else:
            return total
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _halve(self, pieces: Sequence[Pack]) -> None:
        """Allow micro-batches half as long as the longest that was tried."""
        longest = max(pieces, key=len)
        if self._in_pieces:  # all processes go through layers as often as each other
            raise TrainingError(
                f"no memory is left on a card for a micro-batch of {len(longest)} tokens; lower "
                "train.pack_tokens, and raise train.accumulation as much"
            )
        if halves(longest) is None:
            raise TrainingError(
                f"one example of {len(longest)} tokens does not fit the card; "
                "lower prompt.max_tokens, or see 'sqlforge plan' for what fits"
            )
        self._most_tokens = len(longest) // 2
        _log.warning(
            "step %d: no memory for a micro-batch of %d tokens; from here on they are split, "
            "to at most %d where examples are that short; steps stay the same",
            self.state.global_step + 1,
            len(longest),
            self._most_tokens,
        )

    def _collated(self, pack: Pack) -> dict[str, Any]:
        return self._collate([pack])

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Summed cross-entropy at supervised positions over the window's supervised tokens."""
        summed = self._fused.loss if self._fused else partial(supervised_loss, model)
        loss = summed(inputs) / num_items_in_batch
        if not self._across:  # else the whole step's, so that all processes end alike
            self.watch(loss)
        return (loss, None) if return_outputs else loss

    def not_finite(self, what: str) -> TrainingError:
        """The error for numbers gone wrong; a checkpoint that led straight to them is removed."""
        if self._processes.first:
            shutil.rmtree(self._checkpoint_folder(), ignore_errors=True)
        return TrainingError(
            f"{what}; the last good checkpoint is kept: lower train.learning_rate and start again"
        )

    def _checkpoint_folder(self) -> Path:
        return Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights as safetensors; what else a checkpoint needs, ``Trainer`` adds."""
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        model: Any = self.model
        if isinstance(model, PeftModel):
            save_adapter(model, folder)
        else:
            model.save_pretrained(folder)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if not self._processes.first:
            return
        with whole_or_none(folder := self._checkpoint_folder()):
            super()._save_checkpoint(model, trial)
            if self._average is not None:
                self._average.save(folder)
