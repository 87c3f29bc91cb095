"""One training of the record run: train, answer, judge, and its row in ``results/NAME.json``.

Whatever is done already is kept: data and token ids made beforehand, a training that was cut off
(it goes on from its last checkpoint), every set of answers. Answers lie in ``results/NAME/``, so
that they can be judged again on a machine that has neither the model nor a GPU.
"""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from decode_gain import SEED, Arms, Asked
from decode_gain_rows import LIMITS, WORKERS, Arm
from record_internal import read_split
from record_plans import Plan, check_recipe
from record_rows import Question, Told
from sqlforge.core.decoding import Decoding
from sqlforge.core.records import Dataset, Example, Prediction, Verdict
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.sandbox import Sandbox
from sqlforge.decode.decide import chosen, decide
from sqlforge.score.benchmarks.spider import with_kinds
from sqlforge.score.judge import judge_each
from sqlforge.stages.predict import shot_examples
from sqlforge.stages.reinforce import reinforce_run, settle
from sqlforge.stages.train import train_run

GREEDY = Decoding()
OF_BASE = "_base_"
MOST_BAD = 0.02
SAMPLES = 8
DECODED = ("base", "plain-answers")  # which are also asked with decoding's other options


def run_arm(
    plan: Plan, results: Path, *, base: bool, batch_tokens: int, at_once: int, console: Console
) -> None:
    """Train ``plan``, ask it everything, judge, and write ``results/NAME.json`` after each step.

    Args:
        plan: with its data prepared.
        results: the folder of rows and answers.
        base: whether the base model is asked the internal split too.
        batch_tokens: bounds what is generated at once.
        at_once: how many trainings share the card, which their seconds depend on.
        console: where people read what happens.
    """
    kept_in = results / plan.name
    check_recipe(plan, kept_in)
    questions = list(questions_of(plan, base=base))
    if not all((kept_in / f"{q.name}.jsonl").is_file() for q in questions if not q.of_base):
        _train(plan, kept_in, console)
    told = Told(plan, results)
    told.note_training(at_once)
    models = {False: os.path.relpath(plan.model), True: plan.recipe.model.name}
    sources = {
        of_base: Arms(Asked(model, kept_in, batch_tokens, SAMPLES, results))
        for of_base, model in models.items()
    }
    written: dict[str, Arm] = {}
    for asked in questions:
        shots = _shots(plan, asked)
        arm = sources[asked.of_base].arm(
            asked.name, asked.dataset, asked.decoding, plan.recipe.prompt, asked.style, shots
        )
        written[asked.name] = arm
        if not asked.decoding.vote:
            told.add(asked, *_judged(asked, arm), arm.seconds)
    for asked in questions:  # what is executed most comes when a GPU is needed no more
        if asked.decoding.vote:
            arm = written[asked.name]
            told.add(asked, *_judged(asked, arm), arm.seconds)


def _train(plan: Plan, kept_in: Path, console: Console) -> None:
    """Train and, where the recipe says so, reinforce; what is done already is skipped.

    Answers of an earlier training, whose model is no longer there, go.
    """
    run = plan.run
    if not plan.model.exists():
        for file in kept_in.glob("*.jsonl"):
            if OF_BASE not in file.name:
                file.unlink()
    if not plan.model.exists() and not run.reinforced.exists():
        train_run(run, console, console.print)
    if plan.recipe.reinforce is not None:
        settle(run, console.print)
        if not run.tuned.exists():
            reinforce_run(run, console, console.print)
    shutil.rmtree(run.checkpoints, ignore_errors=True)  # gigabytes of a whole model
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def questions_of(plan: Plan, *, base: bool) -> Iterator[Question]:
    """What a training is asked: held-out databases, or everything in a final one."""
    split = "test" if plan.final else "validation"
    sets = _by_source(plan, split)
    part = plan.recipe.evaluate
    constrained = Decoding(
        constrain="schema", join_on_keys=part.join_on_keys, linked_literals=part.linked_literals
    )
    ways = {"constrained": constrained, "unconstrained": GREEDY}
    if plan.name in DECODED:
        ways["join_on_keys"] = replace(constrained, join_on_keys=True)
        ways["linked_literals"] = replace(constrained, linked_literals=True)
    for source in ("spider", "wikisql"):
        for way, decoding in ways.items():
            yield Question(f"{source}_{way}", sets[source], decoding)
    if not plan.final:
        return
    yield Question("internal_used", read_split(plan.run, "used"), GREEDY, "internal")
    yield Question("internal_full", read_split(plan.run, "full"), GREEDY, "internal")
    vote = replace(constrained, samples=SAMPLES, vote=True, seed=SEED)
    yield Question("spider_vote", sets["spider"], vote)
    yield Question("wikisql_vote", sets["wikisql"], vote)
    for style in plan.recipe.evaluate.base_prompts if base else ():
        name, split_shown = f"internal_used{OF_BASE}{style}", read_split(plan.run, "used")
        yield Question(name, split_shown, GREEDY, "internal", style, True)


def _by_source(plan: Plan, split: str) -> dict[str, Dataset]:
    databases = read_databases(plan.run.data_file("databases.jsonl"))
    found: dict[str, list[Example]] = {}
    for example in read_examples(plan.run.data_file(f"{split}.jsonl")):
        found.setdefault(example.source, []).append(example)
    sets = {}
    for source, examples in found.items():
        asked = {e.db_id: databases[e.db_id] for e in examples}
        dataset = Dataset(f"{source}-{split}", tuple(examples), asked)
        sets[source] = with_kinds(dataset, must=False) if source == "spider" else dataset
    return sets


def _shots(plan: Plan, asked: Question) -> Sequence[Any]:
    if asked.style != "few_shot":
        return ()
    from sqlforge.prompt.prompter import Prompter

    examples = shot_examples(plan.run, plan.recipe)
    databases = read_databases(plan.run.data_file("databases.jsonl"))
    prompter = Prompter.of(plan.recipe.prompt, databases)
    return [prompter.shot(example) for example in examples]


def _judged(asked: Question, arm: Arm) -> tuple[list[Verdict], list[Prediction], float]:
    """Verdicts and answers to a set of questions, and the seconds of choosing and judging."""
    started = time.perf_counter()
    examples, databases = asked.dataset.examples, asked.dataset.databases
    choices = chosen(examples, arm.candidates, databases, asked.decoding, LIMITS)
    answers = [decided.prediction for decided in decide(examples, choices)]
    with Sandbox(LIMITS, workers=WORKERS) as sandbox:
        skip = asked.match == "official"  # a few golds of Spider's training part fail
        found = judge_each(
            examples, answers, databases, sandbox, match=asked.match, skip_bad_gold=skip
        )
        verdicts = list(found)
    bad = [v for v in verdicts if v.bad_gold is not None]
    if len(bad) > MOST_BAD * len(verdicts):  # then it is not the golds that are bad
        raise RuntimeError(f"{asked.name}: {len(bad)} golds fail, such as {bad[0]}")
    return verdicts, answers, time.perf_counter() - started
