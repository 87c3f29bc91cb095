"""Which texts have ended by themselves, and what came of those that end."""

from __future__ import annotations

from typing import Any

import numpy as np

from sqlforge.model.engine.request import Completion, Finish
from sqlforge.model.engine.statement import ends_statement
from sqlforge.model.engine.table import Job, Table


class Endings:
    """End tokens, and the semicolon that ends a SELECT where it is asked for.

    Args:
        model: for the number of its tokens.
        tokenizer: for its end and its tokens' texts.
        at_semicolon: whether a statement's end ends the text.
    """

    def __init__(self, model: Any, tokenizer: Any, *, at_semicolon: bool) -> None:
        self._tokenizer = tokenizer
        ends = tokenizer.eos_token_id
        self.ids = np.array(ends if isinstance(ends, list) else [ends])
        self._semicolons: np.ndarray | None = None
        if at_semicolon:
            vocabulary = model.get_input_embeddings().weight.shape[0]
            pieces = (tokenizer.decode([token]) for token in range(vocabulary))
            self._semicolons = np.fromiter((";" in piece for piece in pieces), dtype=bool)

    def stopped(self, table: Table, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Whether each of ``rows``, whose last token is in ``tokens``, has ended."""
        found = np.isin(tokens, self.ids)
        if self._semicolons is not None:
            for n in np.flatnonzero(self._semicolons[tokens] & ~found).tolist():
                written = table.written[rows[n], : table.count[rows[n]]].tolist()
                found[n] = ends_statement(self._tokenizer.decode(written))
        return found

    def completed(self, job: Job, finish: Finish) -> Completion:
        """What a job has written, the end token left out."""
        ids = job.written
        if ids and ids[-1] in self.ids:
            ids = ids[:-1]
        text = str(self._tokenizer.decode(ids)).strip()
        return Completion(tuple(ids), text, job.logprob, len(job.written), finish)
