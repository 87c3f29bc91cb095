"""``predict``: let a run's models (and the template baseline) answer its test set."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqlforge.core.config import PromptStyle, Recipe
from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DataError
from sqlforge.core.files import write_json, write_jsonl
from sqlforge.core.records import Database, Example, Prediction
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.decode.abstain import Calibration
from sqlforge.decode.calibration_file import write_calibration
from sqlforge.decode.decide import (
    calibrated_on,
    check_constrainable,
    chosen,
    circumstances,
    decide,
)
from sqlforge.decode.vote import Candidate, Choice
from sqlforge.model.answer import answer
from sqlforge.model.card import held_memory, weights_that_fit
from sqlforge.model.load import Quantization, load_model, load_tokenizer, pick_device
from sqlforge.model.merge import load_adapted
from sqlforge.model.writer import TransformersWriter
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Shot, prompt_version
from sqlforge.score.extract import extract_sql
from sqlforge.score.judge import judge
from sqlforge.score.predictions_file import answer_rows
from sqlforge.score.template_baseline import fit

System = Literal["base", "tuned", "reinforced", "merged", "template"]
Say = Callable[[str], None]
Progress = Callable[[int, int], None]
_SHOTS = 3


@dataclass(frozen=True, slots=True)
class PromptTrial:
    """How the base model did with one prompt on the validation examples."""

    style: PromptStyle
    correct: int
    valid: int
    n: int


def predict_run(run: RunDir, system: System, say: Say, progress: Progress | None = None) -> None:
    """Write ``predictions/SYSTEM.jsonl``: ``{"id", "sql", "text"}`` a test example.

    The base model is tried with every prompt of the recipe on validation examples first; its best
    prompt answers the test set, and ``predictions/base_prompts.json`` tells the trial's outcome.
    Where the recipe has answers refused, validation examples are answered too, and
    ``predictions/SYSTEM.calibration.json`` tells what confidence is worth.

    Raises:
        UserError: a database cannot be constrained as the recipe asks, or there is too little to
            calibrate on.
    """
    recipe = run.recipe()
    examples = read_examples(run.data_file("test.jsonl"))
    databases = read_databases(run.data_file("databases.jsonl"))
    if system == "template":
        texts = _template_answers(run, examples, databases)
        predictions = [
            Prediction(e.id, extract_sql(t), t) for e, t in zip(examples, texts, strict=True)
        ]
    else:
        asked = _Asked(run, recipe, system, databases, say, progress)
        with held_memory(recipe.model.device, recipe.model.memory_gib):
            predictions = _model_answers(asked, examples)
    write_jsonl(run.predictions(system), answer_rows(predictions))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One system of a run that is asked, and who is told."""

    run: RunDir
    recipe: Recipe
    system: System
    databases: dict[str, Database]
    say: Say
    progress: Progress | None

    @property
    def limits(self) -> Limits:
        return Limits(seconds=self.recipe.evaluate.query_seconds)


def _model_answers(asked: _Asked, examples: Sequence[Example]) -> list[Prediction]:
    recipe, part = asked.recipe, asked.recipe.evaluate
    decoding = part.decoding(recipe.seed)
    check_constrainable(decoding, asked.databases)
    model = _load(asked)
    writer = TransformersWriter(model, load_tokenizer(recipe.model.name))
    prompter = Prompter.of(recipe.prompt, asked.databases)

    def ask(
        questions: Sequence[Example], style: PromptStyle, shots: Sequence[Shot], how: Decoding
    ) -> list[list[Candidate]]:
        return answer(
            writer,
            prompter,
            questions,
            how,
            style=style,
            shots=shots,
            max_new_tokens=part.max_new_tokens,
            batch_tokens=part.batch_tokens,
            progress=asked.progress,
        )

    style: PromptStyle = "plain"
    shots: Sequence[Shot] = ()
    if asked.system == "base":
        shots = [prompter.shot(example) for example in shot_examples(asked.run, recipe)]
        once = Decoding(
            constrain=decoding.constrain,
            join_on_keys=decoding.join_on_keys,
            linked_literals=decoding.linked_literals,
        )
        style = _best_prompt(asked, lambda rows, tried: ask(rows, tried, shots, once))

    def choices(questions: Sequence[Example]) -> list[Choice]:
        written = ask(questions, style, shots, decoding)
        return chosen(questions, written, asked.databases, decoding, asked.limits)

    if decoding.refuse_below is None:
        return [a.prediction for a in decide(examples, choices(examples))]
    calibration = _calibrated(asked, decoding, choices)
    below = None if calibration is None else decoding.refuse_below
    answers = [a.prediction for a in decide(examples, choices(examples), below, calibration)]
    asked.say(f"{sum(a.refused for a in answers):,} of {len(answers):,} answers refused")
    return answers


