"""Every error that SQLForge raises on purpose, in one tree.

::

    SqlforgeError
    ├── UserError             exit 2: the user can put it right; one sentence says how
    │   ├── RecipeError       a recipe key or value that is not understood
    │   ├── DataError         a data file that is missing, corrupt or malformed (file and line)
    │   │   └── MissingDataError  the files of a data set are not at hand
    │   ├── DatabaseError     a database that cannot be opened or read
    │   ├── ModelError        a base model, tokenizer or chat template that cannot be had
    │   ├── ConstraintError   a schema, budget or token that constrained decoding cannot take
    │   └── StorageError      the disk is full or a folder cannot be written
    ├── GoldError             a reference query that fails: the benchmark is broken, not the model
    └── TrainingError         training went wrong (NaN loss, nothing to learn from)

A *predicted* query that fails is not an error but a value: see
:class:`sqlforge.core.records.QueryResult`.
"""

from __future__ import annotations


class SqlforgeError(Exception):
    """Root of the tree; never raised itself."""


class UserError(SqlforgeError):
    """A mistake that the user can put right.

    Args:
        got: what came, as a noun phrase or clause.
        expected: what was expected instead.
        fix: what to do about it, in the imperative.

    >>> print(UserError("'lora_rnk' in demo.yaml", "a known key", "write 'lora_rank'"))
    Got 'lora_rnk' in demo.yaml, expected a known key: write 'lora_rank'.
    """

    def __init__(self, got: str, expected: str, fix: str) -> None:
        super().__init__(f"Got {got}, expected {expected}: {fix.rstrip('.')}.")
        self.got, self.expected, self.fix = got, expected, fix


class RecipeError(UserError):
    """A recipe key or value that is not understood."""


class DataError(UserError):
    """A data file that is missing, corrupt or malformed; ``got`` names file and line."""


class MissingDataError(DataError):
    """The files of a data set are not at hand; what is at hand may be broken, this is not."""


class DatabaseError(UserError):
    """A database that cannot be opened or read."""


class ModelError(UserError):
    """A base model, tokenizer or chat template that cannot be had."""


class ConstraintError(UserError):
    """A schema, a budget or a token that constrained decoding cannot take."""


class StorageError(UserError):
    """The disk is full or a folder cannot be written."""


class GoldError(SqlforgeError):
    """A reference (gold) query that fails to run; names the example and the reason."""

    def __init__(self, example_id: str, sql: str, reason: str) -> None:
        super().__init__(f"The gold SQL of {example_id} fails ({reason}): {sql}")
        self.example_id, self.sql, self.reason = example_id, sql, reason


class TrainingError(SqlforgeError):
    """Training cannot go on; the last good checkpoint is kept."""
