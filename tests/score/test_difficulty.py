"""Golds in order from easy to hard."""

import pytest

from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.score.difficulty import Measure, difficulties

SHOP = Database("d", Schema((Table("item", (Column("name", ""), Column("the price", ""))),)))
GOLDS = {
    "short": "SELECT name FROM item",
    "long": "SELECT name FROM item WHERE name = 'a name that takes some more place FROM FROM'",
    "quoted": 'SELECT name FROM item WHERE "the price" = 3 AND name = 4',
    "nested": "SELECT name FROM item WHERE name = (SELECT max(name) FROM item)",
}


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("length", ["short", "quoted", "nested", "long"]),
        ("tables", ["short", "quoted", "long", "nested"]),
        ("hardness", ["short", "long", "quoted", "nested"]),
    ],
)
def test_golds_stand_from_easy_to_hard(by: Measure, order: list[str]) -> None:
    asked = [Example(name, "", sql, "d", "s", "MIT") for name, sql in GOLDS.items()]
    found = difficulties(asked, {"d": SHOP}, by)
    assert sorted(found, key=found.__getitem__) == order
