from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlforge.core.schema import Table
from sqlforge.database.place import place_of
from sqlforge.database.reading import ReadOnlyDatabase
from sqlforge.database.sample import TableRows, is_secret, sample, single_key

MANY = 30_000  # more than are read whole


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sample") / "shop.sqlite"
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
    with sqlite3.connect(file) as connection:
        connection.executescript(
            f"""
            CREATE TABLE buyer (id INTEGER PRIMARY KEY, name TEXT, password TEXT, face BLOB);
            {numbers} INSERT INTO buyer SELECT i, 'Buyer ' || i, 'secret', x'00' FROM n;
            CREATE TABLE bill (
              id INTEGER PRIMARY KEY, buyer_id INTEGER REFERENCES buyer, note TEXT);
            {numbers} INSERT INTO bill SELECT i, {MANY} - i + 1, printf('%.*c', 900, 'x') FROM n;
            CREATE TABLE code (code TEXT PRIMARY KEY, said TEXT) WITHOUT ROWID;
            {numbers} INSERT INTO code SELECT 'c' || i, 'said ' || i FROM n;
            CREATE TABLE few (id INTEGER PRIMARY KEY, kind TEXT);
            INSERT INTO few VALUES (1, 'a'), (2, NULL);
            CREATE VIEW slow AS SELECT COUNT(*) AS many FROM buyer a, buyer b, buyer c;
            """
        )
    return file


@pytest.fixture(scope="module")
def read(shop: Path) -> dict[str, TableRows]:
    seen: list[tuple[int, int]] = []
    with ReadOnlyDatabase(place_of(str(shop)), seconds=0.5) as database:
        found = sample(database, 3, lambda done, total: seen.append((done, total)))
        again = sample(database, 3)
    assert seen[-1] == (5, 5)
    assert found == again, "the same seed reads the same rows"
    assert [name for name, _ in found.unreadable] == ["slow"], "a view that takes too long"
    return {table.table.name: table for table in found.tables}


def test_a_small_table_is_read_whole(read: dict[str, TableRows]) -> None:
    assert read["few"].complete and read["few"].rows == ((1, "a"), (2, None))


def test_a_large_table_is_read_here_and_there(read: dict[str, TableRows]) -> None:
    ids = [row[0] for row in read["bill"].rows]
    assert not read["bill"].complete and len(ids) <= 4000
    assert min(ids) < MANY // 10 and max(ids) > MANY * 9 // 10


def test_what_a_sample_refers_to_is_read_too(read: dict[str, TableRows]) -> None:
    buyers = {row[0] for row in read["buyer"].rows}
    assert {row[1] for row in read["bill"].rows} <= buyers


def test_a_table_without_rowid_is_sampled_from_its_first_rows(read: dict[str, TableRows]) -> None:
    assert 1000 < len(read["code"].rows) <= 4000


def test_secrets_and_pictures_are_not_read_and_long_texts_are_cut(
    read: dict[str, TableRows],
) -> None:
    assert {row[2:] for row in read["buyer"].rows} == {(None, None)}
    assert {len(str(row[2])) for row in read["bill"].rows} == {500}


@pytest.mark.parametrize(
    ("column", "secret"),
    [
        ("password", True), ("user_pwd", True), ("passwd_hash", True), ("api_key", True),
        ("accessToken", True), ("salt", True), ("cvv", True), ("pin", True),
        ("passenger", False), ("shipping", False), ("opinion", False), ("basalt_kg", False),
        ("hashtag_count", True),
    ],
)  # fmt: skip
def test_a_secret_is_known_by_its_name(column: str, secret: bool) -> None:
    assert is_secret(column) is secret


def test_a_table_without_a_single_key_has_none() -> None:
    assert single_key(Table("t", ())) is None
