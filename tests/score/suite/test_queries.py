"""What is asked of a query: hints, neighbours, and whether it has one answer."""

from __future__ import annotations

import random

import pytest
from sqlglot import exp

from sqlforge.core.records import Database
from sqlforge.score.suite.distil import cover
from sqlforge.score.suite.hints import merged_hints, parsed, query_hints
from sqlforge.score.suite.neighbours import neighbours
from sqlforge.score.suite.probes import limit_ties, probes


def tree_of(sql: str) -> exp.Expr:
    tree = parsed(sql)
    assert tree is not None
    return tree


def changed(sql: str, library: Database) -> dict[str, str]:
    """Neighbours by text, with the kind of change."""
    found = neighbours(tree_of(sql), library.schema, {}, random.Random(0), limit=1000)
    return {other.sql: other.kind for other in found}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name FROM member WHERE age > 40", "SELECT name FROM member WHERE age >= 40"),
        ("SELECT name FROM member WHERE age > 40", "SELECT name FROM member WHERE age > 41"),
        ("SELECT name FROM member WHERE age > 40", "SELECT name FROM member"),
        ("SELECT name FROM member WHERE age > 40", 'SELECT "town" FROM member WHERE age > 40'),
        ("SELECT DISTINCT town FROM member", "SELECT town FROM member"),
        ("SELECT town FROM member", "SELECT DISTINCT town FROM member"),
        ("SELECT max(age) FROM member", "SELECT MIN(age) FROM member"),
        ("SELECT max(age) FROM member", "SELECT age FROM member"),
        ("SELECT count(DISTINCT town) FROM member", "SELECT COUNT(town) FROM member"),
        (
            "SELECT name FROM member WHERE age > 4 AND id < 5",
            "SELECT name FROM member WHERE age > 4 OR id < 5",
        ),
        (
            "SELECT name FROM member WHERE age > 4 AND id < 5",
            "SELECT name FROM member WHERE id < 5",
        ),
        (
            "SELECT name FROM member ORDER BY age LIMIT 2",
            "SELECT name FROM member ORDER BY age DESC LIMIT 2",
        ),
        ("SELECT name FROM member ORDER BY age LIMIT 2", "SELECT name FROM member ORDER BY age"),
        (
            "SELECT name FROM member ORDER BY age LIMIT 2",
            "SELECT name FROM member ORDER BY age LIMIT 3",
        ),
        ("SELECT name FROM member ORDER BY age LIMIT 2", "SELECT name FROM member LIMIT 2"),
        (
            "SELECT isbn FROM tag UNION SELECT isbn FROM loan",
            "SELECT isbn FROM tag INTERSECT SELECT isbn FROM loan",
        ),
        ("SELECT isbn FROM tag EXCEPT SELECT isbn FROM loan", "SELECT isbn FROM tag"),
        (
            "SELECT isbn FROM tag EXCEPT SELECT isbn FROM loan",
            "SELECT isbn FROM loan EXCEPT SELECT isbn FROM tag",
        ),
        (
            "SELECT m.name FROM member AS m JOIN loan AS l ON m.id = l.member_id",
            "SELECT m.name FROM member AS m LEFT JOIN loan AS l ON m.id = l.member_id",
        ),
        (
            "SELECT m.name FROM member AS m JOIN loan AS l ON m.id = l.member_id",
            "SELECT m.name FROM member AS m",
        ),
        (
            "SELECT word FROM tag WHERE isbn IN (SELECT isbn FROM book)",
            "SELECT word FROM tag WHERE NOT isbn IN (SELECT isbn FROM book)",
        ),
        ("SELECT word FROM tag WHERE word LIKE '%a%'", "SELECT word FROM tag WHERE word LIKE '%a'"),
        (
            "SELECT isbn FROM book WHERE year BETWEEN 1 AND 9",
            "SELECT isbn FROM book WHERE (year > 1 AND year <= 9)",
        ),
        (
            "SELECT genre FROM book GROUP BY genre HAVING count(*) > 2",
            "SELECT genre FROM book GROUP BY genre",
        ),
        (
            "SELECT genre, year FROM book GROUP BY genre, year",
            "SELECT genre, year FROM book GROUP BY year",
        ),
    ],
)
def test_a_neighbour_is_one_change_away(sql: str, expected: str, library: Database) -> None:
    assert expected in changed(sql, library)


