"""Generation over shared beginnings gives what each prompt gives alone.

A random model in fp32 suffices: its greedy choices are as sensitive to a wrong mask or position as
a trained one's, and it writes long answers that rarely end.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.conftest import ASKED, DATABASES
from model.tiny_llama import END, VOCABULARY, tiny_llama
from sqlforge.core.records import Example
from sqlforge.model.answer import answer
from sqlforge.model.attention import PACKED
from sqlforge.model.generate import _alike, generate
from sqlforge.model.writer import TransformersWriter
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter


class _Ids:
    """A tokenizer whose text is the ids themselves."""

    pad_token_id, eos_token_id = 0, END

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_llama(spread=0.3)


def _one_by_one(
    model: Any, prompts: Sequence[Sequence[int]], new: int, end: int = END
) -> list[str]:
    answers = []
    for prompt in prompts:
        ids = torch.tensor([list(prompt)])
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=new,
            do_sample=False,
            eos_token_id=end,
        )[0, len(prompt) :].tolist()
        answers.append(_Ids().decode(output[: output.index(end)] if end in output else output))
    return answers


def _texts(*arguments: Any, **options: Any) -> list[str]:
    return [written.text for written in generate(*arguments, **options)]


def _prompts(seed: int, schemas: int, count: int) -> tuple[list[tuple[int, ...]], list[str]]:
    rng = random.Random(seed)

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randrange(3, VOCABULARY) for _ in range(rng.randint(low, high)))

    trunks = [draw(3, 40) for _ in range(schemas)]
    keys = [index % schemas for index in range(count)]
    return [(*trunks[key], *draw(1, 9)) for key in keys], [f"schema {key}" for key in keys]


@pytest.mark.parametrize("batch_tokens", [1, 150, 100_000], ids=["alone", "some", "all at once"])
def test_answers_equal_those_of_each_prompt_alone(model: Any, batch_tokens: int) -> None:
    prompts, keys = _prompts(1, schemas=4, count=14)
    got = _texts(model, _Ids(), prompts, keys, max_new_tokens=12, batch_tokens=batch_tokens)
    assert got == _one_by_one(model, prompts, 12)
    assert len(set(got)) > 10, "the answers are too alike to tell prompts apart"


def test_a_batch_may_mix_prompts_that_share_nothing_with_those_that_do(model: Any) -> None:
    shared, keys = _prompts(2, schemas=2, count=6)
    # One key, different first tokens: nothing is shared among these.
    apart = [(7, 8, 9, 10), (11, 12), (13,)]
    prompts = [apart[0], *shared, *apart[1:]]
    keys = ["apart", *keys, "apart", "apart"]
    got = _texts(model, _Ids(), prompts, keys, max_new_tokens=8, batch_tokens=100_000)
    assert got == _one_by_one(model, prompts, 8)


def test_a_model_that_was_just_trained_generates_as_before() -> None:
    # Training on the CPU sets an attention of its own, which must not lose the padding's mask.
    model = tiny_llama(spread=0.3)
    prompts, keys = _prompts(5, schemas=3, count=8)
    wanted = _one_by_one(model, prompts, 8)
    model.set_attn_implementation(PACKED)
    assert _texts(model, _Ids(), prompts, keys, max_new_tokens=8, batch_tokens=9_000) == wanted


def test_the_output_layer_gets_states_in_one_piece(model: Any) -> None:
    # A strided slice makes PyTorch's CPU product copy the layer once a row: gigabytes.
    in_one_piece: list[bool] = []
    head = model.get_output_embeddings()
    prompts, keys = _prompts(6, schemas=2, count=6)
    hooks = len(head._forward_pre_hooks)
    watch = head.register_forward_hook(
        lambda module, inputs, output: in_one_piece.append(inputs[0].is_contiguous())
    )
    generate(model, _Ids(), prompts, keys, max_new_tokens=3, batch_tokens=9_000)
    watch.remove()
    assert len(in_one_piece) >= 3 and all(in_one_piece)
    assert len(head._forward_pre_hooks) == hooks


@pytest.mark.parametrize(
    "prompts",
    [
        [(7, 8, 9), (10, 11, 12, 13, 14)],
        [(7,)],
        [(7, 8, 9), (7, 8, 9), (7, 8, 9, 10, 11)],
    ],
    ids=["no shared beginning", "one token", "one is the other's beginning"],
)
def test_short_and_equal_prompts_are_answered_as_alone(
    model: Any, prompts: list[tuple[int, ...]]
) -> None:
    got = _texts(
        model, _Ids(), prompts, ["one"] * len(prompts), max_new_tokens=6, batch_tokens=10_000
    )
    assert got == _one_by_one(model, prompts, 6)


def test_an_answer_stops_at_its_end_token_and_is_cut_at_the_limit(model: Any) -> None:
    prompts, keys = _prompts(3, schemas=3, count=9)
    # The third token of the first answer becomes the end; other answers may go on.
    tokenizer = _Ids()
    tokenizer.eos_token_id = int(_one_by_one(model, prompts[:1], 12)[0].split()[2])
    got = _texts(model, tokenizer, prompts, keys, max_new_tokens=12, batch_tokens=10_000)
    assert got == _one_by_one(model, prompts, 12, end=tokenizer.eos_token_id)
    lengths = [len(answer.split()) for answer in got]
    assert lengths[0] == 2
    assert max(lengths) == 12


def test_progress_counts_every_prompt_and_no_prompts_are_no_answers(model: Any) -> None:
    prompts, keys = _prompts(4, schemas=3, count=7)
    seen: list[tuple[int, int]] = []
    generate(
        model, _Ids(), prompts, keys, max_new_tokens=1, batch_tokens=60,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (7, 7)
    assert seen == sorted(set(seen))
    assert generate(model, _Ids(), [], [], max_new_tokens=1, batch_tokens=60) == []


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 20))
def test_groups_hold_every_prompt_once_and_a_schemas_prompts_together(
    seed: int, schemas: int, count: int
) -> None:
    prompts, keys = _prompts(seed, schemas, count)
    groups = list(_alike(prompts, keys))
    assert sorted(index for group in groups for index in group) == list(range(count))
    for group in groups:
        assert max(len(prompts[i]) for i in group) == len(prompts[group[0]]) or len(group) > 1
        others = {keys[i] for other in groups if other is not group for i in other}
        assert not others & {keys[i] for i in group}


@pytest.mark.xdist_group("smollm2")
def test_smollm2_answers_examples_in_their_order(smol: Any, smol_tokenizer: Any) -> None:
    prompter = Prompter(DATABASES, link_values=False)
    examples = [
        Example(f"e{i}", question, sql, db, "tests", "Apache-2.0")
        for i, (db, question, sql) in enumerate(ASKED[:3])
    ]
    got = answer(
        TransformersWriter(smol, smol_tokenizer), prompter, examples, max_new_tokens=5,
        batch_tokens=4_000,
    )  # fmt: skip
    prompts = [encode_prompt(smol_tokenizer, prompter.ask(e.db_id, e.question)) for e in examples]
    for prompt, (written,) in zip(prompts, got, strict=True):
        ids = torch.tensor([prompt])
        output = smol.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, do_sample=False
        )[0, len(prompt) :]
        assert written.text == smol_tokenizer.decode(output, skip_special_tokens=True).strip()
