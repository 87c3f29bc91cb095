"""``predict``: let base, tuned and merged model (and the template baseline) answer the test set."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqlforge.core.config import PromptPart, PromptStyle, Recipe, load_recipe
from sqlforge.core.files import check_writable, write_json, write_jsonl
from sqlforge.core.records import Database, Example, Prediction
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.model.answer import answer
from sqlforge.model.load import Quantization, load_model, load_tokenizer, pick_device
from sqlforge.model.merge import load_adapted, load_any, tokenizer_of
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Shot, prompt_version
from sqlforge.score.benchmarks import BenchmarkName, load_benchmark
from sqlforge.score.extract import extract_sql
from sqlforge.score.judge import judge
from sqlforge.score.template_baseline import fit

System = Literal["base", "tuned", "merged", "template"]
Say = Callable[[str], None]
Progress = Callable[[int, int], None]
_SHOTS = 3
_BATCH_TOKENS = 16_384


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
    """
    recipe = run.recipe()
    examples = read_examples(run.data_file("test.jsonl"))
    databases = read_databases(run.data_file("databases.jsonl"))
    if system == "template":
        texts = _template_answers(run, examples, databases)
    else:
        texts = _model_answers(run, recipe, system, examples, databases, say, progress)
    predictions = predictions_of(examples, texts)
    write_jsonl(run.predictions(system), (asdict(p) for p in predictions))


def predict_benchmark(
    model_name: str,
    benchmark: BenchmarkName,
    data_dir: Path,
    out: Path,
    *,
    split: str | None,
    rows: int | None,
    max_new_tokens: int,
    progress: Progress | None = None,
) -> dict[str, object]:
    """Let any model answer a public benchmark and write ``{"id", "sql", "text"}`` lines to ``out``.

    Raises:
        DataError: the benchmark is missing or malformed.
        ModelError: the model cannot be had.
        StorageError: ``out`` cannot be written.
    """
    check_writable(out)
    dataset = load_benchmark(benchmark, data_dir, split)
    examples = dataset.examples[:rows]
    part = prompt_part_of(model_name)
    texts = answer(
        load_any(model_name, dtype="bfloat16", device="auto"),
        tokenizer_of(model_name),
        Prompter.of(part, dataset.databases),
        examples,
        max_new_tokens=max_new_tokens,
        batch_tokens=_BATCH_TOKENS,
        progress=progress,
    )
    write_jsonl(out, (asdict(p) for p in predictions_of(examples, texts)))
    return {"predictions": str(out), "n": len(examples), "prompt_version": prompt_version(part)}


def prompt_part_of(model_name: str) -> PromptPart:
    """How a model wants to be asked: as its run's recipe says, if it lies in a run directory.

    >>> prompt_part_of("smollm2-135m") == PromptPart()
    True
    """
    folder = Path(model_name)  # or a name, of which a recipe that happens to lie here says nothing
    recipe = folder.resolve().parent / "recipe.yaml"
    return load_recipe(recipe).prompt if folder.is_dir() and recipe.is_file() else PromptPart()


def predictions_of(examples: Sequence[Example], texts: Sequence[str]) -> list[Prediction]:
    """Raw answers as predictions, with the SQL taken out of any prose around it."""
    return [Prediction(e.id, extract_sql(t), t) for e, t in zip(examples, texts, strict=True)]


def _model_answers(
    run: RunDir,
    recipe: Recipe,
    system: System,
    examples: Sequence[Example],
    databases: dict[str, Database],
    say: Say,
    progress: Progress | None,
) -> list[str]:
    model, tokenizer = _load(run, recipe, system), load_tokenizer(recipe.model.name)
    prompter = Prompter.of(recipe.prompt, databases)

    def ask(asked: Sequence[Example], style: PromptStyle, shots: Sequence[Shot]) -> list[str]:
        return answer(
            model,
            tokenizer,
            prompter,
            asked,
            style=style,
            shots=shots,
            max_new_tokens=recipe.evaluate.max_new_tokens,
            batch_tokens=recipe.evaluate.batch_tokens,
            progress=progress,
        )

    if system != "base":
        return ask(examples, "plain", ())
    shots = [prompter.shot(example) for example in _shot_examples(run, recipe)]
    trials = _try_prompts(run, recipe, databases, lambda asked, style: ask(asked, style, shots))
    for trial in trials:
        say(
            f"base model, {trial.style} prompt: {trial.correct} of {trial.n} right, "
            f"{trial.valid} valid on validation"
        )
    write_json(run.predictions("base").with_name("base_prompts.json"), [asdict(t) for t in trials])
    best = recipe.evaluate.base_prompts[0]
    if trials:
        best = max(trials, key=lambda t: (t.correct, t.valid)).style
    say(f"base model answers with the {best} prompt")
    return ask(examples, best, shots)


def _load(run: RunDir, recipe: Recipe, system: System) -> Any:
    dtype, device = recipe.model.dtype, recipe.model.device
    # The tuned model is measured as it was trained, its base as what users would run instead.
    quantization: Quantization = "nf4" if recipe.train.method == "qlora" else "none"
    if system == "merged" or (system == "tuned" and recipe.train.method == "full"):
        return load_model(str(run.merged), dtype=dtype, device=device)
    if system == "tuned":
        return load_adapted(
            run.adapter,
            dtype=dtype,
            device=device,
            quantization=quantization,
            unpack=pick_device(device) == "cpu",
        )
    return load_model(recipe.model.name, dtype=dtype, device=device)


def _try_prompts(
    run: RunDir,
    recipe: Recipe,
    databases: dict[str, Database],
    ask: Callable[[Sequence[Example], PromptStyle], list[str]],
) -> list[PromptTrial]:
    validation = read_examples(run.data_file("validation.jsonl"))
    validation = validation[: recipe.evaluate.prompt_trial_rows]
    trials: list[PromptTrial] = []
    if not validation or len(recipe.evaluate.base_prompts) == 1:
        return trials
    with Sandbox(Limits(seconds=recipe.evaluate.query_seconds)) as sandbox:
        for style in recipe.evaluate.base_prompts:
            predictions = predictions_of(validation, ask(validation, style))
            verdicts = judge(validation, predictions, databases, sandbox, match="internal")
            correct = sum(verdict.execution is True for verdict in verdicts)
            valid = sum(verdict.valid for verdict in verdicts)
            trials.append(PromptTrial(style, correct, valid, len(verdicts)))
    return trials


def _shot_examples(run: RunDir, recipe: Recipe) -> list[Example]:
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
