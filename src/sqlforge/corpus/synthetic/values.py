"""Fill a domain with rows, deterministically from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlforge.core.errors import DataError
from sqlforge.core.records import SqlValue
from sqlforge.corpus.synthetic.domain import (
    Composed,
    Dates,
    Domain,
    DomainColumn,
    DomainTable,
    Fake,
    Numbers,
    Words,
)
from sqlforge.corpus.synthetic.seeds import rng_for, seed_for

if TYPE_CHECKING:
    from faker import Faker

Rows = tuple[tuple[SqlValue, ...], ...]
LOCALE = "en_US"
CHILDLESS = 0.15  # share of rows that nothing refers to: "customers without orders" need some
_ATTEMPTS = 200


def fill(domain: Domain, seed: int) -> dict[str, Rows]:
    """Rows of every table, keyed by table name, columns in declared order.

    Every column has a generator of its own, so that a change in one column leaves the others as
    they were. Foreign keys always refer to an existing row; a table without a key (it only links
    others) holds no pair twice.

    Raises:
        ValueError: if a ``unique`` column has fewer possible values than the table has rows.
        DataError: if ``faker`` is not installed.
    """
    sizes = {table.name: _row_count(domain, table) for table in domain.tables}
    return {table.name: _fill_table(domain, table, sizes, seed) for table in domain.tables}


def is_link(table: DomainTable) -> bool:
    """Whether the table has no key of its own and only links others."""
    return all(column.role != "key" for column in table.columns)


def foreign_keys(table: DomainTable) -> tuple[DomainColumn, ...]:
    """The columns of ``table`` that refer to another row."""
    return tuple(c for c in table.columns if c.role == "foreign_key" or c.refers_to is not None)


def _row_count(domain: Domain, table: DomainTable) -> int:
    """``rows``, or fewer for a link table that has not that many pairs to hold."""
    if not is_link(table):
        return table.rows
    pairs = 1
    for column in foreign_keys(table):
        pairs *= domain.table(_target(column)).rows
    return min(table.rows, max(1, pairs // 2))


def _fill_table(domain: Domain, table: DomainTable, sizes: Mapping[str, int], seed: int) -> Rows:
    count = sizes[table.name]
    links = _references(domain, table, sizes, seed)
    columns: list[list[SqlValue]] = []
    for column in table.columns:
        if column.role == "key":
            columns.append(list(range(1, count + 1)))
        elif column.role == "foreign_key":
            columns.append(links[column.name])
        else:
            where = f"{domain.name}.{table.name}.{column.name}"
            columns.append(_column(column, count, seed, where))
    return tuple(zip(*columns, strict=True))


def _references(
    domain: Domain, table: DomainTable, sizes: Mapping[str, int], seed: int
) -> dict[str, list[SqlValue]]:
    """Values of every foreign key of the table, row by row."""
    columns = foreign_keys(table)
    rng = rng_for(seed, domain.name, table.name, "references")
    draws = [_drawer(rng, column, table, sizes) for column in columns]
    seen: set[tuple[SqlValue, ...]] = set()
    found: dict[str, list[SqlValue]] = {column.name: [] for column in columns}
    distinct = is_link(table)
    for row in range(sizes[table.name]):
        pair = tuple(draw(row) for draw in draws)
        for attempt in range(_ATTEMPTS):
            if not (distinct and pair in seen):
                break
            uniform = attempt > _ATTEMPTS // 2  # popular pairs are used up: draw evenly
            pair = tuple(
                rng.randint(1, sizes[_target(column)]) if uniform else draw(row)
                for column, draw in zip(columns, draws, strict=True)
            )
        else:
            raise ValueError(f"{domain.name}.{table.name}: not enough different pairs to link")
        seen.add(pair)
        for column, value in zip(columns, pair, strict=True):
            found[column.name].append(value)
    return found


def _drawer(
    rng: random.Random, column: DomainColumn, table: DomainTable, sizes: Mapping[str, int]
) -> Callable[[int], SqlValue]:
    """A function from the row's number to the key that it refers to."""
    size = sizes[_target(column)]
    if column.refers_to == table.name:  # a manager, a parent: somebody listed before, or nobody
        return lambda row: rng.randint(1, row) if row and rng.random() < 0.85 else None
    weights = [0.0 if rng.random() < CHILDLESS else 0.3 + rng.expovariate(1.0) for _ in range(size)]
    if not any(weights):
        weights = [1.0] * size
    keys = range(1, size + 1)
    return lambda row: rng.choices(keys, weights)[0]


