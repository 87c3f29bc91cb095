"""The whole way: a suite is built and kept, and predictions are judged on it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from score.suite.conftest import FIXTURES, judged, pairs
from sqlforge.core.errors import GoldError
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Schema
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.suite import Suite, build_suite
from sqlforge.score.suite.distil import Counts
from sqlforge.score.summary import summarise, to_json

EQUAL, DIFFERENT = pairs("equal.json"), pairs("different.json")
AGE = "SELECT name FROM member WHERE age > 20"


def example(gold: str) -> Example:
    return Example("1", "?", gold, "library", "test", "CC0-1.0", "easy")


@pytest.fixture(scope="module")
def suite(library: Database, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    golds = [example(gold) for gold, _ in (*EQUAL, *DIFFERENT)]
    folder = tmp_path_factory.mktemp("suites")
    return build_suite(golds, {"library": library}, folder=folder)


def failing(
    cases: list[tuple[str, str]], library: Database, suite: Suite, sandbox: Sandbox
) -> list[tuple[str, str]]:
    """Those that match on the original and not on the suite."""
    verdicts = judged([(example(g), p) for g, p in cases], {"library": library}, suite, sandbox)
    assert [c for c, v in zip(cases, verdicts, strict=True) if not v.execution] == []
    return [c for c, v in zip(cases, verdicts, strict=True) if not v.test_suite]


def test_an_equivalent_prediction_never_fails(
    library: Database, suite: Suite, sandbox: Sandbox
) -> None:
    assert failing(EQUAL, library, suite, sandbox) == []


def test_a_prediction_that_is_right_by_luck_fails(
    library: Database, suite: Suite, sandbox: Sandbox
) -> None:
    assert failing(DIFFERENT, library, suite, sandbox) == DIFFERENT


def test_the_suite_tells_more_neighbours_apart_than_the_original(suite: Suite) -> None:
    counts = suite.counts
    assert counts.by_original < counts.by_suite <= counts.neighbours
    assert counts.by_suite / counts.neighbours > 0.9
    assert 1 <= len(suite.instances["library"]) <= 20
    assert Counts(3, 1, 2) + Counts(1, 1, 1) == Counts(4, 2, 3)


def test_a_wrong_prediction_fails_without_being_run_again(
    library: Database, suite: Suite, sandbox: Sandbox
) -> None:
    cases = [(example(AGE), sql) for sql in ("SELECT name FROM member", "SELECT nonsense", AGE)]
    verdicts = judged(cases, {"library": library}, suite, sandbox)
    assert [v.test_suite for v in verdicts] == [False, False, True]


def test_a_database_without_rows_has_no_verdict(suite: Suite, sandbox: Sandbox) -> None:
    nowhere = {"library": Database("library", Schema(()))}
    assert build_suite([example(AGE)], nowhere).instances == {}
    (verdict,) = judged([(example(AGE), AGE)], nowhere, suite, sandbox)
    assert verdict.execution is None and verdict.test_suite is None


def test_the_metric_stands_beside_execution_accuracy_only_where_it_was_asked_for(
    library: Database, suite: Suite, sandbox: Sandbox
) -> None:
    verdicts = judged([(example(AGE), AGE)], {"library": library}, suite, sandbox)
    metrics = to_json(summarise(verdicts), "spider", "dev")["metrics"]
    assert isinstance(metrics, dict) and metrics["test_suite_accuracy"]["correct"] == 1
    without = summarise([replace(v, test_suite=None) for v in verdicts])
    assert "test_suite_accuracy" not in str(to_json(without, "spider", "dev"))


def test_what_was_built_is_found_again_and_other_golds_size_or_seed_are_not(
    library: Database, tmp_path: Path
) -> None:
    databases = {"library": library}
    seen: list[tuple[int, int]] = []

    def build(gold: str = AGE, **options: int) -> Suite:
        return build_suite(
            [example(gold)],
            databases,
            folder=tmp_path,
            progress=lambda *done: seen.append(done),
            **options,
        )

    first, again = build(), build()
    assert first.seconds > 0 and again.seconds == 0
    assert again.instances == first.instances and again.counts == first.counts
    assert seen[-1] == (100, 100)
    assert build(seed=1).seconds > 0
    assert build(size=3).seconds > 0
    assert build(gold="SELECT title FROM book").seconds > 0
    assert len(list(tmp_path.iterdir())) == 4


def test_a_changed_database_gets_a_suite_of_its_own(library: Database, tmp_path: Path) -> None:
    assert library.path is not None
    other = tmp_path / "other.sqlite"
    other.write_bytes(library.path.read_bytes())
    build_suite([example(AGE)], {"library": library}, folder=tmp_path / "kept")
    same = build_suite(
        [example(AGE)], {"library": replace(library, path=other)}, folder=tmp_path / "kept"
    )
    assert same.seconds == 0, "the same bytes elsewhere are the same database"
    with other.open("ab") as file:
        file.write(b"\0" * 4096)
    changed = build_suite(
        [example(AGE)], {"library": replace(library, path=other)}, folder=tmp_path / "kept"
    )
    assert changed.seconds > 0


def test_the_same_seed_makes_the_same_files_in_another_process(
    library: Database, tmp_path: Path
) -> None:
    code = f"""
from pathlib import Path
from sqlforge.core.records import Database, Example
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.score.suite import build_suite
path = Path({str(library.path)!r})
golds = [Example("1", "?", sql, "library", "test", "CC0-1.0") for sql in {[AGE, EQUAL[9][0]]!r}]
import sys
build_suite(golds, {{"library": Database("library", schema_from_sqlite(path), path)}},
            folder=Path(sys.argv[1]))
"""
    digests = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        digests.append(
            [(f.relative_to(folder), hashlib.sha256(f.read_bytes()).digest()) for f in files]
        )
    assert len(digests[0]) > 1 and digests[0] == digests[1]


def test_a_build_that_is_cut_off_leaves_nothing_behind(library: Database, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_suite([example(AGE)], {"library": library}, folder=tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_gold_that_fails_on_a_kept_instance_is_named(
    library: Database, suite: Suite, sandbox: Sandbox, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database")
    kept = tuple(replace(k, path=broken) for k in suite.instances["library"])
    with pytest.raises(GoldError, match="not a database"):
        judged([(example(AGE), AGE)], {"library": library}, Suite({"library": kept}), sandbox)


def test_the_fixtures_are_what_they_say() -> None:
    assert (FIXTURES / "library.sql").is_file()
    assert len(EQUAL) >= 30 and len(DIFFERENT) >= 20
