"""How long masks take along golds and random walks, and how long a schema takes to build."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from claims import ClaimRow
from decode_schemas import thirty_tables
from decode_walks import steps, weights_of
from sqlforge.core.records import Dataset
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import (
    SchemaConstraint,
    constraint_for,
    fill_masks,
    mask_words,
)
from sqlforge.decode.vocabulary import Vocabulary

MEAN, P99 = "<= 30", "<= 300"


def mask_rows(
    name: str, dev: Dataset, tokenizer: Any, vocabulary: Vocabulary, n: int
) -> list[ClaimRow]:
    """Mean and 99th percentile along ``n`` golds and ``n`` walks, on one thread."""
    golds, walks = [], []
    rng = np.random.default_rng(1)
    for example in dev.examples[:: max(1, len(dev.examples) // n)]:
        schema = dev.databases[example.db_id].schema
        constraint = constraint_for(schema, vocabulary)
        ids = tokenizer(example.sql, add_special_tokens=False)["input_ids"]
        golds.append((constraint, ids, 256))
        budget = constraint.least_tokens + int(rng.integers(0, 100))
        walks.append((constraint, walk_tokens(constraint, schema, budget, rng), budget))
    rows = []
    for kind, outputs in (("golds", golds), ("walks", walks)):
        times = [t for walked in outputs for t in mask_times(*walked)]
        rows += [
            ClaimRow(f"mask_mean_{name}_{kind}", statistics.fmean(times), "us", MEAN, n=len(times)),
            ClaimRow(
                f"mask_p99_{name}_{kind}",
                float(np.percentile(times, 99)),
                "us",
                P99,
                n=len(times),
            ),
        ]
    return rows


def walk_tokens(
    constraint: SchemaConstraint, schema: Schema, budget: int, rng: np.random.Generator
) -> list[int]:
    """The tokens of a random walk."""
    weights = weights_of(constraint.vocabulary, schema)
    return list(steps(constraint.start(budget), constraint.vocabulary, weights, rng))


def mask_times(constraint: SchemaConstraint, tokens: list[int], budget: int) -> list[float]:
    """Microseconds of this thread's CPU for each mask before one of ``tokens``."""
    times = []
    out = np.zeros((1, mask_words(constraint.vocabulary)), np.int32)
    cursor = constraint.start(budget)
    for token in tokens:
        start = time.thread_time_ns()
        fill_masks([cursor], out, threads=1)
        times.append(1e-3 * (time.thread_time_ns() - start))
        cursor.advance(token)
    return times


def build_rows(vocabulary: Vocabulary) -> list[ClaimRow]:
    """A schema of thirty tables, built twenty times; the vocabulary's own tables are shared."""
    schema = thirty_tables()
    SchemaConstraint(schema, vocabulary)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        SchemaConstraint(schema, vocabulary)
        times.append(1e3 * (time.perf_counter() - start))
    return [
        ClaimRow("build_30_tables", statistics.median(times), "ms", "<= 20", n=len(times)),
        ClaimRow("build_30_tables_slowest", max(times), "ms", n=len(times)),
    ]
