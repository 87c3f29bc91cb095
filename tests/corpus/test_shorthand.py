"""Short spellings expand to the records that the grammar and the value generator read."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Dates, DomainColumn, Fake, Numbers, Words
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    flag,
    key,
    listed,
    money,
    named,
    number,
    ref,
    repeated,
    year,
)


def test_a_list_ignores_line_breaks_and_a_trailing_comma() -> None:
    assert listed("rye bread,\n    bun, ") == ("rye bread", "bun")


def test_keys_and_foreign_keys_have_no_values_of_their_own() -> None:
    assert key("shop_id", "shop number, code") == DomainColumn(
        "shop_id", "key", ("shop number", "code")
    )
    assert ref("shop_id", "shops", "shop, branch").refers_to == "shops"
    assert ref("shop_id", "shops", "shop, branch").values is None


def test_a_listed_name_never_repeats_but_a_recipe_is_taken_as_it_is() -> None:
    assert named("title", "name, title", "Bun, Loaf").values == Words(("Bun", "Loaf"), unique=True)
    assert named("title", "name, title", Fake("name"), 0.2).share_null == 0.2
    assert fake("town", "town, city", "city", nulls=0.1).values == Fake("city")


def test_categories_flags_and_repeated_text_draw_with_replacement() -> None:
    assert repeated("town", "town, city", "Graz, Cork").values == Words(("Graz", "Cork"))
    assert category("kind", "type, sort", "a, b, c, d").values == Words(("a", "b", "c", "d"))
    assert flag("vegan", "vegan mark, label").values == Words(("yes", "no"))


def test_numbers_and_money_keep_range_rounding_nulls_and_superlatives() -> None:
    count = number("seats", "seats, size", 1, 9, ("largest", "smallest"), unit="seats", nulls=0.1)
    assert count.values == Numbers(1, 9, 0, 0.1)
    assert (count.adjectives, count.unit) == (("largest", "smallest"), "seats")
    assert money("price", "price, cost", 0.5, 9).values == Numbers(0.5, 9, 2)


def test_dates_and_years_differ_in_role_and_recipe() -> None:
    day = date("sold_on", "sale date, day", "2024-01-01", "2024-02-01", nulls=0.3)
    assert (day.role, day.values) == ("date", Dates("2024-01-01", "2024-02-01", 0.3))
    built = year("built", "year, building year", 1900, 2000, ("newest", "oldest"))
    assert (built.role, built.values) == ("year", Numbers(1900, 2000))
    assert built.adjectives == ("newest", "oldest")
