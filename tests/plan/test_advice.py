"""What the planner advises fits, and what it refuses does not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sqlforge.core.errors import RecipeError, UserError
from sqlforge.plan.advice import Asked, changes_that_fit, largest_packs
from sqlforge.plan.cards import CARDS, GIB, Card, find_card
from sqlforge.plan.catalog import facts_of, shape_of, tokens_of
from sqlforge.plan.lengths import Corpus, Lengths, carried_corpus, lengths_of, packs, telling
from sqlforge.plan.speed import operations, speed
from sqlforge.plan.training import PackShape, Training
from sqlforge.prompt.encode import Encoded


def corpus(count: int = 400, seed: int = 1) -> Corpus:
    rng = random.Random(seed)
    lengths = []
    for schema in range(count // 8):
        shared = rng.randint(40, 300)
        lengths += [
            Lengths(schema, shared, shared + rng.randint(5, 40), rng.randint(8, 60))
            for _ in range(8)
        ]
    return Corpus("made up", count * 10, tuple(lengths))


def asked(name: str = "mistral-7b-v0.3", tokens: int = 2_048, **changes: object) -> Asked:
    shape = shape_of(name)
    training = replace(Training(checkpointed=shape.layers), **changes)
    return Asked(shape, training, corpus(), tokens)


def test_the_largest_packs_fit_and_the_next_larger_do_not() -> None:
    run, limit = asked(), find_card("12GB").usable
    found = largest_packs(run, limit)
    assert run.with_packs_of(found).fits(limit)
    assert not run.with_packs_of(found + 256).fits(limit)


def test_a_larger_card_never_holds_smaller_packs() -> None:
    sizes = [largest_packs(asked(), gib * GIB) for gib in (5, 7, 9)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0, "not even the weights and one example"


def test_what_fits_needs_no_change() -> None:
    assert changes_that_fit(asked(), 12 * GIB) == ()


@pytest.mark.parametrize(
    ("run", "gib", "told"),
    [
        (asked(tokens=8_192), 9.0, ["train.pack_tokens"]),
        (asked(checkpointed=0), 8.0, ["train.gradient_checkpointing to true"]),
        (asked(), 6.4, ["train.gradient", "train.optimizer to adamw-8bit"]),
        (asked(method="lora"), 9.5, ["train.method to qlora"]),
    ],
    ids=["packs", "recomputation", "states", "weights"],
)
def test_changes_that_are_advised_make_it_fit(run: Asked, gib: float, told: list[str]) -> None:
    changes = changes_that_fit(run, int(gib * GIB))
    text = ", ".join(map(str, changes))
    assert told[-1] in text
    values = {change.key: change.value for change in changes}
    training = replace(
        run.training,
        checkpointed=run.shape.layers
        if "train.gradient_checkpointing" in values
        else run.training.checkpointed,
        optimizer=values.get("train.optimizer", run.training.optimizer),
        method=values.get("train.method", run.training.method),
        adapter_dtype=values.get("train.adapter_dtype", run.training.adapter_dtype),
        rank=int(values.get("train.rank", run.training.rank)),
    )
    tokens = int(values.get("train.pack_tokens", run.pack_tokens))
    assert tokens >= run.corpus.longest, "every example still has a place"
    mended = replace(run, training=training, pack_tokens=tokens)
    assert not run.fits(int(gib * GIB)) and mended.fits(int(gib * GIB))


def test_nothing_helps_where_the_weights_alone_do_not_fit() -> None:
    assert changes_that_fit(asked(), 3 * GIB) == ()
    assert largest_packs(asked(), 3 * GIB) == 0


def test_packs_hold_every_example_once_within_the_budget() -> None:
    lengths = corpus().lengths
    found = packs(lengths, budget=1_024, questions_per_schema=4, seed=3)
    assert sum(pack.examples for pack in found) == len(lengths)
    assert sum(pack.supervised for pack in found) == sum(one.answer for one in lengths)
    assert max(pack.tokens for pack in found) <= 1_024
    assert all(pack.tokens <= pack.keys for pack in found)
    assert sum(pack.tokens for pack in found) < sum(one.total for one in lengths)
    assert {*telling(found)} <= {*found}


def test_planned_packs_are_those_that_training_makes() -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from sqlforge.model.measure import demanding_packs
    from sqlforge.model.pack import pack_shape, plan_packs

    encoded = [
        Encoded((1, 2, 3, *range(10, 10 + n % 5), 90 + n), tuple(range(3 + n % 4)))
        for n in range(40)
    ]
    keys = [f"schema {n % 3}" for n in range(40)]
    options = {"budget": 90, "questions_per_schema": 4, "seed": 2}
    real = [pack_shape(pack) for pack in plan_packs(encoded, keys, **options)]
    planned = packs(lengths_of(encoded, keys), **options)
    for value in ("examples", "supervised"):
        assert sum(getattr(p, value) for p in real) == sum(getattr(p, value) for p in planned)
    # A group may share more than its whole schema does, never less.
    assert sum(p.tokens for p in real) <= sum(p.tokens for p in planned)
    made = demanding_packs(corpus().lengths, 500, budget=700, questions_per_schema=4, seed=1)
    shapes = [pack_shape(pack) for pack in made]
    expected = telling(packs(corpus().lengths, budget=700, questions_per_schema=4, seed=1))
    assert shapes[1].supervised == pytest.approx(expected[1].supervised, rel=0.2)
    assert max(pack.tokens for pack in shapes) <= 700


def test_an_example_longer_than_a_pack_is_an_error_with_its_length() -> None:
    with pytest.raises(RecipeError, match="of 35 tokens"):
        packs([Lengths(0, 0, 30, 5)], budget=32, questions_per_schema=1, seed=0)


@pytest.mark.parametrize("text", ["12GB", "12 GB", "12GiB", "12", "12g", " 12.0 gb "])
def test_memory_is_understood_however_it_is_written(text: str) -> None:
    assert find_card(text).usable == 11.25 * GIB


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rtx-3060", "RTX 3060 12 GB"),
        ("NVIDIA GeForce RTX 3060", "RTX 3060 12 GB"),
        ("4070 Ti", "RTX 4070 Ti 12 GB"),
        ("4090", "RTX 4090 24 GB"),
        ("a100-80gb", "A100 80 GB"),
        ("NVIDIA H100 80GB HBM3", "H100 80 GB"),
        ("H200", "H200 141 GB"),
    ],
)
def test_a_card_is_known_by_any_of_its_names(text: str, name: str) -> None:
    assert find_card(text).name == name


@pytest.mark.parametrize("text", ["", "0GB", "0.5GB", "-12GB", "banana", "12TB", "3060x", "5000GB"])
def test_other_words_for_a_card_end_in_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="memory such as 12GB"):
        find_card(text)


def test_a_name_of_two_cards_asks_which() -> None:
    with pytest.raises(UserError, match="A100 40 GB or A100 80 GB"):
        find_card("A100")


def test_operations_are_those_of_the_known_estimate() -> None:
    # 42.7 GFLOP a token with recomputation is what the matrices and adapters alone come to.
    shape = shape_of("mistral-7b-v0.3")
    pack = PackShape(2_048, 2_048, 8, 0, 256)
    each = operations(shape, Training(checkpointed=32), pack) / 2_048
    assert each == pytest.approx(43.4e9, rel=0.02)
    plain = operations(shape, Training(checkpointed=0), pack) / 2_048
    assert plain == pytest.approx(each * 2 / 3, rel=0.03)


def test_faster_cards_take_less_time_and_the_host_bounds_the_fastest() -> None:
    epoch = asked(fused=False).work()

    def hours(card: Card) -> float:
        return speed(epoch, card).hours

    slow, fast = CARDS[0], next(card for card in CARDS if card.name.startswith("RTX 4090"))
    assert hours(slow) > hours(fast)
    h100, h200 = CARDS[-2:]
    assert hours(h100) == hours(h200)


def test_the_carried_lengths_are_those_of_real_examples() -> None:
    found = carried_corpus()
    assert found.examples > 40_000 and len(found.lengths) > 9_000
    assert all(one.shared < one.prompt and one.answer > 0 for one in found.lengths)
    scaled = carried_corpus("smollm2-135m")
    assert scaled.mean_tokens == pytest.approx(187, rel=0.02)
    assert all(one.shared < one.prompt for one in scaled.lengths)


def test_what_was_not_measured_or_disclosed_is_not_told() -> None:
    assert tokens_of("phi-3.5-mini") is None
    assert facts_of("mistral-7b-v0.3").code == "not disclosed"
    assert facts_of("meta-llama/Llama-3.1-8B").gated is True
    assert facts_of("somebody/a-model").licence == "not known"
