import json
from collections import Counter
from pathlib import Path

import pytest

from sqlforge.core.errors import DataError, GoldError
from sqlforge.score.benchmarks import load_benchmark


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
    with pytest.raises(DataError, match="the benchmark 'owl'"):
        load_benchmark("owl", tmp_path)


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
