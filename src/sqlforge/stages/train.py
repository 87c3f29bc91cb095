"""``train``: fine-tune the recipe's base model on the run's training examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from sqlforge.core.config import Recipe
from sqlforge.core.errors import RecipeError
from sqlforge.core.files import new_folder
from sqlforge.core.records import Example
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.model.adapt import add_lora, save_adapter, trainable_parameters
from sqlforge.model.load import (
    device_name,
    load_model,
    load_tokenizer,
    pick_device,
    resolve,
    weight_digests,
)
from sqlforge.model.pack import Pack, plan_packs
from sqlforge.model.progress import MetricsLog, peak_memory_bytes
from sqlforge.model.train import TrainSettings, TrainSummary, train
from sqlforge.prompt.encode import ChatTokenizer, Encoded, encode_example
from sqlforge.prompt.prompter import Prompter
from sqlforge.report.progress import progress_bars

Say = Callable[[str], None]
_SHOWN_EVERY = 500  # examples


@dataclass(frozen=True, slots=True)
class Trained:
    """What training did; ``tokens`` are those processed, shared schemas counted once."""

    steps: int
    examples: int
    tokens: int
    plain_tokens: int
    dropped_too_long: int
    trainable_parameters: int
    seconds: float
    final_loss: float
    peak_memory_bytes: int


def train_run(run: RunDir, console: Console, say: Say) -> Trained:
    """Train and leave ``adapter/`` (or, for ``full``, ``merged/``) in the run directory.

    Raises:
        ModelError, TrainingError, StorageError: see the functions this calls.
    """
    recipe = run.recipe()
    examples = read_examples(run.data_file("train.jsonl"))
    tokenizer: Any = load_tokenizer(recipe.model.name)
    bar = progress_bars(console)("tokenise")
    encoded, kept, dropped = encode_all(recipe, run, tokenizer, examples, bar)
    say(f"{len(kept):,} training examples, {dropped:,} longer than the window and left out")
    packs, steps = plan_steps(recipe, encoded, [e.db_id for e in kept])
    model = _trainable_model(recipe)
    log = MetricsLog(run.metrics_file, packs, recipe.train.accumulation, steps, console)
    run.metrics_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        settings = _settings(recipe, steps)
        summary = train(model, packs, settings, run.checkpoints, [log], log.resume)
    finally:
        log.close()
    _save(model, tokenizer, recipe, run)
    trained = _summary(run, packs, encoded, dropped, model, summary, recipe, log.seconds())
    run.note(
        training=asdict(trained),
        trained_on=device_name(recipe.model.device),
        base_weights_sha256=weight_digests(recipe.model.name),
    )
    return trained


def encode_all(
    recipe: Recipe,
    run: RunDir,
    tokenizer: ChatTokenizer,
    examples: Sequence[Example],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Encoded], list[Example], int]:
    """Encode examples, leaving out (and counting) those longer than ``prompt.max_tokens``.

    Raises:
        RecipeError: none is short enough.
    """
    databases = read_databases(run.data_file("databases.jsonl"))
    prompter = Prompter(databases, link_values=recipe.prompt.link_values)
    encoded: list[Encoded] = []
    kept: list[Example] = []
    for done, example in enumerate(examples, start=1):
        one = encode_example(tokenizer, prompter.ask(example.db_id, example.question), example.sql)
        if len(one) <= recipe.prompt.max_tokens:
            encoded.append(one)
            kept.append(example)
        if progress and (done % _SHOWN_EVERY == 0 or done == len(examples)):
            progress(done, len(examples))
    if not kept:
        raise RecipeError(
            f"prompt.max_tokens {recipe.prompt.max_tokens}, which all {len(examples):,} training "
            "examples exceed",
            "a window that holds most of them",
            "raise prompt.max_tokens",
        )
    return encoded, kept, len(examples) - len(kept)


def plan_steps(
    recipe: Recipe, encoded: Sequence[Encoded], schema_keys: Sequence[str]
) -> tuple[list[Pack], int]:
    """The packs of all epochs, and how many optimizer steps the run takes."""
    part = recipe.train
    longest = max(len(example) for example in encoded)
    if longest > part.pack_tokens:
        raise RecipeError(
            f"train.pack_tokens {part.pack_tokens} and an example of {longest} tokens",
            "packs that hold every example",
            f"set train.pack_tokens to at least {longest}, or lower prompt.max_tokens",
        )
    packs: list[Pack] = []
    for epoch in range(part.epochs):
        packs += plan_packs(
            encoded,
            schema_keys,
            budget=part.pack_tokens,
            questions_per_schema=part.questions_per_schema,
            seed=recipe.seed * 1_000 + epoch,
        )
    steps = -(-len(packs) // part.accumulation)
    if part.max_steps is not None:
        steps = min(steps, part.max_steps)
    return packs[: steps * part.accumulation], steps


def _trainable_model(recipe: Recipe) -> Any:
    part = recipe.train
    quantization: Any = "nf4" if part.method == "qlora" else "none"
    dtype = "float32" if part.method == "full" else recipe.model.dtype
    model: Any = load_model(
        recipe.model.name, dtype=dtype, device=recipe.model.device, quantization=quantization
    )
    if part.method != "full":
        model = add_lora(
            model,
            resolve(recipe.model.name),
            rank=part.rank,
            alpha=part.alpha,
            dropout=part.dropout,
            dtype=part.adapter_dtype,
            seed=recipe.seed,
        )
    if part.gradient_checkpointing:
        # Without it nothing below the adapters would ask for gradients, and nothing be recomputed.
        model.enable_input_require_grads()
    return model


def _settings(recipe: Recipe, steps: int) -> TrainSettings:
    part = recipe.train
    cpu = pick_device(recipe.model.device) == "cpu"
    in_bf16 = recipe.model.dtype == "bfloat16"
    full_precision_updates = part.method == "full" or part.adapter_dtype == "float32"
    return TrainSettings(
        learning_rate=part.learning_rate,
        warmup_share=part.warmup_share,
        weight_decay=part.weight_decay,
        max_grad_norm=part.max_grad_norm,
        accumulation=part.accumulation,
        steps=steps,
        checkpoint_steps=part.checkpoint_steps,
        gradient_checkpointing=part.gradient_checkpointing,
        autocast_bf16=in_bf16 and full_precision_updates,
        cpu=cpu,
        seed=recipe.seed,
        trackers=part.trackers,
    )


def _save(model: Any, tokenizer: Any, recipe: Recipe, run: RunDir) -> None:
    import torch

    if recipe.train.method == "full":
        model.to(torch.bfloat16 if recipe.model.dtype == "bfloat16" else torch.float32)
    target = run.merged if recipe.train.method == "full" else run.adapter
    with new_folder(target) as folder:
        if recipe.train.method == "full":
            model.save_pretrained(folder)
        else:
            save_adapter(model, folder)
        tokenizer.save_pretrained(folder)


def _summary(
    run: RunDir,
    packs: Sequence[Pack],
    encoded: Sequence[Encoded],
    dropped: int,
    model: Any,
    summary: TrainSummary,
    recipe: Recipe,
    seconds: float,
) -> Trained:
    mean = sum(len(example) for example in encoded) / len(encoded)
    examples = sum(pack.examples for pack in packs)
    return Trained(
        steps=summary.steps,
        examples=examples,
        tokens=sum(len(pack) for pack in packs),
        plain_tokens=round(mean * examples),
        dropped_too_long=dropped,
        trainable_parameters=trainable_parameters(model),
        seconds=round(seconds, 1),
        final_loss=summary.final_loss,
        peak_memory_bytes=peak_memory_bytes(),
    )
