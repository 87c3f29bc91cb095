"""The constraint byte by byte and token by token, against SQLite itself."""

from __future__ import annotations

import random
import sqlite3

import numpy as np
import pytest

from sqlforge.core.errors import ConstraintError
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.decode.constrain import (
    Cursor,
    advance_and_fill,
    constraint_for,
    fill_masks,
    mask_words,
)
from sqlforge.decode.vocabulary import Vocabulary

BYTES = Vocabulary((*(bytes([byte]) for byte in range(256)), None), (256,))
END = 256


def table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "TEXT") for column in columns))


SHOP = Schema(
    (
        table("customer", "id", "name", "city"),
        table("orders", "id", "customer_id", "total", "date"),
        table("item", "order_id", "product", "price"),
    )
)
AWKWARD = Schema(
    (
        table("my table", "first name", 'last "quoted" name', "select", "text"),
        table("order", "group", "id", "count"),
        table("t1", "t2", "naïve 😀"),
    )
)
TWINS = Schema((table("a", "id", "name"), table("b", "id", "name"), table("c", "id", "only")))


def cursor(schema: Schema, budget: int = 4000) -> Cursor:
    return constraint_for(schema, BYTES).start(budget)


def taken(schema: Schema, sql: str) -> str:
    """The part of ``sql`` that the constraint takes, with ``$`` if it may end there."""
    at = cursor(schema)
    for index, byte in enumerate(sql.encode()):
        try:
            at.advance(byte)
        except ConstraintError:
            return sql.encode()[:index].decode("utf-8", "ignore")
    return sql + ("$" if at.may_end else "")


def accepted(schema: Schema, sql: str) -> bool:
    return taken(schema, sql) == sql + "$"


def prepares(schema: Schema, sql: str) -> str | None:
    """SQLite's complaint, if it has one."""

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    connection = sqlite3.connect(":memory:")
    for each in schema.tables:
        columns = ", ".join(quoted(column.name) for column in each.columns)
        connection.execute(f"CREATE TABLE {quoted(each.name)} ({columns})")
    try:
        connection.execute(f"EXPLAIN {sql}")
    except sqlite3.Error as error:
        return str(error)
    finally:
        connection.close()
    return None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM customer",
        "select NAME from CUSTOMER;",
        "SELECT count(*) FROM orders WHERE total > 10 AND date LIKE '2024%'",
        "SELECT T1.name FROM customer AS T1 JOIN orders AS T2 ON T1.id = T2.customer_id",
        "SELECT name, total FROM customer, orders WHERE customer.id = orders.customer_id",
        "SELECT city, count(*) AS n FROM customer GROUP BY city HAVING n > 2 ORDER BY n LIMIT 3",
        "SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders)",
        "SELECT name FROM customer EXCEPT SELECT product FROM item ORDER BY name",
        "WITH x AS (SELECT city AS c FROM customer) SELECT c FROM x",
        "SELECT count(*) FROM (SELECT count(*) AS n FROM item) AS d WHERE d.n BETWEEN 1 AND 2",
        "SELECT CASE WHEN total > 5 THEN 'a' ELSE 'b' END FROM orders",
        "SELECT name FROM customer AS c WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.id = c.id)",
        "SELECT product, rank() OVER (PARTITION BY order_id ORDER BY price DESC) FROM item",
        "SELECT CAST(total AS REAL) / 2 FROM orders WHERE total IS NOT NULL ORDER BY 1",
        'SELECT max(price, 2) FROM item WHERE product = "pen"',
        "SELECT -1.5 + price FROM item WHERE NOT price IN (1, 2)",
    ],
)
def test_what_sqlite_prepares_is_taken(sql: str) -> None:
    assert prepares(SHOP, sql) is None
    assert accepted(SHOP, sql), taken(SHOP, sql)


