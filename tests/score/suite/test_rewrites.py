"""A rewrite that keeps the meaning must pass wherever its query does."""

from __future__ import annotations

from pathlib import Path

import pytest

from score.suite.conftest import judged, pairs
from score.suite.rewrites import rewritten
from sqlforge.core.records import Database, Example
from sqlforge.corpus.spider import read_spider
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.rules import Match
from sqlforge.score.suite import build_suite
from sqlforge.score.suite.hints import parsed

GOLDS = sorted({gold for name in ("equal.json", "different.json") for gold, _ in pairs(name)})[::2]


@pytest.mark.parametrize("match", ["official", "strict"])
def test_no_rewrite_fails(
    library: Database, sandbox: Sandbox, tmp_path: Path, match: Match
) -> None:
    golds = [Example(sql, "?", sql, "library", "test", "CC0-1.0") for sql in GOLDS]
    suite = build_suite(golds, {"library": library}, match=match, seed=5, folder=tmp_path)
    cases = _cases(golds, {"library": library})
    verdicts = judged(cases, {"library": library}, suite, sandbox, match=match)
    assert len(cases) > 70
    assert [
        c for c, v in zip(cases, verdicts, strict=True) if v.execution and not v.test_suite
    ] == []


@pytest.mark.soak
@pytest.mark.parametrize("match", ["official", "strict"])
def test_no_rewrite_of_spiders_golds_fails(
    published_data: Path, own_cache: Path, sandbox: Sandbox, match: Match
) -> None:
    dataset = read_spider(published_data, "dev").dataset
    golds = list({(e.db_id, e.sql): e for e in dataset.examples}.values())
    suite = build_suite(golds, dataset.databases, match=match)
    # the official rules put a 1 in the place of this word
    cases = [c for c in _cases(golds, dataset.databases) if "value" not in c[1]]
    verdicts = judged(cases, dataset.databases, suite, sandbox, match=match)
    assert len(cases) > 2500
    assert sum(bool(v.execution) for v in verdicts) > len(cases) - 10
    assert [
        c for c, v in zip(cases, verdicts, strict=True) if v.execution and not v.test_suite
    ] == []


def _cases(golds: list[Example], databases: dict[str, Database]) -> list[tuple[Example, str]]:
    found = []
    for gold in golds:
        tree = parsed(gold.sql)
        assert tree is not None, gold.sql
        for _, sql in rewritten(tree, databases[gold.db_id].schema):
            found.append((gold, sql))
    return found
