"""Which options of decoding go together, on the command line and in recipes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sqlforge.core.config import Recipe, load_recipe
from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.errors import RecipeError, UserError

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"vote": True}, "a vote over one sample"),
    ({"samples": 8}, "8 samples without a vote"),
    ({"samples": 0}, "0 samples"),
    ({"samples": 8, "vote": True, "temperature": 0.0}, "at temperature 0"),
    ({"temperature": -1.0}, "the temperature -1"),
    ({"temperature": float("nan")}, "the temperature nan"),
    ({"prefer_non_empty": True}, "without a vote"),
    ({"join_on_keys": True}, "without a constraint"),
    ({"linked_literals": True}, "without a constraint"),
    ({"refuse_below": 0.0}, "0 as the least probability"),
    ({"refuse_below": 1.5}, "1.5 as the least probability"),
    ({"refuse_below": float("nan")}, "nan as the least probability"),
]


@pytest.mark.parametrize(("options", "sentence"), REFUSED, ids=lambda value: str(value))
def test_what_would_not_count_is_refused_in_a_sentence(
    options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        Decoding(**options)
    with pytest.raises(ValueError, match=sentence):
        Recipe.model_validate({**recipe(), "evaluate": options})


@pytest.mark.parametrize(
    ("options", "temperatures"),
    [
        ({}, (0.0,)),
        ({"temperature": 0.7}, (0.7,)),
        ({"samples": 3, "vote": True}, (0.0, 1.0, 1.0)),
        ({"samples": 3, "vote": True, "temperature": 0.5}, (0.0, 0.5, 0.5)),
    ],
)
def test_one_of_the_answers_to_vote_over_is_the_greedy_one(
    options: dict[str, Any], temperatures: tuple[float, ...]
) -> None:
    asked = Decoding(**options)
    assert asked.temperatures == temperatures
    assert asked.facts()["temperature"] == temperatures[-1]
    assert Recipe.model_validate({**recipe(), "evaluate": options}).evaluate.decoding(0) == asked


def test_a_recipe_decodes_greedily_unless_it_says_otherwise() -> None:
    assert Recipe.model_validate(recipe()).evaluate.decoding(0) == GREEDY


def test_a_recipe_that_refuses_needs_validation_examples_to_calibrate_on(tmp_path: Any) -> None:
    file = tmp_path / "mine.yaml"
    for rows in (None, 39, 40):
        asked = {**recipe(), "evaluate": {"refuse_below": 0.5}}
        asked["data"] |= {"validation": [{"source": "spider", "rows": rows}] if rows else []}
        file.write_text(yaml.safe_dump(asked))
        if rows == 40:
            assert load_recipe(file).evaluate.refuse_below == 0.5
            continue
        with pytest.raises(RecipeError, match=r"calibrated on data\.validation"):
            load_recipe(file)


def recipe() -> dict[str, Any]:
    source = [{"source": "spider"}]
    return {"name": "t", "model": {"name": "m"}, "data": {"train": source, "test": source}}
