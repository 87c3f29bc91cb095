"""A shop's database with what real ones have: odd names, every kind of key, gaps, secrets."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

# {bool}, {time}, {blob}: the dialect's types; names are quoted as needed.
_DDL = (
    "CREATE TABLE cust (cust_id INTEGER PRIMARY KEY, cust_nm VARCHAR(60) NOT NULL,"
    " cust_addr_ln1 VARCHAR(80), city VARCHAR(40), {q}firstOrder{q} DATE, is_active {bool},"
    " pwd_hash VARCHAR(64),"
    " credit_lmt DECIMAL(10,2))",
    "CREATE TABLE staff (id INTEGER PRIMARY KEY, {q}fullName{q} VARCHAR(60),"
    " mgr_id INTEGER REFERENCES staff (id), salary DECIMAL(10,2), birth_year INTEGER)",
    "CREATE TABLE {q}order{q} (id INTEGER PRIMARY KEY, cust_id INTEGER REFERENCES cust (cust_id),"
    " sold_by INTEGER REFERENCES staff (id), placed_at {time}, {q}group{q} VARCHAR(20),"
    " note TEXT, shipped DATE)",
    "CREATE TABLE prod (sku VARCHAR(12) PRIMARY KEY, {q}größe{q} VARCHAR(5), title VARCHAR(60),"
    " unit_price DECIMAL(8,2), qty_in_stock INTEGER, photo {blob})",
    "CREATE TABLE order_line (order_id INTEGER REFERENCES {q}order{q} (id), line_no INTEGER,"
    " sku VARCHAR(12) REFERENCES prod (sku), qty INTEGER, PRIMARY KEY (order_id, line_no))",
    "CREATE TABLE empty_one (id INTEGER PRIMARY KEY, what VARCHAR(10))",
    "CREATE VIEW big_spenders AS SELECT cust_nm, city, credit_lmt FROM cust WHERE credit_lmt > 500",
)
_TYPES = {
    "sqlite": {"bool": "BOOLEAN", "time": "DATETIME", "blob": "BLOB"},
    "duckdb": {"bool": "BOOLEAN", "time": "TIMESTAMP", "blob": "BLOB"},
    "postgres": {"bool": "BOOLEAN", "time": "TIMESTAMP", "blob": "BYTEA"},
    "mysql": {"bool": "BOOLEAN", "time": "DATETIME", "blob": "BLOB"},
}
SECRET = "bcrypt-9f8e7d"
_FIRST = "Ada Ben Cleo Dora Emil Fay Gus Hana Ivo Jane Kai Lena Milo Nora Otto Pia".split()
_LAST = "Archer Baker Cooper Dyer Ewing Fisher Glover Hunter Irwin Jones".split()
_CITIES = ("Oslo", "Bergen", "Tromsø", "Bodø", "Hamar")
_THINGS = ("Lamp", "Chair", "Desk", "Shelf", "Rug", "Clock", "Mirror", "Vase")


def rows() -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table, the same every time."""
    rng = random.Random(5)
    customers: list[tuple[object, ...]] = []
    for number in range(1, 61):
        name = f"{_FIRST[number % 16]} {_LAST[number * 7 % 10]}"
        street = None if number % 9 == 0 else f"{rng.randint(1, 99)} Main Street"
        day = f"20{rng.randint(15, 24)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        limit = round(rng.uniform(50, 2000), 2)
        city = rng.choice(_CITIES)
        customers.append((number, name, street, city, day, rng.random() < 0.6, SECRET, limit))
    staff: list[tuple[object, ...]] = [
        (n, f"{_FIRST[n]} {_LAST[n % 10]}", None if n == 1 else rng.randint(1, n - 1),
         rng.randint(300, 900) * 100, rng.randint(1960, 2002))
        for n in range(1, 13)
    ]  # fmt: skip
    orders: list[tuple[object, ...]] = []
    for number in range(1, 181):
        moment = (
            f"202{rng.randint(0, 4)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
            f" {rng.randint(8, 19):02d}:{rng.randint(0, 59):02d}:00"
        )
        note = "Please leave the parcel with the neighbours, they are at home all day long. " * 2
        shipped = moment[:10] if rng.random() < 0.3 else None
        group = rng.choice(("web", "phone", "store"))
        orders.append(
            (number, rng.randint(1, 50), rng.randint(2, 12), moment, group, note, shipped)
        )
    products: list[tuple[object, ...]] = [
        (f"SKU-{n:03d}", rng.choice(("S", "M", "L")), f"{_THINGS[n % 8]} {n}",
         round(rng.uniform(3, 300), 2), rng.randint(0, 90), None)
        for n in range(1, 33)
    ]  # fmt: skip
    lines: list[tuple[object, ...]] = [
        (order, line, f"SKU-{rng.randint(1, 30):03d}", rng.randint(1, 9))
        for order in range(1, 181)
        for line in range(1, rng.randint(2, 4))
    ]
    return {"cust": customers, "staff": staff, "order": orders, "prod": products,
            "order_line": lines}  # fmt: skip


def statements(dialect: str) -> list[str]:
    """The DDL in a dialect."""
    quote = "`" if dialect == "mysql" else '"'
    return [ddl.format(q=quote, **_TYPES[dialect]) for ddl in _DDL]


def inserts(dialect: str, mark: str) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """One INSERT with ``mark`` for each value, and its rows, a table."""
    quote = "`" if dialect == "mysql" else '"'
    for table, filled in rows().items():
        yield (
            f"INSERT INTO {quote}{table}{quote} VALUES ({', '.join([mark] * len(filled[0]))})",
            filled,
        )


def fill(
    dialect: str, mark: str, one: Callable[[str], object], many: Callable[..., object]
) -> None:
    """Make the shop through a driver's ``execute`` and ``executemany``."""
    for statement in statements(dialect):
        one(statement)
    for insert, filled in inserts(dialect, mark):
        many(insert, filled)


def sqlite_shop(path: Path) -> Path:
    """The shop as an SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        fill("sqlite", "?", connection.execute, connection.executemany)
        connection.commit()
    return path


def duckdb_shop(path: Path) -> Path:
    """The shop as a DuckDB file."""
    import duckdb

    connection = duckdb.connect(str(path))
    fill("duckdb", "?", connection.execute, connection.executemany)
    connection.close()
    return path
