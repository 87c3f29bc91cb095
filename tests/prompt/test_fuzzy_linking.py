import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz", reason="the extra 'data' is not installed")

from sqlforge.prompt.fuzzy import Vocabulary, respelt
from sqlforge.prompt.linking import Link, ValueIndex

PAIRS = Path(__file__).resolve().parent.parent / "fixtures" / "prompt" / "fuzzy_links.json"


def pairs() -> list[Any]:
    found: list[Any] = json.loads(PAIRS.read_text(encoding="utf-8"))
    return found


def index(*values: str, names: tuple[str, ...] = ()) -> ValueIndex:
    return ValueIndex({("t", "c"): values}, fuzzy=True, names=names)


def linked(found: ValueIndex, question: str) -> list[str]:
    return [link.value for link in found.link(question)]


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair["question"])
def test_a_question_is_linked_as_its_pair_says(pair: Any) -> None:
    found = index(*pair["values"], names=tuple(pair.get("names", ())))
    assert linked(found, pair["question"]) == pair["links"], pair["why"]


def test_exact_links_are_the_same_with_and_without_forgiveness() -> None:
    values = {("a", "x"): ("Bath", "New York", "dog"), ("b", "y"): ("Bath", "1999")}
    question = "Dogs from bath and new york in 1999, and from New Yrok?"
    exact, fuzzy = ValueIndex(values).link(question), ValueIndex(values, fuzzy=True).link(question)
    assert [link for link in fuzzy if link in exact] == list(exact)
    assert set(fuzzy) - set(exact) == {Link("a", "x", "dog")}


def test_no_more_links_than_the_limit() -> None:
    values = tuple(f"word{letter}a" for letter in "abcdefghijkl")
    question = " ".join(value + "s" for value in values)
    assert len(index(*values).link(question)) == 6
    assert len(index(*values).link(question, limit=2)) == 2


def test_a_crowded_vocabulary_is_not_searched_for_typing_errors() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    crowd = [f"za{a}{b}{c}xy" for a in letters for b in letters for c in letters]
    assert Vocabulary(crowd).meant("zaaaaxyz") == ()
    assert Vocabulary(crowd[:100]).meant("zaaaaxyz") == ("zaaaaxy",)


@given(st.text(max_size=120), st.lists(st.text(max_size=20), max_size=5))
def test_any_question_and_any_values_are_borne(question: str, values: list[str]) -> None:
    found = linked(index(*values), question)
    assert len(found) <= 6 and set(found) <= set(values)


@given(st.text(max_size=60))
def test_numbers_and_dates_of_any_text_come_out_in_digits(text: str) -> None:
    for said in (text, f"{text} 12,345 and 3/4/2020"):
        assert all(set(spelled) <= set("0123456789-") for _, spelled in respelt(said))
    assert "2020-03-04" in {spelled for _, spelled in respelt(f"{text} 3/4/2020")}
