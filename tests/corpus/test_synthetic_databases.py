"""Filling, writing and slicing the domains of the embedded corpus."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_samples import CHOIR, SAMPLES, WORKSHOP

from sqlforge.core.errors import DataError, StorageError
from sqlforge.corpus.synthetic.build import create_table, name, schema_of, write_database
from sqlforge.corpus.synthetic.domain import (
    Composed,
    Domain,
    DomainColumn,
    DomainTable,
    Fake,
    Words,
)
from sqlforge.corpus.synthetic.domains import DOMAINS
from sqlforge.corpus.synthetic.seeds import rng_for
from sqlforge.corpus.synthetic.slices import connected, rows_of, slices
from sqlforge.corpus.synthetic.spelling import respelled
from sqlforge.corpus.synthetic.values import _faker, fill, foreign_keys, is_link

every_domain = pytest.mark.parametrize(
    "domain", (*SAMPLES, *DOMAINS), ids=lambda domain: domain.name
)


def one_table(*columns: DomainColumn, rows: int = 5) -> Domain:
    key = DomainColumn("id", "key", ("number", "no"))
    return Domain("tiny", "train", (DomainTable("t", ("row",), ("rows",), (key, *columns), rows),))


@every_domain
def test_every_foreign_key_refers_to_a_row_that_exists(domain: Domain) -> None:
    rows = fill(domain, 5)
    for table in domain.tables:
        for column in foreign_keys(table):
            target = domain.table(column.refers_to or "")
            keys = {row[0] for row in rows[target.name]}
            found = {row[table.columns.index(column)] for row in rows[table.name]} - {None}
            assert found <= keys


@every_domain
def test_a_linking_table_holds_no_pair_twice(domain: Domain) -> None:
    rows = fill(domain, 5)
    for table in domain.tables:
        if is_link(table):
            spots = [table.columns.index(column) for column in foreign_keys(table)]
            pairs = [tuple(row[spot] for spot in spots) for row in rows[table.name]]
            assert len(set(pairs)) == len(pairs)


def test_some_rows_stay_without_children() -> None:
    rows = fill(CHOIR, 0)
    assert {row[0] for row in rows["singers"]} - {row[0] for row in rows["solos"]}


def test_a_row_refers_within_its_own_table_only_to_rows_before_it() -> None:
    for row in fill(WORKSHOP, 1)["Mechanic"]:
        number, boss = row[0], row[2]
        assert isinstance(number, int)
        assert boss is None or (isinstance(boss, int) and boss < number)


def test_rows_depend_on_the_seed_and_on_nothing_else() -> None:
    assert fill(CHOIR, 3) == fill(CHOIR, 3)
    assert fill(CHOIR, 3) != fill(CHOIR, 4)
    without = replace(CHOIR, tables=CHOIR.tables[:2])
    assert fill(without, 3)["songs"] == fill(CHOIR, 3)["songs"]


def test_the_share_of_missing_values_is_about_the_declared_one() -> None:
    wide = replace(WORKSHOP.tables[1], rows=1000)
    rows = fill(replace(WORKSHOP, tables=(WORKSHOP.tables[0], wide)), 0)["Order"]
    missing = sum(row[-1] is None for row in rows) / len(rows)
    assert 0.1 < missing < 0.2


@pytest.mark.parametrize(
    "column",
    [
        DomainColumn("w", "name", ("word",), Words(("a", "b"), unique=True)),
        DomainColumn("c", "name", ("word",), Composed((("a", "b"), ("c",)), unique=True)),
        DomainColumn("f", "name", ("word",), Fake("boolean", unique=True)),
        DomainColumn("n", "name", ("word",), None),
        DomainColumn("r", "foreign_key", ("word",)),
    ],
    ids=["words", "composed", "fake", "nothing", "no target"],
)
def test_a_column_that_cannot_be_filled_is_refused_by_name(column: DomainColumn) -> None:
    with pytest.raises(ValueError, match=column.name):
        fill(one_table(column), 0)


@every_domain
def test_the_file_holds_exactly_the_schema_and_the_rows(domain: Domain, tmp_path: Path) -> None:
    rows = fill(domain, 2)
    made = write_database(domain, rows, tmp_path)
    assert made.path is not None
    with closing(sqlite3.connect(made.path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert [row[0] for row in listed] == [table.name for table in made.schema.tables]
        for table in made.schema.tables:
            info = connection.execute(f"PRAGMA table_info({name(table.name)})").fetchall()
            assert [(row[1], row[2], row[5] > 0) for row in info] == [
                (column.name, column.type, column.primary_key) for column in table.columns
            ]
            links = connection.execute(f"PRAGMA foreign_key_list({name(table.name)})").fetchall()
            assert {(row[3], row[2], row[4]) for row in links} == {
                (link.columns[0], link.ref_table, link.ref_columns[0])
                for link in table.foreign_keys
            }
            stored = connection.execute(f"SELECT * FROM {name(table.name)}").fetchall()
            assert stored == list(rows[table.name])
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for folder in ("one", "two"):
        made = write_database(CHOIR, fill(CHOIR, 2), tmp_path / folder)
        assert made.path is not None
        digests.add(hashlib.sha256(made.path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_half_written_file_of_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    partial = tmp_path / "choir" / "choir.partial"
    partial.parent.mkdir()
    partial.write_text("cut off")
    made = write_database(CHOIR, fill(CHOIR, 2), tmp_path)
    assert made.path is not None and made.path.is_file() and not partial.exists()


def test_a_full_disk_leaves_no_half_written_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StorageError, match=r"choir\.sqlite"):
            write_database(CHOIR, fill(CHOIR, 2), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list((tmp_path / "choir").iterdir()) == []


def test_without_faker_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _faker.cache_clear()
    monkeypatch.setitem(sys.modules, "faker", None)
    with pytest.raises(DataError, match=r"pip install -e '\.\[data\]'"):
        fill(CHOIR, 0)


def test_a_reserved_word_is_quoted_and_nothing_else() -> None:
    ddl = create_table(WORKSHOP, WORKSHOP.table("Part"))
    assert 'REFERENCES "Order"(OrderNo)' in ddl
    assert ddl.count('"') == 2
    assert name('say "hi"') == '"say ""hi"""'


