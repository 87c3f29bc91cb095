from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Schema
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.score.question_words import mentions
from sqlforge.score.template_baseline import fit
from sqlforge.score.validity import check_validity

ZOO = """
CREATE TABLE keeper (keeper_id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
CREATE TABLE animal (animal_id INTEGER PRIMARY KEY, species TEXT, weight REAL, born DATE,
    keeper_id INTEGER REFERENCES keeper (keeper_id));
INSERT INTO keeper VALUES (1, 'Ada', 30), (2, 'Ben', 40);
INSERT INTO animal VALUES (1, 'Red Panda', 5.5, '2020-01-01', 1);
"""
PAIRS = [
    ("How many shops are there?", "SELECT count(*) FROM shop"),
    ("Which cities are there, each once?", "SELECT DISTINCT city FROM shop"),
    ("What is the name of the shop in Oslo?", "SELECT name FROM shop WHERE city = 'Oslo'"),
    (
        "What is the amount of each sale above 5?",
        "SELECT sale.amount FROM sale WHERE sale.amount > 5",
    ),
    (
        "Show the name of the shop and the amount of each sale.",
        "SELECT T1.name, T2.amount FROM shop AS T1 JOIN sale AS T2 ON T1.id = T2.shop_id",
    ),
    (
        "Which shop names have no sale?",
        "SELECT name FROM shop WHERE id NOT IN (SELECT shop_id FROM sale)",
    ),
    ("List the names of the 3 best shops", "SELECT name FROM shop ORDER BY city DESC LIMIT 3"),
    ("Nonsense about everything", "SELECT FROM FROM"),
    ("Shops whose name holds 'ank'", "SELECT city FROM shop WHERE name LIKE '%ank%'"),
]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path: Path = tmp_path_factory.mktemp("zoo") / "zoo.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(ZOO)
    connection.close()
    return Database("zoo", schema_from_sqlite(path), path)


def examples() -> list[Example]:
    return [Example(str(i), q, s, "shop", "t", "CC0-1.0") for i, (q, s) in enumerate(PAIRS)]


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("How many animals are there?", "SELECT COUNT(*) FROM animal"),
        ("How many keepers are there?", "SELECT COUNT(*) FROM keeper"),
        ("Which species are there, each once?", "SELECT DISTINCT species FROM animal"),
        (
            "What is the weight of the animal in Red Panda?",
            "SELECT weight FROM animal WHERE species = 'Red Panda'",
        ),
        (
            "What is the weight of each animal above 12.5?",
            "SELECT animal.weight FROM animal WHERE animal.weight > 12.5",
        ),
        (
            "Show the name of the keeper and the weight of each animal.",
            "SELECT T1.name, T2.weight FROM keeper AS T1 "
            "JOIN animal AS T2 ON T1.keeper_id = T2.keeper_id",
        ),
    ],
)
def test_the_nearest_question_is_filled_for_another_database(
    shop: Database, zoo: Database, question: str, sql: str
) -> None:
    assert fit(examples(), {"shop": shop}).predict(question, zoo) == sql


@pytest.mark.parametrize("question", [*(q for q, _ in PAIRS), "", "species 'xyz' 2020-01-01"])
def test_every_prediction_names_only_what_exists(
    shop: Database, zoo: Database, question: str
) -> None:
    sql = fit(examples(), {"shop": shop}).predict(question, zoo)
    assert check_validity(sql, zoo.schema).error is None, sql


def test_a_training_question_gives_back_its_own_sql(shop: Database) -> None:
    baseline = fit(examples(), {"shop": shop})
    assert baseline.predict(PAIRS[2][0], shop) == PAIRS[2][1]
    assert baseline.predict(PAIRS[6][0], shop).endswith("LIMIT 3")


def test_nothing_to_go_by_is_an_empty_prediction(shop: Database) -> None:
    assert fit([], {}).predict("How many?", shop) == ""
    baseline = fit(examples()[7:8], {"shop": shop})
    assert baseline.predict("How many?", shop) == ""
    assert baseline.predict("How many?", Database("none", Schema(()))) == ""


def test_a_template_with_more_tables_than_there_are_is_passed_over(shop: Database) -> None:
    single = Database("one", schema_from_ddl("CREATE TABLE `big box` (`the size` INTEGER)"))
    sql = fit(examples()[4:5] + examples()[3:4], {"shop": shop}).predict(PAIRS[4][0], single)
    assert check_validity(sql, single.schema).valid


def test_the_longest_value_is_the_one_mentioned() -> None:
    index = {
        "new york": (("t", "city", "New York"),),
        "york": (("t", "city", "York"),),
        "no": (("t", "flag", "no"),),
    }
    found = mentions("There is no rain in New York, says York.", index)
    assert [m.text for m in found] == ["New York", "York"]
