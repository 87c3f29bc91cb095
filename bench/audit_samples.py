"""What the leak audit is measured on: disguised copies, judged pairs, rows in any number."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlforge.corpus.audit import AuditReport, audit
from sqlforge.corpus.benchmark_questions import spider_dev, wikisql
from sqlforge.corpus.fingerprints import digest, fingerprint
from sqlforge.corpus.leaks import Reference, Rule, find_leaks
from sqlforge.corpus.training_data import TrainingRow, open_training

JUDGED = Path(__file__).resolve().parent.parent / "tests/fixtures/audit/near_question_pairs.json"
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """Pairs of training and benchmark questions by what the audit and a person say of them."""

    flagged: frozenset[Pair]
    different: frozenset[Pair]
    same: frozenset[Pair]


def benchmarks(data_dir: Path) -> dict[str, Reference]:
    """Everything at hand that is audited against."""
    return {
        "spider-dev": spider_dev(data_dir),
        "wikisql-dev": wikisql(data_dir, "dev"),
        "wikisql-test": wikisql(data_dir, "test"),
    }


def audited(rows: Iterable[TrainingRow], references: Mapping[str, Reference]) -> AuditReport:
    """The audit of some rows."""
    return audit((fingerprint(row.example, row.schema) for row in rows), references)


def disguised(question: str, rng: random.Random) -> str:
    """The same words in other case, spacing and punctuation."""
    changes = (str.upper, str.lower, str.title, str.swapcase, lambda text: text)
    text = rng.choice(changes)(question)
    kept = [c for c in text if c.isalnum() or c.isspace() or rng.random() < 0.5]
    spaced = "".join(rng.choice(("  ", " ", "\t", "\u00a0")) if c.isspace() else c for c in kept)
    noisy = [c + (rng.choice(string.punctuation) if rng.random() < 0.05 else "") for c in spaced]
    return rng.choice(("", " ", "- ")) + "".join(noisy) + rng.choice(("", "?", " ?!", "...", " "))


def judged_pairs(references: Mapping[str, Reference], data_dir: Path) -> Judged:
    """What the audit says of the pairs that a person judged.

    Raises:
        KeyError: a judged question is not in the data.
    """
    flagged, different, same = set[Pair](), set[Pair](), set[Pair]()
    names = {"sct": "sql-create-context", "spider": "spider", "wikisql": "wikisql"}
    for short, pairs in json.loads(JUDGED.read_text(encoding="utf-8"))["pairs"].items():
        wanted = {key for key, _, _ in pairs}
        rows = {}
        for row in open_training(names[short], data_dir).rows():
            key = digest(row.example.question)[:12] + digest(row.example.sql)[:12]
            if key in wanted:
                rows[key] = fingerprint(row.example, row.schema)
        for key, other, is_same in pairs:
            (same if is_same else different).add((key, other))
        keys = sorted(wanted)
        found = find_leaks([rows[key] for key in keys], references)
        for key, (_, findings) in zip(keys, found, strict=True):
            for finding in findings:
                if finding.rule == Rule.NEAR_QUESTION:
                    prints = references[finding.benchmark].fingerprints
                    flagged |= {(key, prints[place].example.id) for place in finding.met}
    return Judged(frozenset(flagged), frozenset(different), frozenset(same))


def varied(questions: list[str], count: int, seed: int = 7) -> Iterator[str]:
    """Any number of normalised questions: published ones, then ones with words put in.

    One in ten of the latter repeats an earlier one but for a word.
    """
    rng = random.Random(seed)
    recent: list[str] = []
    for place in range(count):
        words = questions[place % len(questions)].split()
        if place >= len(questions):
            if recent and rng.random() < 0.1:
                words = rng.choice(recent).split()
                words.insert(rng.randrange(len(words) + 1), rng.choice(("the", "all", "new")))
            else:
                for _ in range(3):
                    made = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 8)))
                    words[rng.randrange(len(words))] = made
        question = " ".join(words)
        recent = [*recent[-999:], question]
        yield question
