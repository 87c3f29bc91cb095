"""``reinforce``: go on with a trained model on the results of its own answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from sqlforge.core.config import Recipe, ReinforcePart
from sqlforge.core.decoding import Decoding
from sqlforge.core.environment import usable_cores
from sqlforge.core.errors import DataError, UserError
from sqlforge.core.files import digests, new_folder, storing
from sqlforge.core.records import Database, Example
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.rewardable import Left, rewardable
from sqlforge.corpus.store import read_databases
from sqlforge.decode.decide import check_constrainable
from sqlforge.model.card import start_counting, training_memory
from sqlforge.model.load import device_name, load_model, load_tokenizer, pick_device
from sqlforge.model.merge import load_adapted
from sqlforge.model.progress import peak_memory_bytes
from sqlforge.model.reinforce import ReinforceSettings, Tried, reinforce, save_policy
from sqlforge.model.reinforce_log import ReinforceLog
from sqlforge.model.reinforce_sampling import Question
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter
from sqlforge.report.progress import progress_bars
from sqlforge.score.reward import Referee

Say = Callable[[str], None]
_MOST_JUDGES = 16
_ENDS = 0.1  # of the steps, whose mean reward stands for the beginning and for the end


@dataclass(frozen=True, slots=True)
class Reinforced:
    """What reinforcement did.

    ``samples`` counts those of redrawn groups too; ``signal`` is the share of groups, of all that
    were drawn, whose rewards differ. ``reward_before`` and ``reward_after`` are the mean rewards
    of the first and of the last tenth of the steps, of the questions that were dealt.
    """

    steps: int
    questions: int
    samples: int
    seconds: float
    samples_per_second: float
    sampling_seconds: float
    signal: float
    reward_before: float
    reward_after: float
    trial: int
    right_before: int
    right_after: int
    left_out: Left
    peak_memory_bytes: int


def reinforce_run(run: RunDir, console: Console, say: Say) -> Reinforced:
    """Reinforce the run's model, which takes its own place; what it was is kept in ``tuned/``.

    Goes on where it was cut off. Rewards come from databases of the training split alone.

    Raises:
        UserError: the recipe has no such part, the run is not trained or reinforced already, or
            TRL is not installed.
        DataError: no training example can be learnt from.
        ModelError, TrainingError, StorageError: see the functions this calls.
    """
    recipe = run.recipe()
    part = _part(run, recipe)
    if settle(run, say):
        return _noted(run)
    _check(run)
    databases = read_databases(run.data_file("databases.jsonl"))
    most = part.steps * part.questions + part.trial
    examples, left = rewardable(run, databases, part.sources, most, recipe.seed)
    tokenizer: Any = load_tokenizer(recipe.model.name)
    examples, questions, left = _asked(recipe, tokenizer, examples, databases, left)
    log = ReinforceLog(run.reinforcement_file, part.steps * part.updates, console)
    bars = progress_bars(console)
    with Referee(
        examples,
        databases,
        seconds=part.query_seconds,
        runs_reward=part.runs_reward,
        workers=min(_MOST_JUDGES, usable_cores()),
    ) as referee:
        golds = referee.check(bars("golds"))
        left = replace(left, failing_golds=golds.failing, empty_golds=golds.empty)
        _tell_left(left, len(golds.usable), say)
        start_counting(recipe.model.device)
        model = _policy(run, recipe)
        how, place = _settings(recipe, part), run.reinforcement_checkpoints
        with training_memory(recipe.model.device, recipe.model.memory_gib, expandable=False):
            tried = reinforce(
                model, tokenizer, questions, golds.usable, referee.judge, how, place, log, bars
            )
    found = _summary(part, log.rows(), tried, left)
    with new_folder(run.reinforced) as folder:
        _save(recipe, model, tokenizer, folder)
        run.note(reinforcement=asdict(found), reinforced_on=device_name(recipe.model.device))
    settle(run, say)
    return found


def settle(run: RunDir, say: Say) -> bool:
    """Let what reinforcement left take its place; whether there was any.

    A kill in the middle is mended by the next call. What was merged of the model before goes, with
    its answers: ``merge`` makes it anew.
    """
    if not run.reinforced.is_dir():
        return False
    whole = run.recipe().train.method == "full"
    place = run.merged if whole else run.adapter
    with storing(place):
        if not run.tuned.is_dir():
            place.rename(run.tuned)
        if not whole and run.merged.is_dir():
            shutil.rmtree(run.merged)
            answers = run.predictions("merged")
            for file in (*answers.parent.glob("merged.*"), *run.scores.glob("merged-*")):
                file.unlink()
            say("the model merged before is removed: 'sqlforge merge' makes the reinforced one")
        run.note(**{f"{place.name}_sha256": digests(run.reinforced)})
        run.reinforced.rename(place)
    return True


def _part(run: RunDir, recipe: Recipe) -> ReinforcePart:
    if recipe.reinforce is None:
        raise UserError(
            f"{run.path}, whose recipe does not reinforce",
            "a recipe with the part 'reinforce'",
            f"add the line 'reinforce: {{}}' to {run.recipe_file} in place of 'reinforce: null'; "
            "docs/reinforce.md lists its keys",
        )
    return recipe.reinforce


def _check(run: RunDir) -> None:
    """Whether there is a model that was trained, and only trained."""
    if run.tuned.is_dir():
        raise UserError(
            f"{run.path}, whose model was reinforced already",
            "a run that was only trained",
            f"see {run.report.name} for what came out, or begin another run",
        )
    run.trained()


def _asked(
    recipe: Recipe,
    tokenizer: Any,
    examples: Sequence[Example],
    databases: dict[str, Database],
    left: Left,
) -> tuple[list[Example], list[Question], Left]:
    """The examples whose prompts are short enough, in their order, and the prompts."""
    if recipe.reinforce is not None and recipe.reinforce.constrain == "schema":
        asked = {e.db_id: databases[e.db_id] for e in examples}
        check_constrainable(Decoding(constrain="schema"), asked)
    prompter = Prompter.of(recipe.prompt, databases)
    made: dict[int, Question] = {}
    # By database, whose index of values is then built once.
    for n in sorted(range(len(examples)), key=lambda n: examples[n].db_id):
        example = examples[n]
        conversation = prompter.ask(example.db_id, example.question, sql=example.sql)
        prompt = encode_prompt(tokenizer, conversation)
        if len(prompt) <= recipe.prompt.max_tokens:
            made[n] = Question(prompt, example.db_id, databases[example.db_id].schema)
    kept = sorted(made)
    left = replace(left, too_long=len(examples) - len(kept))
    return [examples[n] for n in kept], [made[n] for n in kept], left


def _tell_left(left: Left, usable: int, say: Say) -> None:
    if not usable:
        raise DataError(
            f"no training example with a gold to reinforce on ({left.failing_golds:,} fail, "
            f"{left.empty_golds:,} give nothing, {left.too_long:,} prompts are too long)",
            "golds that run and give rows",
            "raise reinforce.query_seconds or prompt.max_tokens, or add a source",
        )
    say(
        f"{usable:,} training questions to reinforce on; left out: {left.without_rows:,} of "
        f"databases without rows, {left.held_out:,} of databases that validation or test ask too, "
        f"{left.too_long:,} too long, {left.failing_golds:,} whose gold fails and "
        f"{left.empty_golds:,} whose gold gives nothing"
    )


def _policy(run: RunDir, recipe: Recipe) -> Any:
    """The trained model, what was trained of it trainable."""
    if recipe.train.method == "full":
        return load_model(str(run.merged), dtype="float32", device=recipe.model.device)
    model: Any = load_adapted(
        run.adapter,
        dtype=recipe.model.dtype,
        device=recipe.model.device,
        quantization="nf4" if recipe.train.method == "qlora" else "none",
    )
    model.peft_config["default"].inference_mode = False
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return model


def _settings(recipe: Recipe, part: ReinforcePart) -> ReinforceSettings:
    whole = recipe.train.method == "full"
    return ReinforceSettings(
        steps=part.steps,
        questions=part.questions,
        samples=part.samples,
        trial=part.trial,
        temperature=part.temperature,
        max_new_tokens=part.max_new_tokens,
        constrained=part.constrain == "schema",
        redraws=part.redraws,
        loss=part.loss,
        clip=part.clip,
        clip_high=part.clip_high,
        kl=part.kl,
        updates=part.updates,
        learning_rate=part.learning_rate,
        warmup_share=part.warmup_share,
        weight_decay=part.weight_decay,
        max_grad_norm=part.max_grad_norm,
        update_tokens=part.update_tokens,
        batch_tokens=part.batch_tokens,
        checkpoint_steps=part.checkpoint_steps,
        gradient_checkpointing=bool(recipe.train.gradient_checkpointing),
        # Adapters are computed in fp32 whatever their base is, as they are when they sample.
        autocast_bf16=whole and recipe.model.dtype == "bfloat16",
        cpu=pick_device(recipe.model.device) == "cpu",
        seed=recipe.seed,
        trackers=recipe.train.trackers,
    )


def _save(recipe: Recipe, model: Any, tokenizer: Any, folder: Path) -> None:
    import torch

    if recipe.train.method == "full":
        model.to(torch.bfloat16 if recipe.model.dtype == "bfloat16" else torch.float32)
    save_policy(model, folder)
    tokenizer.save_pretrained(folder)


def _noted(run: RunDir) -> Reinforced:
    noted = run.manifest()["reinforcement"]
    return Reinforced(**{**noted, "left_out": Left(**noted["left_out"])})


def _summary(
    part: ReinforcePart, rows: Sequence[dict[str, Any]], tried: tuple[Tried, Tried], left: Left
) -> Reinforced:
    sampled = [row for row in rows if "samples" in row]  # not repeated updates
    few = max(1, round(_ENDS * len(sampled)))
    groups = [row["samples"] / part.samples for row in sampled]
    seconds, samples = sum(row["seconds"] for row in rows), sum(row["samples"] for row in sampled)
    before, after = tried
    return Reinforced(
        steps=len(sampled),
        questions=round(sum(groups)),
        samples=round(samples),
        seconds=round(seconds, 1),
        samples_per_second=round(samples / seconds, 2),
        sampling_seconds=round(sum(row["sampling_seconds"] for row in sampled), 1),
        signal=sum(n * row["signal"] for n, row in zip(groups, sampled, strict=True)) / sum(groups),
        reward_before=sum(row["dealt"] for row in sampled[:few]) / few,
        reward_after=sum(row["dealt"] for row in sampled[-few:]) / few,
        trial=before.n,
        right_before=before.right,
        right_after=after.right,
        left_out=left,
        peak_memory_bytes=peak_memory_bytes(),
    )
