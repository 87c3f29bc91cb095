"""The grammar over question and SQL, on small domains and on all real ones."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp
from synthetic_samples import CHOIR, SAMPLES, WORKSHOP

from sqlforge.corpus.synthetic.build import load
from sqlforge.corpus.synthetic.comparisons import MAKERS
from sqlforge.corpus.synthetic.condition import Asked, Condition
from sqlforge.corpus.synthetic.conditions import combined, condition
from sqlforge.corpus.synthetic.domain import Domain
from sqlforge.corpus.synthetic.domains import DOMAINS
from sqlforge.corpus.synthetic.grammar import KINDS, PATTERNS, draft, kinds_for
from sqlforge.corpus.synthetic.pattern import Filling, Pattern, ask
from sqlforge.corpus.synthetic.phrases import article, is_plural, plural
from sqlforge.corpus.synthetic.seeds import rng_for
from sqlforge.corpus.synthetic.slices import rows_of, slices
from sqlforge.corpus.synthetic.values import fill
from sqlforge.corpus.synthetic.view import View

every_pattern = pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
every_domain = pytest.mark.parametrize(
    "domain", (*SAMPLES, *DOMAINS), ids=lambda domain: domain.name
)


@cache
def view_of(domain: Domain) -> View:
    return View(domain, fill(domain, 0))


@contextmanager
def opened(view: View) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        load(connection, view.domain, view.rows)
        yield connection


def filled(pattern: Pattern, rng: random.Random) -> Filling:
    """A filling of the pattern from any of the domains."""
    for _ in range(200):
        found = pattern.make(view_of(rng.choice((*SAMPLES, *DOMAINS))), rng)
        if found is not None:
            return found
    raise AssertionError(f"{pattern.name} finds nothing in any domain")


@every_pattern
def test_a_pattern_has_five_wordings_that_differ(pattern: Pattern) -> None:
    slots = {"show": "List", "then": "give", "every": "each", **filled(pattern, rng_for(0)).slots}
    worded = {frame.format_map(slots) for frame in pattern.frames}
    assert len(worded) >= 5
    skeletons = {re.sub(r"\{\w+\}|\W", "", frame.lower()) for frame in pattern.frames}
    assert len(skeletons) >= 5  # not only the slots differ, but the sentence around them


@every_pattern
def test_a_pattern_asks_both_in_questions_and_in_commands(pattern: Pattern) -> None:
    asked = ["?" in frame for frame in pattern.frames]
    assert any(asked) and not all(asked)


@every_pattern
def test_sql_is_written_in_one_canonical_style(pattern: Pattern) -> None:
    for turn in range(15):
        sql = filled(pattern, rng_for("style", turn)).sql
        assert not sql.endswith(";") and "  " not in sql and "\n" not in sql
        tree = sqlglot.parse_one(sql, read="sqlite")
        joins = any(select.args.get("joins") for select in tree.find_all(exp.Select))
        aliases = [table.alias for table in tree.find_all(exp.Table) if table.alias]
        if aliases:
            assert sorted(aliases) == [f"T{n + 1}" for n in range(len(aliases))]
            assert all(column.table for column in tree.find_all(exp.Column))
        else:
            assert not joins
            assert not any(column.table for column in tree.find_all(exp.Column))


def test_every_kind_has_patterns_and_a_weight() -> None:
    assert {pattern.kind for pattern in PATTERNS} == set(KINDS)
    assert all(weight > 0 for weight in KINDS.values())
    assert len({pattern.name for pattern in PATTERNS}) == len(PATTERNS)


@every_domain
def test_any_question_about_a_domain_executes_and_reads_cleanly(domain: Domain) -> None:
    view = view_of(domain)
    asked: set[str] = set()
    with opened(view) as connection:
        for turn in range(250):
            rng = rng_for("execute", domain.name, turn)
            made = draft(view, rng.choice(list(KINDS)), rng)
            if made is None:
                continue
            asked.add(made.kind)
            connection.execute(made.sql).fetchall()
            if made.ties:
                connection.execute(made.ties.sql).fetchall()
            check_text(made.question, domain)
    assert asked == set(KINDS)


def check_text(question: str, domain: Domain) -> None:
    assert question[0].isupper() or not question[0].isalpha(), question
    assert question.endswith(("?", ".")), question
    assert "  " not in question and "{" not in question and "\0" not in question, question
    assert not re.search(r"\ba [aeio]\w+", _unquoted(question, domain)), question
    for table in domain.tables:
        for spelling in (table.name, *(column.name for column in table.columns)):
            if "_" in spelling:
                assert spelling.lower() not in question.lower(), question


def _unquoted(question: str, domain: Domain) -> str:
    """The question without words that are values or start "a one-…", "a euro…"."""
    return re.sub(r"\ba (?:one|once|eu)\w*", "", re.sub(r"[\"'].*?[\"']", "", question))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**63), turn=st.integers(0, 1000))
def test_any_seed_gives_sql_that_executes(seed: int, turn: int) -> None:
    domain = (*SAMPLES, *DOMAINS)[seed % (len(SAMPLES) + len(DOMAINS))]
    whole = view_of(domain)
    parts = slices(domain, seed, max_tables=3, count=3)
    part = parts[turn % len(parts)]
    view = View(part, rows_of(part, domain, whole.rows))
    rng = random.Random(seed)
    with opened(view) as connection:
        for kind in kinds_for(view):
            made = draft(view, kind, rng)
            if made is not None:
                connection.execute(made.sql).fetchall()


@pytest.mark.parametrize("way", list(MAKERS))
def test_every_way_to_limit_a_column_is_said_with_its_value(way: str) -> None:
    said: set[str] = set()
    for turn in range(60):
        rng = rng_for(way, turn)
        view = view_of(rng.choice(SAMPLES))
        table = rng.choice(view.entities)
        found = condition(view, table, rng, ways=(way,))
        if found is None:
            continue
        clause = found.clause(rng)
        said.add(clause.split()[0])
        for literal in sqlglot.parse_one(found.sql(), read="sqlite").find_all(exp.Literal):
            if literal.this != "%Y":
                assert literal.this.strip("%").lower() in f"{clause} {found.owned}".lower()
    assert {"whose", "with"} <= said


def test_two_conditions_use_two_columns_and_parentheses_only_beside_a_third() -> None:
    for turn in range(40):
        view = view_of(CHOIR)
        found = combined(view, CHOIR.table("singers"), rng_for(turn))
        assert found is not None
        assert len(set(found.columns)) == 2
        assert not found.sql().startswith("(")
        assert found.sql("T1", beside=True).startswith("(") is (" OR " in found.sql())


def test_a_table_without_columns_to_ask_about_gives_no_condition() -> None:
    singers = CHOIR.table("singers")
    view, every = view_of(CHOIR), [column.name for column in singers.columns]
    assert condition(view, singers, rng_for(0), avoid=every) is None
    assert combined(view, singers, rng_for(0), avoid=every) is None
    assert combined(view, singers, rng_for(0), avoid=[n for n in every if n != "voice"]) is None


def test_wildcards_of_a_value_never_reach_a_pattern() -> None:
    singers = CHOIR.table("singers")
    column = singers.columns[1]
    asked = Asked(singers, column, "name", True, ("50% off", "_x_"), rng_for(1))
    for way in ("starts", "contains", "ends"):
        made = MAKERS[way](asked)
        assert isinstance(made, Condition)
        inside = re.findall(r"LIKE '%?(.*?)%?'", made.sql())[0]
        assert inside and not set(inside[:1] + inside[-1:]) & set("%_ ")


def test_a_word_that_two_columns_share_is_used_for_neither() -> None:
    view = view_of(CHOIR)
    singers = CHOIR.table("singers")
    joined, age = singers.columns[3], singers.columns[5]
    # "oldest" would mean both the longest membership and the highest age.
    assert view.superlatives(singers, joined) is None
    assert view.superlatives(singers, age) is None
    songs = CHOIR.table("songs")
    assert view.superlatives(songs, songs.columns[3]) == ("longest", "shortest")


def test_people_are_they_and_things_are_it() -> None:
    assert view_of(CHOIR).its(CHOIR.table("singers")) == "their"
    assert view_of(CHOIR).its(CHOIR.table("songs")) == "its"


def test_a_database_of_one_table_gets_no_joins() -> None:
    alone = Domain("alone", "train", (CHOIR.table("songs"),))
    kinds = kinds_for(View(alone, fill(alone, 0)))
    assert not {"join", "join_group"} & set(kinds)
    assert "nested" in kinds


def test_a_reference_within_a_table_is_not_joined() -> None:
    parents = {link.parent.name for link in view_of(WORKSHOP).links}
    assert parents == {"Mechanic", "Order"}
    assert all(link.child is not link.parent for link in view_of(WORKSHOP).links)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("box", "boxes"),
        ("way of paying", "ways of paying"),
        ("points scored", "points scored"),
        ("top speed", "top speeds"),
        ("person", "people"),
        ("species", "species"),
        ("delivery", "deliveries"),
        ("lines spoken", "lines spoken"),
    ],
)
def test_plurals_put_the_s_where_english_does(one: str, many: str) -> None:
    assert plural(one) == many


def test_articles_follow_the_sound() -> None:
    assert [article(w) for w in ("hour", "unit", "euro", "email", "unknown name", "points")] == [
        "an hour",
        "a unit",
        "a euro",
        "an email",
        "an unknown name",
        "points",
    ]
    assert not is_plural("address")


def test_the_same_generator_asks_the_same_question() -> None:
    for pattern in PATTERNS:
        one, two = (ask(pattern, view_of(CHOIR), rng_for(9)) for _ in range(2))
        assert one == two
