"""What every synthetic domain must hold, whoever wrote it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import chain
from math import prod
from pathlib import Path

import pytest

from sqlforge.corpus.synthetic import domains as domains_package
from sqlforge.corpus.synthetic.domain import (
    Composed,
    Dates,
    Domain,
    DomainColumn,
    DomainTable,
    Numbers,
    Words,
)
from sqlforge.corpus.synthetic.domains import DOMAINS

every_domain = pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)


def columns_of(domain: Domain) -> list[tuple[DomainTable, DomainColumn]]:
    return [(table, column) for table in domain.tables for column in table.columns]


def plain(spelling: str) -> str:
    """The spelling as a reader would say it letter by letter: case and underscores gone."""
    return spelling.lower().replace("_", "").replace(" ", "")


def null_share(column: DomainColumn) -> float:
    inner = column.values.null_share if isinstance(column.values, Numbers | Dates) else 0.0
    return max(inner, column.share_null)


def test_every_module_of_the_folder_is_exported_and_sorted_by_name() -> None:
    folder = Path(domains_package.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert [domain.name for domain in DOMAINS] == sorted(modules)


def test_the_splits_are_large_enough() -> None:
    counts = Counter(domain.split for domain in DOMAINS)
    assert len(DOMAINS) >= 24
    assert counts["train"] >= 16
    assert counts["validation"] >= 2
    assert counts["test"] >= 6


def test_half_of_the_domains_link_many_to_many() -> None:
    linked = [
        domain.name
        for domain in DOMAINS
        if any(table.columns[0].role == "foreign_key" for table in domain.tables)
    ]
    assert len(linked) >= len(DOMAINS) / 2


@every_domain
def test_sizes_and_names_are_in_bounds_and_unique(domain: Domain) -> None:
    assert 4 <= len(domain.tables) <= 8
    assert len({table.name.lower() for table in domain.tables}) == len(domain.tables)
    for table in domain.tables:
        assert 4 <= len(table.columns) <= 8, table.name
        assert 20 <= table.rows <= 120, table.name
        assert len({column.name.lower() for column in table.columns}) == len(table.columns)


@every_domain
def test_a_table_starts_with_its_key_or_only_links_two_others(domain: Domain) -> None:
    for table in domain.tables:
        roles = [column.role for column in table.columns]
        if roles[0] == "key":
            assert roles.count("key") == 1, table.name
        else:
            assert "key" not in roles and roles.count("foreign_key") >= 2, table.name


@every_domain
def test_foreign_keys_name_a_keyed_table_and_have_one_verb_each(domain: Domain) -> None:
    for table in domain.tables:
        foreign = [column for column in table.columns if column.role == "foreign_key"]
        assert len(table.verb) == len(foreign), table.name
        for column in foreign:
            assert column.refers_to is not None
            assert domain.table(column.refers_to).columns[0].role == "key"
    assert all(
        (c.role == "foreign_key") == (c.refers_to is not None) for _, c in columns_of(domain)
    )


@every_domain
def test_parents_can_be_filled_before_their_children(domain: Domain) -> None:
    pending = {
        table.name: {c.refers_to for c in table.columns if c.refers_to} for table in domain.tables
    }
    while ready := {name for name, parents in pending.items() if not parents & pending.keys()}:
        pending = {name: parents for name, parents in pending.items() if name not in ready}
    assert not pending


@every_domain
def test_foreign_keys_connect_all_tables(domain: Domain) -> None:
    edges = [(table.name, c.refers_to) for table, c in columns_of(domain) if c.refers_to]
    reached = {domain.tables[0].name}
    for _ in domain.tables:
        reached |= set(chain.from_iterable(edge for edge in edges if reached & set(edge)))
    assert reached == {table.name for table in domain.tables}


@every_domain
def test_columns_have_two_wordings_that_differ_from_the_spelling_and_from_each_other(
    domain: Domain,
) -> None:
    for table, column in columns_of(domain):
        where = f"{table.name}.{column.name}"
        assert len(column.words) >= 2, where
        assert any(plain(word) != plain(column.name) for word in column.words), where
    for table in domain.tables:
        said = Counter(word.lower() for column in table.columns for word in column.words)
        assert not [word for word, count in said.items() if count > 1], table.name


@every_domain
def test_a_superlative_means_one_column_of_its_table(domain: Domain) -> None:
    for table in domain.tables:
        said = Counter(word for column in table.columns for word in column.adjectives or ())
        assert not [word for word, count in said.items() if count > 1], table.name


@every_domain
def test_no_two_tables_are_called_the_same(domain: Domain) -> None:
    for table in domain.tables:
        assert len(table.singular) == len(table.plural) >= 2, table.name
    said = Counter(word for table in domain.tables for word in {*table.singular, *table.plural})
    assert not [word for word, count in said.items() if count > 1]


@every_domain
def test_values_fit_their_role(domain: Domain) -> None:
    for table, column in columns_of(domain):
        where = f"{table.name}.{column.name}"
        if column.role in ("key", "foreign_key"):
            assert column.values is None, where
        elif column.role in ("number", "money", "year"):
            assert isinstance(column.values, Numbers) and column.values.low < column.values.high
            assert 0 <= column.values.null_share < 0.8, where
        elif column.role == "date":
            assert isinstance(column.values, Dates), where
            assert date.fromisoformat(column.values.first) < date.fromisoformat(column.values.last)
        else:
            assert column.values is not None, where
        assert column.adjectives is None or column.role in ("number", "money", "date", "year")
        assert 0 <= column.share_null < 0.8, where


@every_domain
def test_unique_columns_have_enough_values_and_lists_no_repeats(domain: Domain) -> None:
    for table, column in columns_of(domain):
        where = f"{table.name}.{column.name}"
        if isinstance(column.values, Words):
            choices = column.values.choices
            assert len(set(choices)) == len(choices), where
            assert not column.values.unique or len(choices) >= table.rows, where
        if isinstance(column.values, Composed) and column.values.unique:
            assert prod(len(part) for part in column.values.parts) >= table.rows, where


@every_domain
def test_each_domain_can_be_asked_every_kind_of_question(domain: Domain) -> None:
    roles = Counter(column.role for _, column in columns_of(domain))
    assert roles["name"] >= 2
    assert roles["category"] >= 3
    assert roles["number"] + roles["money"] >= 3
    assert roles["date"] + roles["year"] >= 2
    assert sum(null_share(column) > 0 for _, column in columns_of(domain)) >= 3
    assert sum(column.adjectives is not None for _, column in columns_of(domain)) >= 3
