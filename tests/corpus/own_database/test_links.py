from __future__ import annotations

from sqlforge.core.schema import Column, ForeignKey, Table
from sqlforge.corpus.own_database.links import references
from sqlforge.database.sample import TableRows


def read(
    name: str,
    columns: str,
    rows: list[tuple[object, ...]],
    *keys: ForeignKey,
    complete: bool = True,
) -> TableRows:
    """A table whose columns are spelled ``name type``; a type in capitals marks the key."""
    parsed = []
    for column in columns.split(","):
        spelled, kind = column.split()
        parsed.append(Column(spelled, kind.lower(), kind.isupper()))
    return TableRows(Table(name, tuple(parsed), keys), tuple(rows), complete, False)


CITIES = read("cities", "id INT, name text", [(1, "Oslo"), (2, "Bergen"), (3, "Hamar")])


def found(*tables: TableRows, held: bool = False) -> list[tuple[str, str, str, str, bool]]:
    kept = references(tables, lambda *_: held).kept
    return [(r.child, r.column, r.parent, r.key, r.inferred) for r in kept]


def test_a_declared_key_is_taken_as_declared() -> None:
    shops = read("shops", "id INT, town int", [(1, 9)], ForeignKey(("town",), "cities", ("id",)))
    assert found(CITIES, shops) == [("shops", "town", "cities", "id", False)]


def test_a_reference_is_evident_from_name_and_values() -> None:
    shops = read("shops", "id INT, city_id int", [(1, 1), (2, 3), (3, None)])
    assert found(CITIES, shops) == [("shops", "city_id", "cities", "id", True)]
    homes = read("homes", "id INT, birth_city_id int", [(1, 2)])
    assert found(CITIES, homes) == [("homes", "birth_city_id", "cities", "id", True)]


def test_a_value_that_the_other_table_lacks_refutes_a_reference() -> None:
    shops = read("shops", "id INT, city_id int", [(1, 1), (2, 4)])
    assert found(CITIES, shops) == []


def test_equal_numbers_alone_are_no_reference() -> None:
    shops = read("shops", "id INT, floors int", [(1, 1), (2, 2)])
    assert found(CITIES, shops) == []


def test_a_large_parent_is_asked_for_the_values_that_were_not_read() -> None:
    cities = read("cities", "id INT, name text", [(1, "Oslo")], complete=False)
    shops = read("shops", "id INT, city_id int", [(1, 1), (2, 700)])
    assert found(cities, shops, held=True) == [("shops", "city_id", "cities", "id", True)]
    assert found(cities, shops, held=False) == []


def test_a_key_of_several_columns_is_left_out_with_a_reason() -> None:
    line = read("line", "order_no INT, line_no INT", [(1, 1)])
    key = ForeignKey(("order_no", "line_no"), "line", ("order_no", "line_no"))
    parcel = read("parcel", "id INT, order_no int, line_no int", [(1, 1, 1)], key)
    said = references([line, parcel], lambda *_: False)
    assert said.kept == ()
    assert said.left_out == ("parcel(order_no, line_no) → line: a key of several columns",)


def test_a_table_is_joined_by_one_of_its_columns_only() -> None:
    cities = read("cities", "id INT, code text", [(1, "OSL")])
    by_id = ForeignKey(("a",), "cities", ("id",))
    by_code = ForeignKey(("b",), "cities", ("code",))
    shops = read("shops", "id INT, a int, b text", [(1, 1, "OSL")], by_id, by_code)
    said = references([cities, shops], lambda *_: False)
    assert [r.key for r in said.kept] == ["id"]
    assert len(said.left_out) == 1
