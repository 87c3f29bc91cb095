import json
from collections import Counter
from pathlib import Path

import pytest

from sqlforge.core.errors import DataError, GoldError
from sqlforge.score.benchmarks import load_benchmark
from sqlforge.score.benchmarks.spider_hardness import spider_hardness


@pytest.mark.parametrize("system", ["1b", "7b"])
def test_hardness_agrees_with_the_official_evaluator_on_every_dev_question(
    published_data: Path, system: str
) -> None:
    path = published_data / "verdicts" / f"spider_dev_codes-{system}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 1034
    assert [r["gold"] for r in rows if spider_hardness(r["gold"]) != r["hardness"]] == []


@pytest.mark.parametrize(
    ("sql", "hardness"),
    [
        ("SELECT a FROM t WHERE b = 1", "easy"),
        ("SELECT a, b FROM t WHERE c = 1", "medium"),
        ("SELECT a FROM t WHERE b = 1 OR c = 2", "medium"),
        ("SELECT a FROM t WHERE (b = 1 OR c = 2) AND d LIKE 'x%' LIMIT 3", "extra"),
        ("SELECT max(a), b FROM t JOIN u ON t.x = u.x WHERE c = 1 GROUP BY b", "hard"),
        ("SELECT count(*), max(a) FROM t WHERE b = 1 GROUP BY c", "extra"),
        ("SELECT count(*), max(a) FROM t GROUP BY c, d", "hard"),
        ("SELECT a FROM t UNION SELECT a FROM u ORDER BY a", "hard"),
        ("SELECT a FROM t EXCEPT SELECT a FROM u INTERSECT SELECT a FROM v", "hard"),
        (
            "SELECT a, b FROM t WHERE c NOT IN (SELECT c FROM u WHERE d IN (SELECT d FROM v))",
            "extra",
        ),
        ("SELECT a FROM t GROUP BY a ORDER BY count(*) - max(b)", "medium"),
        ("SELECT a FROM (SELECT a FROM t WHERE b = 1)", "easy"),
        ("SELECT max(a) - min(b) FROM t", "easy"),
    ],
)
def test_hardness_counts_clauses_nesting_and_breadth(sql: str, hardness: str) -> None:
    assert spider_hardness(sql) == hardness


@pytest.mark.usefixtures("own_cache")
def test_spider_dev_has_the_published_counts_of_hardness(published_data: Path) -> None:
    dataset = load_benchmark("spider", published_data)
    kinds = Counter(example.kind for example in dataset.examples)
    assert kinds == {"easy": 248, "medium": 446, "hard": 174, "extra": 166}


@pytest.mark.usefixtures("own_cache")
def test_wikisql_is_sorted_by_aggregate(published_data: Path) -> None:
    dataset = load_benchmark("wikisql", published_data)
    assert dataset.name == "wikisql-held-out-tables"
    kinds = Counter(example.kind for example in dataset.examples)
    assert kinds == {"select": 3932, "count": 495, "max": 330, "min": 324, "avg": 240, "sum": 233}


def test_unknown_benchmarks_and_splits_are_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the split 'test' of spider, expected dev or train"):
        load_benchmark("spider", tmp_path, "test")
    with pytest.raises(DataError, match="the benchmark 'bird'"):
        load_benchmark("bird", tmp_path)  # type: ignore[arg-type]


def test_a_gold_query_that_is_no_sql_names_its_example(tmp_path: Path) -> None:
    lists = "table_names column_names column_types primary_keys foreign_keys"
    originals = "table_names_original column_names_original"
    entry: dict[str, object] = {name: [] for name in f"{lists} {originals}".split()}
    entry["db_id"] = "shop"
    (tmp_path / "tables.json").write_text(json.dumps([entry]))
    row = {"db_id": "shop", "question": "?", "query": "SELECT FROM ( WHERE"}
    (tmp_path / "dev.json").write_text(json.dumps([row]))
    with pytest.raises(GoldError, match="spider-dev-0000"):
        load_benchmark("spider", tmp_path)
