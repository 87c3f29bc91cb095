"""Spider's official mode: data pairs, each for one rule; the expectations are the evaluator's."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.errors import DatabaseError, GoldError
from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge, judge_each
from sqlforge.score.official.exact import comparable, exact_set_match
from sqlforge.score.official.names import Names, names_of
from sqlforge.score.official.parser import parse
from sqlforge.score.official.rules import comparer, executed_prediction, grader
from sqlforge.score.official.texts import executed_text, is_nothing
from sqlforge.score.official.tokens import UnreadableError, tokenize
from sqlforge.score.rules import rules_for

FIXTURES = Path(__file__).parents[1] / "fixtures" / "official"
NAMES = "SELECT name FROM singer"


def cases(name: str, label: str = "claim") -> list[Any]:
    rows = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row[label]) for row in rows]


@pytest.fixture(scope="module")
def concerts(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("official") / "concerts.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((FIXTURES / "concerts.sql").read_text(encoding="utf-8"))
    connection.close()
    return Database("concerts", schema_from_sqlite(path), path)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def one(gold: str, predicted: str, database: Database, sandbox: Sandbox) -> Verdict:
    example = Example("1", "?", gold, database.db_id, "spider", "CC-BY-SA-4.0", "easy")
    databases = {database.db_id: database}
    return judge([example], [Prediction("1", predicted, predicted)], databases, sandbox)[0]


@pytest.mark.parametrize("case", cases("read.json"))
def test_the_parser_reads_what_the_official_one_reads(
    case: dict[str, Any], concerts: Database
) -> None:
    assert comparer(concerts)(NAMES, case["sql"])[1] is case["read"]


@pytest.mark.parametrize("case", cases("exact.json"))
def test_queries_match_exactly_where_the_official_evaluator_says_so(
    case: dict[str, Any], concerts: Database
) -> None:
    assert comparer(concerts)(case["gold"], case["predicted"])[0] is case["exact"]


@pytest.mark.parametrize("case", cases("hardness.json", "sql"))
def test_hardness_counts_clauses_nesting_and_breadth(
    case: dict[str, Any], concerts: Database
) -> None:
    assert grader(concerts)(case["sql"]) == case["hardness"]


@pytest.mark.parametrize("case", cases("executed.json"))
def test_results_match_where_the_official_evaluator_says_so(
    case: dict[str, Any], concerts: Database, sandbox: Sandbox
) -> None:
    rules = rules_for("spider", "official")  # some golds run, but are none to its parser
    gold = sandbox.run(concerts, rules.gold_text(case["gold"]))
    predicted = sandbox.run(concerts, rules.predicted_text(case["predicted"]))
    assert gold.ok
    assert rules.same_result(gold, predicted, case["gold"]) is case["execution"]


@pytest.mark.parametrize(
    ("sql", "tokens"),
    [
        ("a ,b", "a , b"),
        ("a,1,b", "a,1 , b"),
        ("a,,b", "a , ,b"),
        ("a:b c:", "a : b c :"),
        ("a.b a. a..b a.", "a.b a . a .. b a ."),
        ("x = 3. and y = 3. AND z", "x = 3. and y = 3 . and z"),
        ("t.* count(t.*)", "t . * count ( t . * )"),
        ("(a) [b] {c} <d>", "( a ) [ b ] { c } < d >"),
        ("a--b ---c", "a -- b -- -c"),
        ("`a` ``b``", "` a ` `` b ``"),
        ("a;b@c#d$e%f&g?h!i*j", "a ; b @ c # d $ e % f & g ? h ! i * j"),
        ("“a” a–b", "“ a ” a – b"),
        ("cannot gonna gimme", "can not gon na gim me"),
        ("A >= 1 ! = 2 <= 3 =4", "a >= 1 != 2 <= 3 =4"),
        ("x = 'A b' y='c'", 'x = "A b" y=__val_12_14__'),
    ],
)
def test_words_are_cut_as_english_prose(sql: str, tokens: str) -> None:
    assert " ".join(tokenize(sql)) == tokens


def test_an_odd_number_of_quotes_cannot_be_read() -> None:
    with pytest.raises(UnreadableError, match="odd number of quotes"):
        tokenize("'a' \"")


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1;  -- c\nSELECT 2", "SELECT 1;  -- c\n"),
        ("SELECT (1; SELECT 2", "SELECT (1; SELECT 2"),
        ("SELECT ';' ; SELECT 2", "SELECT ';' ; "),
        ("SELECT [distinct], `distinct`, t.distinct", "SELECT [distinct], `distinct`, t."),
        ("SELECT count(DISTINCT(a))", "SELECT count((a))"),
        ("SELECT distinct_a /* distinct */", "SELECT distinct_a /* distinct */"),
        (r"SELECT 'a\' distinct '", r"SELECT 'a\' distinct '"),
        ("SELECT CASE WHEN a THEN (b) END; x", "SELECT CASE WHEN a THEN (b) END; "),
    ],
)
def test_the_first_statement_is_executed_without_distinct(sql: str, text: str) -> None:
    assert executed_text(sql) == text


def test_comments_alone_are_nothing() -> None:
    assert is_nothing("/* a */ ; -- b\n") and is_nothing("/* open")
    assert not is_nothing("SELECT 1 -- b") and not is_nothing("/* a */ SELECT 1 /* b */")
    assert executed_prediction("-- a") == executed_prediction(";") == "SELECT NULL WHERE 0"
    assert executed_prediction("") == ""


def test_a_verdict_in_the_official_mode_says_whether_its_own_parser_read_the_prediction(
    concerts: Database, sandbox: Sandbox
) -> None:
    sql = "SELECT T1.name FROM singer T1"
    verdict = one(NAMES, sql, concerts, sandbox)
    assert (verdict.execution, verdict.exact, verdict.valid, verdict.parsed) == (
        True,
        False,
        True,
        False,
    )


def test_listed_keys_count_before_those_of_the_file(concerts: Database) -> None:
    gold = "SELECT T1.id FROM singer AS T1 JOIN appearance AS T2"
    other = "SELECT T2.singer_id FROM singer AS T1 JOIN appearance AS T2"
    assert comparer(concerts)(gold, other)[0]
    assert not comparer(replace(concerts, listed_keys=()))(gold, other)[0]
    listed = replace(concerts, listed_keys=(("Appearance.Singer_ID", "singer.id"),))
    assert comparer(listed)(gold, other)[0]


def test_keys_that_would_join_two_sets_leave_them_two(concerts: Database) -> None:
    keys = (
        ("concert.id", "stadium.id"),
        ("appearance.concert_id", "singer.id"),
        ("singer.id", "concert.id"),
        ("nowhere.id", "singer.id"),
    )
    same = names_of(replace(concerts, listed_keys=keys)).same
    assert same["concert.id"] == same["stadium.id"] == "stadium.id"
    assert same["appearance.concert_id"] == "singer.id"
    assert "nowhere.id" not in same


def test_without_a_file_the_names_are_those_of_the_schema(concerts: Database) -> None:
    names = names_of(Database("d", concerts.schema))
    assert names.columns["singer"] == {"id", "name", "age", "country", "rating"}
    assert "star" in names.columns
    assert "star" not in names_of(concerts).columns


def test_a_file_that_is_gone_or_no_database_is_named(concerts: Database, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"gone\.sqlite"):
        names_of(replace(concerts, path=tmp_path / "gone.sqlite"))
    (tmp_path / "text.sqlite").write_text("no database" * 100)
    with pytest.raises(DatabaseError, match=r"text\.sqlite"):
        names_of(replace(concerts, path=tmp_path / "text.sqlite"))


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (b)")
    database = Database("a", schema_from_sqlite(path), path)
    assert "c" not in names_of(database).columns
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE c (d)")
    connection.close()
    assert "c" in names_of(database).columns


def test_queries_nested_beyond_measure_cannot_be_read(concerts: Database) -> None:
    deep = NAMES
    for _ in range(300):
        deep = f"SELECT name FROM singer WHERE id IN ({deep})"
    assert comparer(concerts)(NAMES, deep) == (False, False)
    assert comparer(concerts)(NAMES, f"{NAMES} UNION " * 2_000 + NAMES) == (False, False)


def test_hostile_texts_are_read_in_time(concerts: Database) -> None:
    compare = comparer(concerts)
    started = time.perf_counter()
    for text in (
        "SELECT " + "title, " * 5_000 + "title FROM singer" + " JOIN singer" * 1_000,
        "SELECT name FROM singer; " + "/* " * 16_000,
        "SELECT name FROM singer WHERE " + "age = id OR " * 4_000,
        "(" * 40_000,
        "'" * 50_000,
        "\\'" * 16_000 + ";",
        ". " * 20_000,
        "distinct " * 5_000,
        "SELECT name FROM singer WHERE name = '" + "x" * 5_000_000 + "'",
    ):
        compare(NAMES, text)
        executed_prediction(text)
        is_nothing(text)
    assert time.perf_counter() - started < 30  # seconds on a busy machine; it takes about one


def test_two_different_subqueries_in_one_from_match_nothing() -> None:
    names = Names({"t": frozenset("ab")}, frozenset(["*", "t", "t.a", "t.b"]), {})
    texts = [
        f"SELECT count(*) FROM (SELECT a FROM t) ({second})"
        for second in ("SELECT a FROM t", "SELECT b FROM t")
    ]
    same, apart = (comparable(parse(sql, names), names) for sql in texts)
    assert exact_set_match(same, same)
    assert not exact_set_match(apart, apart)


def test_a_gold_that_the_official_parser_cannot_read_is_named_or_left_out(
    concerts: Database, sandbox: Sandbox
) -> None:
    gold = "SELECT T1.name FROM singer T1"
    with pytest.raises(GoldError, match=r"gold SQL of 1 fails \(it cannot be read"):
        one(gold, NAMES, concerts, sandbox)
    example = Example("1", "?", gold, "concerts", "spider", "CC-BY-SA-4.0")
    found = judge_each(
        [example],
        [Prediction("1", NAMES, NAMES)],
        {"concerts": concerts},
        sandbox,
        skip_bad_gold=True,
    )
    verdict = next(found)
    assert verdict.execution is None
    assert verdict.bad_gold is not None and verdict.bad_gold.startswith("it cannot be read")
