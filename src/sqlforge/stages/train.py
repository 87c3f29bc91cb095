"""``train``: fine-tune the recipe's base model on the run's training examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.console import Console

from sqlforge.core.config import Recipe
from sqlforge.core.errors import RecipeError, UserError
from sqlforge.core.files import digests, new_folder
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import StoredExamples, read_databases
from sqlforge.model.adapt import add_lora, save_adapter, trainable_parameters
from sqlforge.model.card import start_counting, training_memory
from sqlforge.model.distributed import ALONE, Processes
from sqlforge.model.epochs import Curriculum, Passes
from sqlforge.model.fitting import check_memory
from sqlforge.model.load import (
    device_name,
    load_model,
    load_tokenizer,
    pick_device,
    resolve,
    weight_digests,
)
from sqlforge.model.pack import Pack, size_of
from sqlforge.model.planned_steps import plan_steps
from sqlforge.model.progress import MetricsLog, peak_memory_bytes
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import TrainSummary, train
from sqlforge.model.validation import Validation, validate, validation_packs
from sqlforge.prompt.encode import ChatTokenizer
from sqlforge.prompt.tokenise import Tokenised, tokenise
from sqlforge.report.progress import progress_bars
from sqlforge.score.difficulty import difficulties

Say = Callable[[str], None]


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


def train_run(
    run: RunDir, console: Console, say: Say, processes: Processes = ALONE
) -> Trained | None:
    """Train and leave ``adapter/`` (or, for ``full``, ``merged/``) in the run directory.

    Of several ``processes`` the first one says, writes and returns what was done.

    Raises:
        UserError: the run was reinforced since.
        RecipeError: the card is too small.
        ModelError, TrainingError, StorageError: see the functions this calls.
    """
    if not processes.first:
        console, say = Console(quiet=True), _silence
    recipe = run.recipe()
    if run.tuned.is_dir() or run.reinforced.is_dir():
        raise UserError(
            f"{run.path}, whose model was reinforced since it was trained",
            "a run that was not",
            "begin another run, so that nothing is lost",
        )
    processes.connect(pick_device(recipe.model.device))
    tokenizer, tokenised = processes.in_turn(lambda: _tokenised(run, console))
    kept, dropped = len(tokenised.epochs[0]), tokenised.too_long
    again = " (tokenised before)" if tokenised.reused else ""
    say(f"{kept:,} training examples, {dropped:,} longer than the window and left out{again}")
    packs, steps = plan_steps(recipe, tokenised.epochs, *_order(run, recipe))
    if recipe.train.accumulation % processes.size:
        say(f"each micro-batch is cut for {processes.size} processes, so that steps stay the same")
    start_counting(recipe.model.device)
    expected = check_memory(recipe, packs, tokenised.epochs[0], processes.size)
    with training_memory(recipe.model.device, recipe.model.memory_gib):
        model, summary, seconds = _train_on(run, recipe, packs, steps, console, processes)
    if not processes.first:
        return None
    _save(model, tokenizer, recipe, run)
    trained = _summary(packs, tokenised, model, summary, seconds)
    run.note(
        training=asdict(trained),
        trained_on=device_name(recipe.model.device),
        base_weights_sha256=weight_digests(recipe.model.name),
        planned_memory_bytes=expected,
        processes=processes.size,
    )
    return trained


def _silence(_: str) -> None:
    """What processes but the first have to say."""


def _tokenised(run: RunDir, console: Console) -> tuple[Any, Tokenised]:
    tokenizer: Any = load_tokenizer(run.recipe().model.name)
    return tokenizer, tokenise_run(run, tokenizer, progress_bars(console)("tokenise"))


def _train_on(
    run: RunDir,
    recipe: Recipe,
    packs: Sequence[Pack],
    steps: int,
    console: Console,
    processes: Processes,
) -> tuple[Any, TrainSummary, float]:
    """The trained model, what happened, and how long it took."""
    model = processes.in_turn(lambda: _trainable_model(recipe))
    settings = _settings(recipe, steps)
    if not processes.first:
        return model, train(model, packs, settings, run.checkpoints, processes=processes), 0.0
    # A layer in pieces is put together by all processes at once, and only this one measures.
    in_pieces = processes.size > 1 and recipe.train.distributed == "fsdp"
    measure = None if in_pieces else _measure(run, recipe, model, settings)
    log = MetricsLog(
        run.metrics_file,
        packs,
        recipe.train.accumulation,
        steps,
        console,
        measure,
        recipe.train.validate_steps or steps,
    )
    run.metrics_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        summary = train(model, packs, settings, run.checkpoints, [log], log.resume, processes)
    finally:
        log.close()
    if measure is not None:
        run.note(validation=asdict(measure()))  # of what is kept: a mean of weights, perhaps
    return model, summary, log.seconds()


def _measure(
    run: RunDir, recipe: Recipe, model: Any, settings: TrainSettings
) -> Callable[[], Validation] | None:
    """Measures on the recipe's validation examples, if it asks for that."""
    if recipe.train.validate_steps is None:
        return None
    store = tokenise(
        recipe.model_copy(update={"augment": None}),
        run.tokens / "validation",
        load_tokenizer(recipe.model.name),
        StoredExamples(run.data_file("validation.jsonl")),
        read_databases(run.data_file("databases.jsonl")),
    ).epochs[0]
    part = recipe.train
    packs = validation_packs(
        store, rows=part.validation_rows, budget=part.pack_tokens, seed=recipe.seed
    )
    return partial(validate, model, packs, autocast_bf16=settings.autocast_bf16)