@every_domain
def test_slices_are_connected_small_and_different(domain: Domain) -> None:
    parts = slices(domain, 3, max_tables=3, count=8)
    assert len(parts) == 8
    assert len({part.name for part in parts}) == 8
    shapes = {tuple((t.name, t.columns) for t in part.tables) for part in parts}
    assert len(shapes) == 8
    for part in parts:
        names = tuple(table.name for table in part.tables)
        assert 1 <= len(names) <= 3
        assert names in connected(domain, len(names))
        assert part.split == domain.split


@every_domain
def test_a_slice_keeps_keys_links_and_three_plain_columns(domain: Domain) -> None:
    for part in slices(domain, 4, max_tables=3, count=8):
        names = {table.name for table in part.tables}
        for table in part.tables:
            whole = domain.table(table.name)
            kept = {column.name for column in table.columns}
            assert {c.name for c in whole.columns if c.role == "key"} <= kept
            assert {c.name for c in foreign_keys(whole) if c.refers_to in names} <= kept
            plain = [c for c in table.columns if c.role not in ("key", "foreign_key")]
            had = [c for c in whole.columns if c.role not in ("key", "foreign_key")]
            assert len(plain) >= min(3, len(had))
            if whole.verb:
                assert len(table.verb) == len(foreign_keys(table))


def test_a_foreign_key_to_a_table_outside_the_slice_is_a_plain_column(tmp_path: Path) -> None:
    part = Domain("part", "test", (WORKSHOP.table("Part"),))
    (table,) = schema_of(part).tables
    assert table.foreign_keys == ()
    assert table.column("OrderNo") is not None
    rows = rows_of(part, WORKSHOP, fill(WORKSHOP, 0))
    assert write_database(part, rows, tmp_path).path is not None


def test_a_slice_has_the_rows_of_its_domain() -> None:
    rows = fill(CHOIR, 1)
    for part in slices(CHOIR, 1, max_tables=2, count=4):
        cut = rows_of(part, CHOIR, rows)
        for table in part.tables:
            spots = [
                [c.name for c in CHOIR.table(table.name).columns].index(c.name)
                for c in table.columns
            ]
            assert cut[table.name] == tuple(
                tuple(row[spot] for spot in spots) for row in rows[table.name]
            )


def test_slices_of_no_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        slices(CHOIR, 0, max_tables=0, count=3)


@every_domain
def test_another_spelling_changes_names_only(domain: Domain, tmp_path: Path) -> None:
    rows = fill(domain, 0)
    changed = 0
    for turn in range(6):
        other, moved = respelled(domain, rows, rng_for("spelling", domain.name, turn))
        assert list(moved.values()) == [rows[table.name] for table in domain.tables]
        before, after = schema_of(domain), schema_of(other)
        assert len({table.name.lower() for table in after.tables}) == len(after.tables)
        for old, new in zip(before.tables, after.tables, strict=True):
            assert len({c.name.lower() for c in new.columns}) == len(old.columns)
            assert [c.type for c in new.columns] == [c.type for c in old.columns]
            assert len(new.foreign_keys) == len(old.foreign_keys)
            changed += sum(a.name != b.name for a, b in zip(old.columns, new.columns, strict=True))
    write_database(other, moved, tmp_path)
    assert changed > 0