@pytest.mark.parametrize(
    ("sql", "prefix"),
    [
        ("SELECT salary", "SELECT "),  # no such column; 'sum(' begins so, hence the next letter
        ("SELECT T1.name FROM orders AS T1 ", "SELECT T1.name FROM orders AS T1"),  # T1x might
        ("SELECT name FROM item WHERE", "SELECT name FROM item "),  # a JOIN still might
        ("SELECT T1.id FROM customer AS T2 WHERE", "SELECT T1.id FROM customer AS T2 "),
        ("SELECT name FROM customer WHERE total", "SELECT name FROM customer WHERE "),
        ("SELECT name FROM customer WHERE count(", "SELECT name FROM customer WHERE c"),
        ("SELECT sum(count(", "SELECT sum("),
        (
            "SELECT name FROM customer UNION SELECT id, ",
            "SELECT name FROM customer UNION SELECT id",
        ),
        ("SELECT name FROM customer ORDER BY 2", "SELECT name FROM customer ORDER BY "),
        ("SELECT city FROM customer WHERE id IN (SELECT id, ", None),
        (
            "SELECT 1 FROM orders JOIN (SELECT 'x') AS d ON d.",  # of d no column has a name
            "SELECT 1 FROM orders JOIN (SELECT 'x') AS d ON ",
        ),
        (
            'SELECT total FROM orders WHERE date IN ("a" IS NULL, "b")',  # "b" would be a name
            'SELECT total FROM orders WHERE date IN ("a" IS NULL, "',
        ),
        (
            'SELECT total FROM orders WHERE id IN (-5 NOT IN ("a"), "b")',
            'SELECT total FROM orders WHERE id IN (-5 NOT IN ("a"), "',
        ),
        ("SELECT 1 -- comment", "SELECT 1 -"),
        ("DELETE FROM customer", ""),
    ],
)
def test_what_sqlite_would_refuse_cannot_be_written(sql: str, prefix: str | None) -> None:
    got = taken(SHOP, sql)
    assert len(got) < len(sql)
    if prefix is not None:
        assert got.startswith(prefix.rstrip())


def test_an_ambiguous_name_is_neither_written_nor_left_to_become_one() -> None:
    assert accepted(TWINS, "SELECT name FROM a")
    assert taken(TWINS, "SELECT name FROM a JOIN b") == "SELECT name FROM a JOIN "
    assert "JOIN b" not in taken(TWINS, "SELECT only, name FROM c JOIN a JOIN b")
    assert accepted(TWINS, "SELECT T1.name FROM a AS T1 JOIN b AS T2 ON T1.id = T2.id")
    # An i may begin IIF or INSTR, an id no longer may.
    assert taken(TWINS, "SELECT only FROM a JOIN c WHERE id = 1").endswith("WHERE i")


def test_names_that_need_quotes_have_them() -> None:
    good = 'SELECT "first name", "last ""quoted"" name", "select", text FROM "my table"'
    assert prepares(AWKWARD, good) is None
    assert accepted(AWKWARD, good)
    assert accepted(AWKWARD, 'SELECT count(count), "naïve 😀" FROM "order", t1')
    assert not accepted(AWKWARD, 'SELECT "firstname" FROM "my table"')


def walk(schema: Schema, budget: int, rng: random.Random, vocabulary: Vocabulary = BYTES) -> str:
    """An output drawn from the masks, blanks and text less often than the rest."""
    at = constraint_for(schema, vocabulary).start(budget)
    mask = np.zeros((1, mask_words(BYTES)), dtype=np.int32)
    while not at.finished:
        fill_masks([at], mask, threads=1)
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
        assert len(allowed), f"dead end after {at.text!r}"
        wanted = [token for token in allowed if token == END or chr(token).isalpha()]
        if len(allowed) > 150:
            wanted = [token for token in allowed if token in b"'\""] or wanted
        token = int(rng.choice(wanted if wanted and rng.random() < 0.8 else list(allowed)))
        if token == END and rng.random() < 0.7:
            token = int(rng.choice(list(allowed)))
        at.advance(token)
    return at.text.decode()


@pytest.mark.parametrize("schema", [SHOP, AWKWARD, TWINS, Schema(())])
@pytest.mark.parametrize("seed", range(3))
def test_random_walks_end_within_their_budget_and_prepare(schema: Schema, seed: int) -> None:
    rng = random.Random(seed)
    for budget in (12, 40, 90):
        sql = walk(schema, max(budget, constraint_for(schema, BYTES).least_tokens), rng)
        assert len(sql.encode()) < max(budget, 20)
        assert prepares(schema, sql) is None, sql