def _target(column: DomainColumn) -> str:
    if column.refers_to is None:
        raise ValueError(f"foreign key {column.name} does not say what it refers to")
    return column.refers_to


def _column(column: DomainColumn, count: int, seed: int, where: str) -> list[SqlValue]:
    rng = rng_for(seed, where)
    spec = column.values
    share = column.share_null
    match spec:
        case Words():
            values = _words(spec, count, rng, where)
        case Fake():
            values = _fake(spec, count, seed_for(seed, where), where)
        case Composed():
            values = _drawn(lambda: _compose(spec, rng), count, spec.unique, where)
        case Numbers():
            values = [_number(spec, rng, skewed=column.role != "year") for _ in range(count)]
            share = max(share, spec.null_share)
        case Dates():
            values = [_day(spec, rng) for _ in range(count)]
            share = max(share, spec.null_share)
        case None:
            raise ValueError(f"{where} does not say how to fill it")
    return [None if share and rng.random() < share else value for value in values]


def _words(spec: Words, count: int, rng: random.Random, where: str) -> list[SqlValue]:
    if spec.unique:
        if len(set(spec.choices)) < count:
            raise ValueError(f"{where}: {len(spec.choices)} words for {count} different rows")
        return list(rng.sample(spec.choices, count))
    # Uneven shares, so that "the most common" has one answer.
    shares = [0.4 + rng.random() for _ in spec.choices]
    return list(rng.choices(spec.choices, shares, k=count))


def _number(spec: Numbers, rng: random.Random, *, skewed: bool) -> int | float:
    position = rng.random() ** (1.4 if skewed else 1.0)
    value: float = spec.low + (spec.high - spec.low) * position
    return round(value) if spec.decimals == 0 else round(value, spec.decimals)


def _day(spec: Dates, rng: random.Random) -> str:
    first, last = date.fromisoformat(spec.first), date.fromisoformat(spec.last)
    return (first + timedelta(days=rng.randint(0, (last - first).days))).isoformat()


def _compose(spec: Composed, rng: random.Random) -> str:
    return " ".join(rng.choice(part) for part in spec.parts)


def _fake(spec: Fake, count: int, seed: int, where: str) -> list[SqlValue]:
    fake = _faker()
    fake.seed_instance(seed)
    provide = getattr(fake, spec.provider)
    return _drawn(lambda: str(provide()).replace("\n", ", "), count, spec.unique, where)


@lru_cache(maxsize=1)
def _faker() -> Faker:
    """Imported late: faker belongs to the ``data`` extra and takes a while to load."""
    try:
        from faker import Faker
    except ModuleNotFoundError as missing:
        raise DataError(
            "no package 'faker'",
            "the data extra, which fills the synthetic databases",
            "in SQLForge's source folder: pip install -e '.[data]'",
        ) from missing
    return Faker(LOCALE)


def _drawn(draw: Callable[[], str], count: int, unique: bool, where: str) -> list[SqlValue]:
    values: list[SqlValue] = []
    seen: set[str] = set()
    while len(values) < count:
        value = draw()
        for _ in range(_ATTEMPTS):
            if not (unique and value in seen):
                break
            value = draw()
        else:
            raise ValueError(f"{where}: fewer than {count} different values")
        seen.add(value)
        values.append(value)
    return values
