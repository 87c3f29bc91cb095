"""The schema constraint inside vLLM: a logits processor of its V1 engine.

vLLM tells it which requests sit in which rows of the batch; a request that brings a schema has a
cursor, and the masks of all cursors are made by native threads in one call, begun before the
forward pass and waited for after it. Named to vLLM as
``sqlforge.model.vllm_constraint:SchemaMask``; this module needs vLLM.

Where the engine reports ``processed_logits``, rows are normalised here, so that what it reports of
a token taken is its log-probability under the mask, divided by the temperature that comes after.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from sqlforge.core.errors import UserError
from sqlforge.decode.constrain import Cursor, advance_and_fill, constraint_for, mask_words
from sqlforge.model.schema_argument import (
    JOIN_ON_KEYS,
    SCHEMA,
    VALUES,
    schema_of_argument,
    values_of_argument,
    vocabulary_at,
)


@dataclass(slots=True)
class _Row:
    """One request under way; ``output`` is vLLM's own growing list of what was written."""

    cursor: Cursor
    output: list[int]
    taken: int = 0

    def next_token(self) -> int:
        """The first token that the cursor has not seen, or -1; vLLM's gaps are -1 too."""
        if self.cursor.finished or self.taken >= len(self.output):
            return -1
        return self.output[self.taken]


class SchemaMask(LogitsProcessor):  # type: ignore[misc]  # vLLM is another environment's
    """Allows each request with a schema only what :mod:`sqlforge.decode.constrain` allows."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuse a request whose schema cannot be read, before it is queued."""
        told = sampling_params.extra_args or {}
        if SCHEMA in told:
            try:
                schema_of_argument(told[SCHEMA])
                values_of_argument(told.get(VALUES))
            except UserError as fault:
                raise ValueError(str(fault)) from fault

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._location = vllm_config.model_config.tokenizer
        self._normalises = vllm_config.model_config.logprobs_mode == "processed_logits"
        self._most = vllm_config.scheduler_config.max_num_seqs
        self._device, self._pinned = device, is_pin_memory
        self._rows: dict[int, _Row] = {}
        self._masks: torch.Tensor | None = None
        self._thread = ThreadPoolExecutor(1, "masks")
        self._filling: Future[None] | None = None
        self._bits = (torch.ones(32, dtype=torch.int64) << torch.arange(32)).to(torch.int32)
        self._bits = self._bits.to(device)

    def is_argmax_invariant(self) -> bool:
        """A mask changes what is most probable."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the batch's changes and begin with the masks of the next tokens."""
        self._wait()
        if batch_update is not None:
            for index in batch_update.removed:
                self._rows.pop(index, None)
            for index, params, _, output in batch_update.added:
                self._add(index, params, output)
            for source, target, direction in batch_update.moved:
                self._move(source, target, direction)
        if self._rows:
            self._filling = self._thread.submit(self._fill)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """``[requests, vocabulary]``, with what may not come next at minus infinity."""
        self._wait()
        if self._rows:
            if any(row.next_token() >= 0 for row in self._rows.values()):
                self._fill()  # tokens that were not known yet before the forward pass
            self._mask(logits)
        return logits.log_softmax(dim=-1) if self._normalises else logits

    def _add(self, index: int, params: Any, output: list[int]) -> None:
        self._rows.pop(index, None)
        told = params.extra_args or {}
        if SCHEMA not in told:
            return
        vocabulary = vocabulary_at(self._location)
        constraint = constraint_for(
            schema_of_argument(told[SCHEMA]),
            vocabulary,
            join_on_keys=told.get(JOIN_ON_KEYS) == "true",
        )
        values = values_of_argument(told.get(VALUES))
        self._rows[index] = _Row(constraint.start(params.max_tokens, values), output)
        if self._masks is None:
            shape = (self._most, mask_words(vocabulary))
            self._masks = torch.zeros(shape, dtype=torch.int32, pin_memory=self._pinned)

    def _move(self, source: int, target: int, direction: MoveDirectionality) -> None:
        moved, there = self._rows.pop(source, None), self._rows.pop(target, None)
        if moved is not None:
            self._rows[target] = moved
        if there is not None and direction == MoveDirectionality.SWAP:
            self._rows[source] = there

    def _fill(self) -> None:
        """Bring every cursor up to what was written, then make the masks of all."""
        rows = list(self._rows.values())
        assert self._masks is not None
        while True:
            tokens = [row.next_token() for row in rows]
            for row, token in zip(rows, tokens, strict=True):
                row.taken += token >= 0
            behind = any(row.next_token() >= 0 for row in rows)
            if not behind:
                break
            for row, token in zip(rows, tokens, strict=True):  # a request that was put back
                if token >= 0:
                    row.cursor.advance(token)
        unended = [None if row.cursor.finished else row.cursor for row in rows]
        advance_and_fill(unended, tokens, self._masks.numpy())

    def _mask(self, logits: torch.Tensor) -> None:
        assert self._masks is not None
        # One that has ended is still in the batch where the engine runs a step ahead.
        places = [p for p, row in enumerate(self._rows.values()) if not row.cursor.finished]
        indices = torch.tensor(list(self._rows))[places].to(self._device)
        words = self._masks[places].to(self._device, non_blocking=True)
        forbidden = (words.unsqueeze(-1) & self._bits).eq(0).flatten(1)
        width = min(forbidden.shape[1], logits.shape[1])
        part = logits[indices]
        part[:, :width].masked_fill_(forbidden[:, :width], -torch.inf)
        part[:, width:] = -torch.inf
        logits[indices] = part

    def _wait(self) -> None:
        if self._filling is not None:
            filling, self._filling = self._filling, None
            filling.result()
