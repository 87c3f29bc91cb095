"""Audit the published corpora, disguised copies and judged pairs; split by schema.

Prints a table and writes ``docs/results/audit.json``. ``audit_speed.py`` measures the time.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from audit_samples import audited, benchmarks, disguised, judged_pairs
from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.records import Example, Metric
from sqlforge.corpus.audit import audit
from sqlforge.corpus.fingerprints import (
    THRESHOLD,
    fingerprint,
    normal_question,
)
from sqlforge.corpus.leaks import Reference, Rule
from sqlforge.corpus.minhash import jaccard, shingles
from sqlforge.corpus.near_duplicates import FixedTexts
from sqlforge.corpus.split import Row, Side, split_by_schema
from sqlforge.corpus.training_data import TrainingRow, open_training
from sqlforge.score.statistics import wilson

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    references = benchmarks(data_dir)
    rows = [
        *_published(references, data_dir),
        *_seeded(references, data_dir),
        *_judged(references, data_dir),
        _recall(references["wikisql-test"], data_dir),
        *_split(data_dir),
    ]
    print_rows(rows)
    command = "python bench/audit.py --data-dir DIR"
    print(write_claims("audit", command=command, seed=SEED, rows=rows))


def _published(references: Mapping[str, Reference], data_dir: Path) -> Iterator[ClaimRow]:
    val = str(next((data_dir / "sql_create_context").glob("val.jsonl*")))
    wanted = (
        ("sql_create_context_val", val, "spider-dev", "== 568"),
        ("sql_create_context_train", "sql-create-context", "spider-dev", ">= 3"),
        ("spider_train", "spider", "spider-dev", ">= 6"),
        ("wikisql_train", "wikisql", "wikisql-test", ">= 29"),
    )
    for name, source, benchmark, bound in wanted:
        report = audited(open_training(source, data_dir).rows(), references)
        found = next(b for b in report.benchmarks if b.name == benchmark)
        counts = {count.rule: count for count in found.counts}
        rows, n = counts[Rule.QUESTION].rows, report.rows
        yield ClaimRow(f"{name}_same_question_rows", rows, n=n)
        met = counts[Rule.QUESTION].met
        yield ClaimRow(f"{name}_same_question_met", met, bound=bound, n=found.n)
        yield ClaimRow(f"{name}_near_question_rows", counts[Rule.NEAR_QUESTION].rows, n=n)
        yield ClaimRow(f"{name}_similar_question_rows", counts[Rule.SIMILAR_QUESTION].rows, n=n)
        yield ClaimRow(f"{name}_leaking_rows", found.leaking, n=n)
        yield ClaimRow(f"{name}_leaked_examples", found.leaked, n=found.n)


def _seeded(references: Mapping[str, Reference], data_dir: Path) -> Iterator[ClaimRow]:
    """A thousand disguised test questions among Spider's training questions."""
    rng = random.Random(SEED)
    known = references["wikisql-test"].fingerprints
    chosen = rng.sample(range(len(known)), 1000)
    seeds = [
        TrainingRow(
            Example(
                f"seed-{place}",
                disguised(known[place].example.question, rng),
                known[place].example.sql,
                f"seed-{place}",
                "seeded",
                "MIT",
            ),
            None,
        )
        for place in chosen
    ]
    rows = [*open_training("spider", data_dir).rows(), *seeds]
    rng.shuffle(rows)
    found: set[str] = set()
    audit(
        (fingerprint(row.example, row.schema) for row in rows),
        {"wikisql-test": references["wikisql-test"]},
        on_leak=lambda row, _: found.add(row.example.id),
    )
    hits = sum(row.example.id in found for row in seeds)
    changed = sum(
        row.example.question != known[place].example.question
        for row, place in zip(seeds, chosen, strict=True)
    )
    yield ClaimRow("seeded_copies_found", hits / len(seeds), "fraction", ">= 1", n=len(seeds))
    yield ClaimRow("seeded_copies_changed", changed, n=len(seeds))
    yield ClaimRow("seeded_others_flagged", len(found) - hits, n=len(rows) - len(seeds))


def _judged(references: Mapping[str, Reference], data_dir: Path) -> Iterator[ClaimRow]:
    found = judged_pairs(references, data_dir)
    wrong = wilson(len(found.flagged & found.different), len(found.different))
    yield _share("near_question_false_positive_rate", wrong, "< 0.01")
    false = wilson(len(found.flagged & found.different), len(found.flagged))
    yield _share("near_question_false_among_flagged", false, "< 0.01")
    caught = wilson(len(found.flagged & found.same), len(found.same))
    yield _share("near_question_same_flagged", caught, None)


def _recall(reference: Reference, data_dir: Path) -> ClaimRow:
    """The share of similar pairs that MinHash proposes, against comparing all."""
    known = [p.words for p in reference.fingerprints]
    asked = [
        normal_question(row.example.question)
        for row in list(open_training("wikisql", data_dir).rows())[::10]
    ]
    postings: dict[str, list[int]] = {}
    sets = [shingles(text) for text in known]
    for place, some in enumerate(sets):
        for shingle in some:
            postings.setdefault(shingle, []).append(place)
    lists = {shingle: np.array(places) for shingle, places in postings.items()}
    sizes = np.array([len(some) for some in sets])
    wanted = set()
    for place, text in enumerate(asked):
        own = shingles(text)
        parts = [lists[shingle] for shingle in own if shingle in lists]
        common = np.bincount(np.concatenate(parts), minlength=len(known)) if parts else sizes * 0
        alike = common / (len(own) + sizes - common)
        wanted |= {(place, int(other)) for other in np.flatnonzero(alike >= THRESHOLD)}
    found = {
        (place, near.number)
        for place, nears in enumerate(FixedTexts(known).alike(asked))
        for near in nears
    }
    assert all(jaccard(shingles(asked[a]), sets[k]) >= THRESHOLD for a, k in found)
    return _share("minhash_recall", wilson(len(found & wanted), len(wanted)), ">= 0.98")


def _split(data_dir: Path) -> Iterator[ClaimRow]:
    """500 rows of the corpora at hand, held out by schema."""
    rows = []
    for name in ("sql-create-context", "wikisql"):
        for row in open_training(name, data_dir).rows():
            mark = fingerprint(row.example, row.schema)
            tables = [table.signature for table in mark.tables]
            kind = "join" if "JOIN" in (mark.masked or "") else "plain"
            rows.append(Row(row.example.id, (row.example.source, kind), tables))
    split = split_by_schema(rows, 500, SEED)
    sides = {
        side: {t for row, s in zip(rows, split.sides, strict=True) if s == side for t in row.tables}
        for side in (Side.TRAIN, Side.TEST)
    }
    shared = len(sides[Side.TRAIN] & sides[Side.TEST])
    yield ClaimRow("split_test_rows", split.count(Side.TEST), bound="== 500", n=len(rows))
    yield ClaimRow("split_left_out_rows", split.count(Side.LEFT_OUT), n=len(rows))
    yield ClaimRow("split_table_signatures_on_both_sides", shared, bound="== 0")


def _share(name: str, found: Metric, bound: str | None) -> ClaimRow:
    return ClaimRow(name, found.value, "fraction", bound, found.low, found.high, found.n)


if __name__ == "__main__":
    main()