def tokenise_run(
    run: RunDir, tokenizer: ChatTokenizer, progress: Callable[[int, int], None] | None = None
) -> Tokenised:
    """The run's training examples as ids, from ``tokens/`` if nothing has changed since.

    Raises:
        RecipeError: ``prompt.max_tokens`` holds none of them.
        StorageError: the disk is full.
    """
    return tokenise(
        run.recipe(),
        run.tokens,
        tokenizer,
        StoredExamples(run.data_file("train.jsonl")),
        read_databases(run.data_file("databases.jsonl")),
        progress,
    )


def _order(run: RunDir, recipe: Recipe) -> tuple[Passes | None, Curriculum | None]:
    """How often examples come, and in which order, where the recipe has something to say."""
    examples = StoredExamples(run.data_file("train.jsonl"))
    passes, curriculum = None, None
    if of := {p.key: p.passes for p in recipe.data.train if p.passes is not None}:
        named = {e.id: of[e.source] for e in examples if e.source in of}
        passes = Passes(recipe.train.epochs, recipe.seed, named)
    if (part := recipe.train.curriculum) is not None:
        databases = read_databases(run.data_file("databases.jsonl"))
        found = difficulties(examples, databases, part.by)
        curriculum = Curriculum(found, part.epochs, part.mixed)
    return passes, curriculum


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
    if cpu and part.optimizer != "adamw":
        raise RecipeError(
            f"train.optimizer {part.optimizer} on a CPU", "adamw", "take the line out of the recipe"
        )
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
        optimizer=part.optimizer,
        step=part.step,
        embedding=part.embedding,
        graphs=part.graphs,
        distributed=part.distributed,
        schedule=part.schedule,
        decay_share=part.decay_share,
        embedding_learning_rate=part.embedding_learning_rate,
        average=part.average,
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
        # Noted before the folder takes its name: `publish` uploads no other files.
        run.note(**{f"{target.name}_sha256": digests(folder)})


def _summary(
    packs: Sequence[Pack], tokenised: Tokenised, model: Any, summary: TrainSummary, seconds: float
) -> Trained:
    lengths = [sum(store.lengths) / len(store) for store in tokenised.epochs]
    sizes = [size_of(packs, i) for i in range(len(packs))]
    tokens, examples = sum(size[0] for size in sizes), sum(size[1] for size in sizes)
    return Trained(
        steps=summary.steps,
        examples=examples,
        tokens=tokens,
        plain_tokens=round(sum(lengths) / len(lengths) * examples),
        dropped_too_long=tokenised.too_long,
        trainable_parameters=trainable_parameters(model),
        seconds=round(seconds, 1),
        final_loss=summary.final_loss,
        peak_memory_bytes=peak_memory_bytes(),
    )
