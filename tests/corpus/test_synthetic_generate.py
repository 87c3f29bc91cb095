"""The corpus as a whole: counts, splits, results, duplicates, determinism."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from synthetic_samples import SAMPLES

from sqlforge.core.errors import RecipeError
from sqlforge.core.records import Dataset
from sqlforge.corpus.synthetic.domain import SplitName
from sqlforge.corpus.synthetic.domains import DOMAINS
from sqlforge.corpus.synthetic.generate import (
    WORDINGS,
    answers,
    generate_corpus,
    is_empty,
    normalised,
)
from sqlforge.corpus.synthetic.grammar import KINDS
from sqlforge.corpus.synthetic.pattern import Draft, Ties

COUNTS: Mapping[SplitName, int] = {"train": 1200, "validation": 150, "test": 400}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[SplitName, Dataset]:
    return generate_corpus(
        tmp_path_factory.mktemp("databases"), seed=11, counts=COUNTS, max_tables=3
    )


def digest(corpus: Mapping[SplitName, Dataset]) -> str:
    lines = [json.dumps(asdict(e)) for made in corpus.values() for e in made.examples]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_every_split_has_as_many_examples_as_asked_for(corpus: dict[SplitName, Dataset]) -> None:
    assert {split: len(made.examples) for split, made in corpus.items()} == COUNTS
    for split, made in corpus.items():
        assert [e.id for e in made.examples[:2]] == [
            f"synthetic-{split}-000000",
            f"synthetic-{split}-000001",
        ]
        assert {e.source for e in made.examples} == {"sqlforge-synthetic"}
        assert {e.licence for e in made.examples} == {"Apache-2.0"}


def test_every_gold_executes_on_its_file_and_at_most_5_percent_are_empty(
    corpus: dict[SplitName, Dataset],
) -> None:
    for made in corpus.values():
        empty = 0
        connections = {
            db_id: sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)
            for db_id, database in made.databases.items()
        }
        for example in made.examples:
            rows = connections[example.db_id].execute(example.sql).fetchall()
            empty += is_empty(rows)
        for connection in connections.values():
            connection.close()
        assert empty <= 0.05 * len(made.examples)


def test_every_kind_is_present_in_every_split(corpus: dict[SplitName, Dataset]) -> None:
    for made in corpus.values():
        counts = Counter(example.kind for example in made.examples)
        assert set(counts) == set(KINDS)
        assert min(counts.values()) >= 0.02 * len(made.examples)


def test_no_domain_and_no_database_is_on_two_sides(corpus: dict[SplitName, Dataset]) -> None:
    split_of = {domain.name: domain.split for domain in DOMAINS}
    for split, made in corpus.items():
        for db_id in made.databases:
            owners = [name for name in split_of if f"{db_id}_".startswith(f"{name}_")]
            assert split_of[max(owners, key=len)] == split
    names = [db_id for made in corpus.values() for db_id in made.databases]
    assert len(set(names)) == len(names)


def test_no_question_comes_twice_about_a_database(corpus: dict[SplitName, Dataset]) -> None:
    for made in corpus.values():
        asked = [(e.db_id, normalised(e.question)) for e in made.examples]
        assert len(set(asked)) == len(asked)
        queries = Counter((e.db_id, e.sql) for e in made.examples)
        assert max(queries.values()) <= WORDINGS
        assert len(queries) >= 0.9 * len(made.examples)


def test_the_first_examples_show_all_databases(corpus: dict[SplitName, Dataset]) -> None:
    for made in corpus.values():
        first = made.examples[: len(made.databases)]
        assert {example.db_id for example in first} == set(made.databases)


def test_slices_stay_small_and_whole_domains_whole(
    corpus: dict[SplitName, Dataset], tmp_path: Path
) -> None:
    for made in corpus.values():
        assert all(1 <= len(d.schema.tables) <= 3 for d in made.databases.values())
    whole = generate_corpus(tmp_path, seed=1, counts={"validation": 60}, max_tables=None)
    names = {domain.name for domain in DOMAINS if domain.split == "validation"}
    assert set(whole) == {"validation"}
    assert set(whole["validation"].databases) == names
    assert all(len(d.schema.tables) >= 4 for d in whole["validation"].databases.values())


def test_two_runs_with_one_seed_give_the_same_lines(tmp_path: Path) -> None:
    def run(folder: str, seed: int, order: int = 1) -> str:
        return digest(
            generate_corpus(
                tmp_path / folder,
                seed=seed,
                counts={"train": 150, "test": 150},
                max_tables=2,
                domains=SAMPLES[::order],
            )
        )

    assert run("one", 5) == run("two", 5) == run("three", 5, order=-1)
    assert run("one", 5) != run("four", 6)


def test_only_the_kinds_asked_for_are_made(tmp_path: Path) -> None:
    made = generate_corpus(
        tmp_path,
        seed=0,
        counts={"train": 40},
        max_tables=3,
        kinds={"order": 1.0, "join": 2.0, "set": 0.0},
        domains=SAMPLES,
    )
    assert {example.kind for example in made["train"].examples} == {"order", "join"}


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    generate_corpus(
        tmp_path,
        seed=0,
        counts={"train": 150},
        max_tables=2,
        progress=lambda done, total: seen.append((done, total)),
        domains=SAMPLES,
    )
    assert seen == [(100, 150), (150, 150)]


def test_what_cannot_be_had_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"poem.*choose among projection"):
        generate_corpus(tmp_path, seed=0, counts={"train": 1}, max_tables=2, kinds={"poem": 1.0})
    with pytest.raises(RecipeError, match=r"1 validation examples.*has domains"):
        generate_corpus(tmp_path, seed=0, counts={"validation": 1}, max_tables=2, domains=SAMPLES)
    with pytest.raises(RecipeError, match="ask for fewer"):
        generate_corpus(
            tmp_path,
            seed=0,
            counts={"train": 900},
            max_tables=1,
            databases_per_domain=1,
            kinds={"projection": 1.0},
            domains=SAMPLES,
        )


def test_ties_and_empty_results_are_no_answers() -> None:
    def made(sql: str, ties: Ties | None = None) -> Draft:
        return Draft("?", sql, "order", "best", ties)

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, 5), (2, 4), (3, 4)])
        best = "SELECT a FROM t ORDER BY b DESC LIMIT"
        keys = "SELECT b FROM t ORDER BY b DESC"
        assert answers(connection, made(f"{best} 1", Ties(keys, 1)))
        assert not answers(connection, made(f"{best} 2", Ties(keys, 2)))
        assert not answers(connection, made(f"{best} 3", Ties(keys, 3)))
        assert not answers(connection, made("SELECT a FROM t ORDER BY b", Ties(keys, None)))
        assert not answers(
            connection, made("SELECT a FROM t", Ties("SELECT b FROM t WHERE a = 1", None))
        )
        assert not answers(connection, made("SELECT a FROM t WHERE b > 9"))
        assert not answers(connection, made("SELECT COUNT(*) FROM t WHERE b > 9"))
        assert not answers(connection, made("SELECT MAX(a) FROM t WHERE b > 9"))