@pytest.mark.parametrize("seed", range(6))
def test_a_budget_lowered_on_the_way_is_kept_to_or_as_few_as_the_end_takes(seed: int) -> None:
    rng = random.Random(seed)
    at = cursor(SHOP, 400)
    mask = np.zeros((1, mask_words(BYTES)), dtype=np.int32)
    sooner, left = rng.randint(1, 60), 400
    while not at.finished:
        if len(at.text) == sooner:
            needed = at.tokens_needed
            at.shorten(8)
            left = at.tokens_left
            assert left == max(8, needed)
            at.shorten(100)
            assert at.tokens_left == left
        fill_masks([at], mask, threads=1)
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
        going_on = [token for token in allowed if token != END]
        at.advance(int(rng.choice(going_on if going_on else allowed)))
        left -= 1
        assert at.tokens_left == left if len(at.text) > sooner else True
    assert prepares(SHOP, at.text.decode()) is None


# SmolLM2's tokenizer has no piece for some control characters, nor for the planes beyond emoji.
POOR = Vocabulary(
    (*(None if byte in (0x04, 0xF1) else bytes([byte]) for byte in range(256)), None), (256,)
)


@pytest.mark.parametrize("word", [b" u", b" e"])
def test_another_select_is_begun_only_where_as_many_columns_fit(word: bytes) -> None:
    at = cursor(SHOP)
    for byte in b"SELECT " + b",".join([b"1"] * 12) + b" FROM item WHERE 1 = 1" + word[:1]:
        at.advance(byte)
    begun = []
    for budget in range(at.tokens_needed, 200):
        shortened = at.copy()
        shortened.shorten(budget)
        try:
            shortened.advance(word[1])
        except ConstraintError:
            continue
        begun.append(budget)
        assert shortened.tokens_needed <= shortened.tokens_left
    assert begun == list(range(begun[0], 200))


@pytest.mark.parametrize("unwritable", ["\x04x", "\U00050000"])
def test_names_that_the_vocabulary_cannot_write_are_left_out(unwritable: str) -> None:
    schema = Schema(
        (
            table("a", unwritable, "b"),
            table(unwritable, "c"),
            table("d", unwritable),
            table("e", "f"),
        )
    )

    def takes(sql: str) -> bool:
        at = constraint_for(schema, POOR).start(4000)
        try:
            for byte in sql.encode():
                at.advance(byte)
        except ConstraintError:
            return False
        return at.may_end

    assert takes("SELECT b FROM a UNION SELECT f FROM e")
    assert takes("SELECT * FROM a") and not takes("SELECT * FROM d")
    # The * of a stands for two columns although only one of them can be named.
    assert not takes("SELECT * FROM a UNION SELECT f FROM e")
    assert takes("SELECT * FROM a UNION SELECT f, 1 FROM e")
    rng = random.Random(1)
    for budget in (20, 40, 80) * 5:
        sql = walk(schema, budget, rng, POOR)
        assert prepares(schema, sql) is None, sql


def test_several_cursors_are_filled_at_once_and_a_refused_token_is_told() -> None:
    first, second = cursor(SHOP), cursor(AWKWARD)
    masks = np.zeros((3, mask_words(BYTES)), dtype=np.int32)
    advance_and_fill([first, None, second], [ord("S"), -1, ord("s")], masks, threads=2)
    assert first.text == b"S" and second.text == b"s"
    assert (masks[1] == -1).all()
    assert masks[0][ord("E") // 32] >> (ord("E") % 32) & 1
    with pytest.raises(ConstraintError, match=r"token 88 after 'S'"):
        advance_and_fill([first], [ord("X")], masks, threads=1)
    assert first.text == b"S"


def test_a_copy_goes_its_own_way() -> None:
    at = cursor(SHOP)
    for byte in b"SELECT ":
        at.advance(byte)
    other = at.copy()
    other.advance(ord("n"))
    assert (at.text, other.text) == (b"SELECT ", b"SELECT n")


def test_a_budget_that_no_query_fits_and_another_dialect_are_refused() -> None:
    with pytest.raises(ConstraintError, match=r"at least \d+, which the shortest query takes"):
        cursor(SHOP, 3)
    foreign = Schema(SHOP.tables, dialect="postgres")
    with pytest.raises(ConstraintError, match="dialect 'postgres'"):
        constraint_for(foreign, BYTES)
    many = Schema((table("t", *(f"c{i}" for i in range(17_000))),))
    with pytest.raises(ConstraintError, match="17,001 distinct names"):
        constraint_for(many, BYTES)
