import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.prompt.linking import Link, ValueIndex


def values_found(question: str, *values: str, limit: int = 6) -> list[str]:
    index = ValueIndex({("t", "c"): values})
    return [link.value for link in index.link(question, limit)]


def test_the_longest_value_wins() -> None:
    found = values_found("Shops in New York City?", "York", "New York", "New York City", "City")
    assert found == ["New York City"]


def test_values_come_in_the_order_of_the_question() -> None:
    assert values_found("From Bath to Ayr via Bath", "Ayr", "Bath") == ["Bath", "Ayr"]


def test_case_does_not_matter_but_the_spelling_of_the_database_is_kept() -> None:
    assert values_found("who lives in BATH", "bAtH") == ["bAtH"]


def test_a_value_in_two_columns_is_linked_to_both() -> None:
    index = ValueIndex({("a", "x"): ("Bath",), ("b", "y"): ("Bath",)})
    assert index.link("Bath?") == (Link("a", "x", "Bath"), Link("b", "y", "Bath"))


def test_no_more_links_than_the_limit() -> None:
    values = tuple(f"word{number}" for number in range(20))
    assert len(values_found(" ".join(values), *values)) == 6
    assert values_found(" ".join(values), *values, limit=2) == ["word0", "word1"]
    crowded = ValueIndex({("t", f"c{number}"): ("Bath",) for number in range(20)})
    assert len(crowded.link("Bath")) == 6


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("Who wrote 'Ulysses'?", "Ulysses"),
        ('Who wrote "Ulysses"?', "Ulysses"),
        ("What about O'Neil?", "O'Neil"),
        ("What about O’Neil?", "O’Neil"),
        ("Which flights on AT&T?", "AT&T"),
        ("Seasons 2004-05?", "2004-05"),
        ("Is it 1,000?", "1,000"),
        ("Which car is number 7?", "7"),
        ("Films from 1999.", "1999"),
        ("Who is from 東京 today?", "東京"),
    ],
)
def test_quotes_numbers_and_marks_do_not_hide_a_value(question: str, value: str) -> None:
    assert values_found(question, value) == [value]


@pytest.mark.parametrize("value", ["the", "Name", "a", "x", "First", "", "   "])
def test_values_that_say_nothing_are_not_linked(value: str) -> None:
    assert values_found("What is the first name of a x?", value) == []


def test_part_of_a_word_is_no_value() -> None:
    assert values_found("Bathtubs in Newbath?", "Bath") == []


def test_a_value_of_more_than_eight_words_is_not_looked_up() -> None:
    long = "one two three four five six seven eight nine"
    assert values_found(long, long) == []
    assert values_found(long, "two three four five six seven eight nine") == [
        "two three four five six seven eight nine"
    ]


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_any_question_and_any_values_are_borne(question: str, values: list[str]) -> None:
    found = values_found(question, *values)
    assert len(found) <= 6
    assert set(found) <= set(values)


def test_a_long_question_over_many_values_names_each_once() -> None:
    index = ValueIndex({("t", "c"): tuple(f"value {number}" for number in range(50_000))})
    assert len(index.link("value 1 and nothing else " * 2_000)) == 1
