"""Outputs of randomly initialised models under the mask, asked of SQLite; see ``decode.py``."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from claims import ClaimRow, commit
from decode_walks import oracle
from sqlforge.core.files import write_text
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import Cursor, advance_and_fill, constraint_for, mask_words
from sqlforge.decode.vocabulary import Vocabulary

BATCH = 100
# Random models differ in how peaked their distributions are: at 0.02, what SmolLM2 is initialised
# with, they are nearly flat, and most of an output is the inside of a string.
INITIALISATIONS = (0.02, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one batch: checksums of its texts, and what is wrong with those that fail."""

    start: int
    texts: list[str]
    faults: list[str]


def tightness(
    schemas: dict[str, Schema], vocabulary: Vocabulary, outputs: int, *, keep: bool, seed: int = 6
) -> list[ClaimRow]:
    """Outputs sampled under the mask from randomly initialised models, asked of SQLite.

    With ``keep`` batches that this commit has written already are not written again.
    """
    file = Path(tempfile.gettempdir()) / f"sqlforge-random-outputs-{commit()}-{seed}.jsonl"
    keep = keep and not commit().endswith(("+changes", "unknown"))
    known = {written.start: written for written in _kept(file)} if keep else {}
    if keep:
        write_text(file, "".join(_line(written) for written in known.values()))
    done = []
    for start in range(0, outputs, BATCH):
        written = known.get(start)
        if written is None:
            written = write_batch(schemas, vocabulary, start, seed)
            if keep:
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(_line(written))
        done.append(written)
        failed = sum(len(batch.faults) for batch in done)
        print(f"{start + BATCH:,} of {outputs:,} outputs, {failed} failed", flush=True)
    faults = Counter(fault for batch in done for fault in batch.faults)
    texts = {text for batch in done for text in batch.texts}
    n = len(done) * BATCH
    return [
        ClaimRow("random_outputs_failed", faults.total(), "", "== 0", n=n),
        ClaimRow("random_outputs_distinct", len(texts), "", n=n),
    ]


def _line(written: Written) -> str:
    return json.dumps(asdict(written)) + "\n"


def _kept(file: Path) -> list[Written]:
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]  # the last one may be cut off
    return [Written(**json.loads(line)) for line in lines]


def write_batch(
    schemas: dict[str, Schema], vocabulary: Vocabulary, start: int, seed: int
) -> Written:
    """Outputs ``start`` to ``start + BATCH``, whatever was written before them."""
    rng = np.random.default_rng((seed, start))
    torch.manual_seed(1_000_000 * seed + start)
    names = list(schemas)
    chosen = [names[(start + i) % len(names)] for i in range(BATCH)]
    spread = INITIALISATIONS[start // BATCH % len(INITIALISATIONS)]
    more = int(rng.integers(0, 80))  # of a budget that all of a batch share: they end together
    constraints = [constraint_for(schemas[name], vocabulary) for name in chosen]
    cursors = [c.start(c.least_tokens + more) for c in constraints]
    sample(random_model(len(vocabulary.tokens), spread), cursors, vocabulary, rng)
    faults = []
    for name, cursor in zip(chosen, cursors, strict=True):
        if (error := fault(cursor, schemas[name])) is not None:
            faults.append(error)
            print(f"{name}: {error}: {cursor.text!r}", flush=True)
    texts = [hashlib.blake2b(cursor.text, digest_size=8).hexdigest() for cursor in cursors]
    return Written(start, texts, faults)


def fault(cursor: Cursor, schema: Schema) -> str | None:
    """What is wrong with an output, if anything."""
    if not cursor.finished:
        return "not ended"
    try:
        return oracle(cursor.text.decode(), schema)
    except UnicodeDecodeError:
        return "no UTF-8"


def random_model(tokens: int, spread: float) -> Any:
    """SmolLM2's architecture with 2 of its 30 layers and a ninth of its width, not trained."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=tokens,
        hidden_size=64,
        intermediate_size=170,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
        initializer_range=spread,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


@torch.inference_mode()
def sample(
    model: Any, cursors: list[Cursor], vocabulary: Vocabulary, rng: np.random.Generator
) -> None:
    """Write every cursor's output at temperature 1, one token a step for all of them."""
    out = np.zeros((len(cursors), mask_words(vocabulary)), np.int32)
    tokens = [-1] * len(cursors)
    step = torch.ones((len(cursors), 1), dtype=torch.long)
    cache = None
    while True:
        advance_and_fill([None if c.finished else c for c in cursors], tokens, out)
        told = model(input_ids=step, past_key_values=cache, use_cache=True)
        cache = told.past_key_values
        logits = told.logits[:, -1].numpy()
        tokens = [
            -1 if cursor.finished else drawn(row, mask, rng)
            for cursor, row, mask in zip(cursors, logits, out, strict=True)
        ]
        if max(tokens) < 0:
            return
        step = torch.tensor(tokens).clamp_min(0)[:, None]


def drawn(
    logits: npt.NDArray[np.float32], mask: npt.NDArray[np.int32], rng: np.random.Generator
) -> int:
    """A token drawn among those that the mask allows; -1 if it allows none."""
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(logits)]
    allowed = np.flatnonzero(bits)
    if not len(allowed):
        return -1
    chances = np.exp((logits[allowed] - logits[allowed].max()).astype(np.float64))
    sums = np.cumsum(chances)
    return int(allowed[np.searchsorted(sums, rng.random() * sums[-1], "right")])
