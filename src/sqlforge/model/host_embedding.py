"""The table of embeddings in the computer's memory while adapters are trained.

It is frozen, and a step reads a few thousand of its rows at most: with the next batch these go to
the card, and the table itself, 0.25 GiB of Mistral's, need not lie there.
"""

from __future__ import annotations

import gc
import logging
from typing import Any

import torch
from transformers import TrainerCallback

from sqlforge.model.batches import Collator
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.settings import TrainSettings

_log = logging.getLogger(__name__)


class HostEmbedding(TrainerCallback):
    """Takes the table off the card once ``Trainer`` has placed the model; see :meth:`give_back`."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._table: torch.nn.Parameter = model.get_input_embeddings().weight
        self._place = self._table.device

    def collated(self, collate: Collator) -> Collator:
        """Batches with the rows they read: ``rows``, each once, and ``row_ids`` among them."""

        def more(packs: list[Any]) -> dict[str, Any]:
            batch = collate(packs)
            ids, places = batch["input_ids"].unique(return_inverse=True)
            return batch | {
                "rows": self._table.detach()[ids.to(self._table.device)],
                "row_ids": places,
            }

        return more

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move it."""
        self._move(torch.device("cpu"))

    def give_back(self) -> None:
        """Put the table where it was, if there is room: after a shortage there may be none."""
        try:
            self._move(self._place)
        except torch.OutOfMemoryError:
            _log.warning("the table of embeddings stays in the computer's memory: no room is left")

    def _move(self, place: torch.device) -> None:
        if self._table.device != place:
            self._table.data = self._table.data.to(place)
            gc.collect()
            torch.cuda.empty_cache()


def choose_embedding(
    model: Any, fused: FusedStep | None, settings: TrainSettings
) -> HostEmbedding | None:
    """Where the table goes to the host: asked for, and nothing else reads it there."""
    if settings.embedding == "card":
        return None
    reason = None
    if fused is None:
        reason = "transformers' layers look it up there"
    elif model.config.tie_word_embeddings:
        reason = "it is the output layer too"
    if reason is not None:
        _log.warning("the table of embeddings stays on the card: %s", reason)
        return None
    return HostEmbedding(model)
