"""``synth``: make the embedded synthetic corpus."""

from __future__ import annotations

import time
from pathlib import Path

from sqlforge.core.errors import UserError
from sqlforge.core.files import new_folder
from sqlforge.corpus.store import write_databases, write_examples
from sqlforge.corpus.synthetic.domain import SplitName
from sqlforge.corpus.synthetic.generate import generate_corpus

_SHARES: dict[SplitName, float] = {"train": 0.9, "validation": 0.05, "test": 0.05}


def synth(out: Path, *, n: int, seed: int, max_tables: int | None) -> dict[str, object]:
    """Write ``out/{train,validation,test}.jsonl``, ``databases.jsonl`` and ``databases/``.

    Nine tenths are training examples; validation and test share the rest, over domains of their
    own.

    Raises:
        UserError: ``out`` holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}, which is not empty", "a new folder", "choose another --out")
    started = time.monotonic()
    counts: dict[SplitName, int] = {split: int(n * share) for split, share in _SHARES.items()}
    counts["train"] += n - sum(counts.values())
    with new_folder(out) as folder:
        made = generate_corpus(
            folder / "databases", seed=seed, counts=counts, max_tables=max_tables
        )
        for split, dataset in made.items():
            write_examples(folder / f"{split}.jsonl", dataset.examples)
        databases = {k: db for dataset in made.values() for k, db in dataset.databases.items()}
        write_databases(folder / "databases.jsonl", databases)
    return {
        "examples": {split: len(dataset.examples) for split, dataset in made.items()},
        "databases": len(databases),
        "seconds": round(time.monotonic() - started, 1),
        "out": str(out),
    }