def test_the_query_itself_is_left_as_it_was_and_is_no_neighbour(library: Database) -> None:
    sql = "SELECT m.name, count(*) FROM member AS m JOIN loan AS l ON m.id = l.member_id WHERE "
    sql += "m.age BETWEEN 3 AND 50 AND l.isbn IN (SELECT isbn FROM tag) GROUP BY m.id HAVING "
    sql += "count(*) > 1 ORDER BY m.name DESC LIMIT 4"
    tree = tree_of(sql)
    before = tree.sql()
    found = neighbours(tree, library.schema, {}, random.Random(0), limit=1000)
    assert tree.sql() == before and before not in {other.sql for other in found}
    assert len({other.sql for other in found}) == len(found) > 60
    assert len({other.kind for other in found}) >= 14
    again = neighbours(tree, library.schema, {}, random.Random(0), limit=30)
    assert len(again) == 30
    assert again == neighbours(tree, library.schema, {}, random.Random(0), limit=30)


def test_hints_name_literals_sort_keys_joins_and_counts(library: Database) -> None:
    sql = (
        'SELECT m.name FROM member AS m JOIN tag AS t ON m.card = t.word WHERE m.town = "Chur" '
        "AND m.age NOT BETWEEN 20 AND -3 AND t.isbn IN ('a', 'b') AND m.sponsor IS NULL "
        "AND m.id IN (SELECT member_id FROM loan) GROUP BY m.id HAVING count(*) >= 7 ORDER BY m.age"
    )
    hints = query_hints(tree_of(sql), library.schema)
    assert hints.literals[("member", "town")] == ("Chur",)
    assert hints.literals[("member", "age")] == (20, -3)
    assert hints.literals[("tag", "isbn")] == ("a", "b")
    assert hints.sorted == {("member", "age")}
    assert hints.nulls == {("member", "sponsor")}
    assert (("member", "card"), ("tag", "word")) in hints.equal
    assert (("member", "id"), ("loan", "member_id")) in hints.equal
    assert hints.counts == (7,) and hints.tables == {"member", "tag", "loan"}
    assert merged_hints([hints, hints]).literals == hints.literals


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM member",
        "SELECT town, count(*) FROM member GROUP BY town",
        "SELECT name, max(age) FROM member",  # SQLite's own rule: the row of the maximum
        "SELECT count(*) AS n FROM member GROUP BY town HAVING n > 1",
        "SELECT m.name FROM member AS m WHERE EXISTS (SELECT count(*) FROM loan WHERE m.id = 3)",
    ],
)
def test_a_query_without_choice_has_no_probes(sql: str) -> None:
    assert probes(tree_of(sql)) == ()


def test_every_choice_has_its_probes() -> None:
    assert probes(tree_of("SELECT a, b FROM t UNION SELECT c, d FROM u ORDER BY 1")) == (
        "SELECT a, b FROM t UNION SELECT c, d FROM u ORDER BY 1, 1 ASC, 2 ASC",
        "SELECT a, b FROM t UNION SELECT c, d FROM u ORDER BY 1, 1 DESC, 2 DESC",
    )
    bare = probes(tree_of("SELECT t.a, b FROM t GROUP BY c ORDER BY sum(d) LIMIT 1"))
    assert len(bare) == 4
    assert "SELECT MIN(t.a), MIN(b) FROM t GROUP BY c ORDER BY SUM(d) LIMIT 1" in bare
    assert probes(tree_of("SELECT * FROM t ORDER BY a")) == ()


def test_a_tie_at_a_limit_is_asked_about_wherever_it_stands() -> None:
    sql = "SELECT a FROM t WHERE b = (SELECT c AS d FROM u ORDER BY d DESC LIMIT 1)"
    assert limit_ties(tree_of(sql)) == (
        (
            "SELECT c FROM u ORDER BY d DESC LIMIT 1 OFFSET 0",
            "SELECT c FROM u ORDER BY d DESC LIMIT 1 OFFSET 1",
        ),
    )
    ((within, _),) = limit_ties(tree_of("SELECT a, b + 1 FROM t ORDER BY 2 LIMIT 3"))
    assert within == "SELECT b + 1 FROM t ORDER BY 2 LIMIT 1 OFFSET 2"
    for none in ("SELECT a FROM t ORDER BY a", "SELECT a FROM t LIMIT 1"):
        assert limit_ties(tree_of(none)) == ()


def test_the_cover_is_small_and_covers_twice_where_asked() -> None:
    sets = [{(0, 1), (0, 2)}, {(0, 1)}, {(0, 2)}, {(0, 1), (0, 2), (0, 3)}]
    assert cover(sets, 9, lambda pair: 1) == [3]
    assert sorted(cover(sets, 9, lambda pair: 2)) == [0, 3]
    assert cover(sets, 1, lambda pair: 2) == [3]
    assert cover([], 3, lambda pair: 1) == []
