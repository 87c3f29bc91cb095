"""Reinforcement: the right one of two answers becomes likelier, on masks, and after a kill too.

A two-layer model with SmolLM2's tokenizer that has seen two answers to each question, one of them
right: what is left to learn is which.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from torch.nn.utils.rnn import pad_sequence

from sqlforge.core.records import Database, Example, Reward
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.model.adapt import add_lora
from sqlforge.model.load import Source
from sqlforge.model.reinforce import ReinforceSettings, Tried, reinforce
from sqlforge.model.reinforce_log import ReinforceLog
from sqlforge.model.reinforce_passes import How, answer_log_probabilities
from sqlforge.model.reinforce_sampling import Judge, Question, Sampler
from sqlforge.score.reward import Referee
from sqlforge.score.validity import check_validity
from tiny_base import tiny_llama

pytest.importorskip("trl", reason="the extra 'reinforce' is not installed")
pytestmark = pytest.mark.xdist_group("reinforce")

SCHEMA = Schema((Table("t", (Column("a", "INT"), Column("b", "TEXT"))),))
GOLD, WRONG = "SELECT a FROM t;", "SELECT b FROM t;"
ASKED = ("All of a?", "Every a there is?")
SETTINGS = ReinforceSettings(
    steps=4,
    questions=2,
    samples=8,
    trial=2,
    temperature=1.0,
    max_new_tokens=12,
    constrained=True,
    redraws=0,
    loss="dr_grpo",
    clip=0.2,
    clip_high=None,
    kl=0.0,
    updates=1,
    learning_rate=5e-3,
    warmup_share=0.0,
    weight_decay=0.0,
    max_grad_norm=1.0,
    update_tokens=2096,
    batch_tokens=4096,
    checkpoint_steps=2,
    gradient_checkpointing=False,
    autocast_bf16=False,
    cpu=True,
    seed=7,
)


@pytest.fixture(scope="module")
def questions(smol_tokenizer: Any) -> list[Question]:
    return [Question(tuple(smol_tokenizer.encode(text)), "t", SCHEMA) for text in ASKED]


@pytest.fixture(scope="module")
def undecided(smol_tokenizer: Any, questions: Sequence[Question]) -> dict[str, torch.Tensor]:
    """Weights of a model that gives the wrong answer about as often as the right one."""
    model = tiny_llama(smol_tokenizer).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    end = smol_tokenizer.eos_token_id
    pairs = [
        [*question.prompt, *smol_tokenizer.encode(sql), end]
        for question, sql in product(questions, (GOLD, WRONG))
    ]
    ids = pad_sequence([torch.tensor(pair) for pair in pairs], batch_first=True, padding_value=end)
    for _ in range(80):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.state_dict()


@pytest.fixture(scope="module")
def referee(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("rows") / "t.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (a INT, b TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), (2, "y"), (3, "y")])
    examples = [
        Example(str(n), text, GOLD, "t", "synthetic", "none") for n, text in enumerate(ASKED)
    ]
    with Referee(examples, {"t": Database("t", SCHEMA, path)}, seconds=1.0) as found:
        assert found.check().usable == (0, 1)
        yield found


def policy(tokenizer: Any, weights: dict[str, torch.Tensor], *, adapted: bool = True) -> Any:
    model = tiny_llama(tokenizer)
    model.load_state_dict(weights)
    if not adapted:
        return model.eval()
    source = Source("tiny", "tiny", None)
    return add_lora(model, source, rank=8, alpha=16, dropout=0.1, dtype="bfloat16", seed=0).eval()


def no_bars(_: str) -> Callable[[int, int], None]:
    return lambda done, total: None


class _KilledError(Exception):
    pass


def run(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Question],
    judge: Judge,
    folder: Path,
    settings: ReinforceSettings = SETTINGS,
) -> tuple[tuple[Tried, Tried], list[dict[str, Any]]]:
    log = ReinforceLog(folder / "log.jsonl", settings.steps, Console(quiet=True))
    found = reinforce(
        model, tokenizer, questions, (0, 1), judge, settings, folder / "checkpoints", log, no_bars
    )
    return found, log.rows()


@pytest.fixture(scope="module")
def whole(
    smol_tokenizer: Any,
    undecided: dict[str, torch.Tensor],
    questions: Sequence[Question],
    referee: Referee,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, list[str], tuple[Tried, Tried], list[dict[str, Any]]]:
    model, written = policy(smol_tokenizer, undecided), []

    def judge(answers: Sequence[tuple[int, str]]) -> list[Reward]:
        written.extend(sql for _, sql in answers)
        return referee.judge(answers)

    folder = tmp_path_factory.mktemp("whole")
    tried, rows = run(model, smol_tokenizer, questions, judge, folder)
    return model, written, tried, rows


def test_the_right_answer_becomes_likelier(whole: Any) -> None:
    _, _, (before, after), rows = whole
    assert rows[-1]["right"] > rows[0]["right"] + 0.2
    assert before.n == after.n == 2 and after.right > 0
    assert rows[0]["signal"] == 1.0 and rows[0]["samples"] == 16


def test_under_the_constraint_every_sample_is_valid(whole: Any) -> None:
    _, written, _, rows = whole
    assert len(set(written)) >= 2
    assert all(check_validity(sql, SCHEMA, quoted_literals=True).valid for sql in written)
    assert all(row["ran"] == 1.0 for row in rows)


def test_a_run_that_was_killed_ends_with_the_same_weights_and_rewards(
    whole: Any,
    smol_tokenizer: Any,
    undecided: dict[str, torch.Tensor],
    questions: Sequence[Question],
    referee: Referee,
    tmp_path: Path,
) -> None:
    calls = 0

    def dying(answers: Sequence[tuple[int, str]]) -> list[Reward]:
        nonlocal calls
        calls += 1
        if (tmp_path / "checkpoints" / "checkpoint-2" / "complete").exists():
            raise _KilledError
        return referee.judge(answers)

    with pytest.raises(_KilledError):
        run(policy(smol_tokenizer, undecided), smol_tokenizer, questions, dying, tmp_path)
    again = policy(smol_tokenizer, undecided)
    _, rows = run(again, smol_tokenizer, questions, referee.judge, tmp_path)
    model, _, _, unbroken = whole
    timeless = {"seconds", "sampling_seconds", "peak_memory_bytes"}
    assert [{k: v for k, v in r.items() if k not in timeless} for r in rows] == [
        {k: v for k, v in r.items() if k not in timeless} for r in unbroken
    ]
    expected = model.state_dict()
    assert all(torch.equal(w, expected[name]) for name, w in again.state_dict().items())
    saved = load_file(tmp_path / "checkpoints" / "checkpoint-4" / "adapter_model.safetensors")
    assert all(w.dtype == torch.float32 for w in saved.values())  # bf16 would lose small steps


def test_probabilities_are_those_of_the_masked_policy_that_drew(
    smol_tokenizer: Any,
    undecided: dict[str, torch.Tensor],
    questions: Sequence[Question],
    referee: Referee,
) -> None:
    model = policy(smol_tokenizer, undecided)
    with Sampler(
        model,
        smol_tokenizer,
        questions,
        referee.judge,
        constrained=True,
        max_new_tokens=12,
        rows=8,
        batch_tokens=4096,
        temperature=1.0,
    ) as sampler:
        samples = [s for group in sampler.groups((0, 1), 4, "k") for s in group]
        masks = sampler.masks(samples)
        prompts = [torch.tensor(sampler.prompt(s.question)) for s in samples]
        answers = [torch.tensor(s.ids) for s in samples]
        # As TRL pads them: prompts on the left, answers on the right.
        padded = [pad_sequence([p.flip(0) for p in prompts], True).flip(1)]
        padded.append(pad_sequence(answers, True))
        seen = [pad_sequence([torch.ones_like(p) for p in prompts], True).flip(1)]
        seen.append(pad_sequence([torch.ones_like(a) for a in answers], True))
        both = torch.cat(padded, dim=1), torch.cat(seen, dim=1), padded[1].shape[1]
        with torch.no_grad():
            told, _ = answer_log_probabilities(model, *both, masks, How(1.0, 4096, False))
            free, _ = answer_log_probabilities(model, *both, None, How(1.0, 4096, False))
    expected = torch.tensor([s.logprob for s in samples])
    assert torch.allclose(told.sum(dim=1), expected, atol=1e-3)
    assert (free.sum(dim=1) < told.sum(dim=1)).all()  # what was masked has weight


def test_passes_of_few_tokens_have_the_same_gradient(
    whole: Any,
    smol_tokenizer: Any,
    undecided: dict[str, torch.Tensor],
    questions: Sequence[Question],
    referee: Referee,
    tmp_path: Path,
) -> None:
    settings = replace(SETTINGS, steps=1, update_tokens=20, trial=0)
    model = policy(smol_tokenizer, undecided)
    _, (row,) = run(model, smol_tokenizer, questions, referee.judge, tmp_path, settings)
    first = whole[-1][0]
    assert row["grad_norm"] == pytest.approx(first["grad_norm"], rel=1e-4)
    assert row["loss"] == pytest.approx(first["loss"], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, steps=1, kl=0.1, updates=2, redraws=1, loss="dapo"),
        replace(
            SETTINGS,
            steps=1,
            constrained=False,
            temperature=0.5,
            loss="grpo",
            autocast_bf16=True,
            gradient_checkpointing=True,
        ),
    ],
    ids=["adapter-kl-updates-redraws", "whole-model-unconstrained"],
)
def test_other_settings_take_their_steps(
    settings: ReinforceSettings,
    smol_tokenizer: Any,
    undecided: dict[str, torch.Tensor],
    questions: Sequence[Question],
    referee: Referee,
    tmp_path: Path,
) -> None:
    model = policy(smol_tokenizer, undecided, adapted=settings.constrained)
    before = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    settings = replace(settings, checkpoint_steps=1)
    _, rows = run(model, smol_tokenizer, questions, referee.judge, tmp_path, settings)
    assert len(rows) == settings.updates and 0 < rows[0]["right"] < 1
    assert ("kl" in rows[0]) == (settings.kl > 0)
    assert any(not torch.equal(p, before[n]) for n, p in model.named_parameters() if n in before)
    if settings.autocast_bf16:  # as it will be kept
        assert all(torch.equal(p, p.bfloat16().float()) for p in model.parameters())
    last = tmp_path / "checkpoints" / f"checkpoint-{settings.updates}"
    files = {path.relative_to(last).as_posix() for path in last.rglob("*.safetensors")}
    assert files == {"adapter_model.safetensors" if settings.constrained else "model.safetensors"}
    assert json.loads((last / "trainer_state.json").read_text())["global_step"] == len(rows)