def _calibrated(
    asked: _Asked, decoding: Decoding, choices: Callable[[Sequence[Example]], list[Choice]]
) -> Calibration | None:
    """What confidence is worth on validation answers; ``None`` for a base that is hardly right."""
    held_out = read_examples(asked.run.data_file("validation.jsonl"))
    kept = circumstances(decoding, prompt_version(asked.recipe.prompt))
    try:
        found = calibrated_on(held_out, choices(held_out), asked.databases, asked.limits, kept)
    except DataError as fault:
        if asked.system != "base":
            raise
        asked.say(f"base model: {fault.got}, so none of its answers is refused")
        return None
    write_calibration(asked.run.calibration(asked.system), found)
    asked.say(
        f"calibrated on {found.n:,} validation answers, {found.right:,} right: confidence is off "
        f"by {found.error:.1%} on databases held out"
    )
    return found


def _best_prompt(
    asked: _Asked, ask: Callable[[Sequence[Example], PromptStyle], list[list[Candidate]]]
) -> PromptStyle:
    """The prompt that the base model answers best with, as the trial on validation has it."""
    trials = _try_prompts(asked, ask)
    for trial in trials:
        asked.say(
            f"base model, {trial.style} prompt: {trial.correct} of {trial.n} right, "
            f"{trial.valid} valid on validation"
        )
    told = asked.run.predictions("base").with_name("base_prompts.json")
    write_json(told, [asdict(t) for t in trials])
    best = asked.recipe.evaluate.base_prompts[0]
    if trials:
        best = max(trials, key=lambda t: (t.correct, t.valid)).style
    asked.say(f"base model answers with the {best} prompt")
    return best


def _load(asked: _Asked) -> Any:
    run, recipe, system = asked.run, asked.recipe, asked.system
    dtype, device = recipe.model.dtype, recipe.model.device
    # The tuned model is measured as it was trained, its base as what users would run instead.
    quantization: Quantization = "nf4" if recipe.train.method == "qlora" else "none"
    folder = _folder(run, system)
    if folder and system != "merged" and recipe.train.method != "full":
        return load_adapted(
            folder,
            dtype=dtype,
            device=device,
            quantization=quantization,
            unpack=pick_device(device) == "cpu",
        )
    name = str(folder or recipe.model.name)
    fitting = weights_that_fit(name, "none", device, recipe.model.memory_gib)
    if fitting == "nf4":
        asked.say(f"{system}: held in 4 bits (NF4), since its 16-bit weights leave no room here")
    return load_model(name, dtype=dtype, device=device, quantization=fitting)


def _folder(run: RunDir, system: System) -> Path | None:
    """Where a system's adapter or model is; ``None`` for the base, which has a name."""
    if system == "base":
        return None
    if system == "tuned" and run.tuned.is_dir():
        return run.tuned
    return run.merged if system == "merged" else run.trained()


def _try_prompts(
    asked: _Asked, ask: Callable[[Sequence[Example], PromptStyle], list[list[Candidate]]]
) -> list[PromptTrial]:
    part = asked.recipe.evaluate
    validation = read_examples(asked.run.data_file("validation.jsonl"))[: part.prompt_trial_rows]
    trials: list[PromptTrial] = []
    if not validation or len(part.base_prompts) == 1:
        return trials
    with Sandbox(asked.limits) as sandbox:
        for style in part.base_prompts:
            predictions = [
                Prediction(example.id, candidate.sql, candidate.text)
                for example, (candidate,) in zip(validation, ask(validation, style), strict=True)
            ]
            verdicts = judge(validation, predictions, asked.databases, sandbox, match="internal")
            correct = sum(verdict.execution is True for verdict in verdicts)
            valid = sum(verdict.valid for verdict in verdicts)
            trials.append(PromptTrial(style, correct, valid, len(verdicts)))
    return trials


def shot_examples(run: RunDir, recipe: Recipe) -> list[Example]:
    """Training examples of different kinds and databases to show in few-shot prompts."""
    examples = read_examples(run.data_file("train.jsonl"))
    random.Random(recipe.seed).shuffle(examples)
    chosen: list[Example] = []
    for example in examples:
        fresh = all(c.db_id != example.db_id for c in chosen)
        new_kind = example.kind is None or all(c.kind != example.kind for c in chosen)
        if fresh and new_kind and len(chosen) < _SHOTS:
            chosen.append(example)
    return chosen


def _template_answers(
    run: RunDir, examples: Sequence[Example], databases: dict[str, Database]
) -> list[str]:
    baseline = fit(read_examples(run.data_file("train.jsonl")), databases)
    return [baseline.predict(e.question, databases[e.db_id]) for e in examples]
