"""``plan``: what a training run will need, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlforge.core.config import Recipe, TrainPart, load_recipe
from sqlforge.core.errors import ModelError, RecipeError, UserError
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import StoredExamples, read_databases
from sqlforge.plan.advice import Asked, Change, changes_that_fit, largest_packs
from sqlforge.plan.cards import CARDS, Card, find_card
from sqlforge.plan.catalog import config_of, shape_of
from sqlforge.plan.lengths import Corpus, carried_corpus, lengths_of
from sqlforge.plan.matrix import Candidate, matrix
from sqlforge.plan.memory import OUTSIDE, Budget
from sqlforge.plan.speed import Speed, speed
from sqlforge.plan.training import training_of
from sqlforge.prompt.token_store import TokenStore
from sqlforge.prompt.tokenise import tokenise


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes that PyTorch reserved in three steps, those predicted for the same, and seconds."""

    reserved: int
    predicted: int
    seconds: float

    @property
    def correction(self) -> float:
        """How many times as much was reserved as predicted."""
        return self.reserved / self.predicted


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked, what it takes and what would fit.

    ``measured`` is what three steps took on this machine's card; ``largest_packs`` is then
    corrected by how far the prediction was off.
    """

    model: str
    asked: Asked
    card: Card
    budget: Budget
    fits: bool
    largest_packs: int
    changes: tuple[Change, ...]
    speeds: tuple[tuple[Card, Speed], ...]
    measured: Measured | None = None

    def facts(self) -> dict[str, Any]:
        """As plain values, for ``--json``; bytes and seconds."""
        asked = self.asked
        return {
            "model": asked.shape.name,
            "parameters": asked.shape.parameters,
            "adapter_parameters": asked.shape.adapter_parameters(asked.training.rank),
            "gpu": {**asdict(self.card), "usable": self.card.usable},
            "training": {**asdict(asked.training), "pack_tokens": asked.pack_tokens},
            "lengths": {
                "source": asked.corpus.source,
                "examples": asked.corpus.examples,
                "mean_tokens": asked.corpus.mean_tokens,
                "longest": asked.corpus.longest,
            },
            "budget": {**asdict(self.budget), "on_card": self.budget.on_card},
            "fits": self.fits,
            "headroom": self.card.usable - self.budget.reserved,
            "largest_pack_tokens": self.largest_packs,
            "changes_that_fit": {change.key: change.value for change in self.changes},
            "speed": [{"gpu": card.name, **asdict(found)} for card, found in self.speeds],
            "measured": asdict(self.measured) if self.measured else None,
        }


def plan(model: str | None, gpu: str | None, recipe: Path | None, *, here: bool = False) -> Plan:
    """Plan a recipe, or the reference settings for a model.

    Args:
        model: catalog name, ``config.json`` or folder; else the recipe's.
        gpu: memory or a card's name; else what the recipe holds itself to.
        recipe: a recipe's file, or a run directory, whose own examples then count.
        here: whether to plan for this machine's card where none is named.

    Raises:
        UserError: something is not understood or missing.
    """
    loaded, run = _recipe(recipe)
    if model is None and loaded is None:
        raise UserError("neither --model nor --recipe", "one of them", "name what to plan")
    name = model or (loaded.model.name if loaded else "")
    card = _this_card() if here and gpu is None else _card(gpu, loaded)
    asked = asked_for(name, loaded, run, hopper=card.hopper)
    return planned(name, asked, card)


def planned(name: str, asked: Asked, card: Card) -> Plan:
    """Budget, advice and speeds of a run on ``card``."""
    fitting = asked.fits(card.usable)
    changes = () if fitting else changes_that_fit(asked, card.usable)
    largest = largest_packs(asked, card.usable)
    if not fitting and not changes and not largest:
        raise RecipeError(
            f"{asked.shape.name} on {card.name}, where not even its weights and one short example "
            f"fit into {card.usable / 2**30:.2f} GiB",
            "a card that holds them",
            "take a smaller model or a larger card",
        )
    cards = [card] if card.tflops else []
    cards += [one for one in CARDS if one.usable >= card.usable and one.name != card.name]
    epoch = asked.work()
    speeds = [(one, speed(epoch, one)) for one in cards]
    return Plan(name, asked, card, asked.budget(), fitting, largest, changes, tuple(speeds))


def measured(found: Plan) -> Plan:
    """The plan, corrected by three real steps with random weights on this machine's card.

    Raises:
        UserError: there is no CUDA card.
        ModelError: the steps do not fit it.
    """
    from sqlforge.model.card import is_hopper
    from sqlforge.model.measure import demanding_packs, measure_steps
    from sqlforge.plan.memory import budget

    _this_card()
    asked = found.asked
    packs = demanding_packs(
        asked.corpus.lengths,
        asked.shape.vocabulary,
        budget=asked.pack_tokens,
        questions_per_schema=asked.questions_per_schema,
        seed=asked.seed,
    )
    hopper = is_hopper("cuda")
    config = config_of(found.model)
    limit = found.card.usable
    told = measure_steps(config, asked.shape, asked.training, packs, device="cuda", limit=limit)
    expected = budget(
        asked.shape, asked.training, told.packs, hopper=hopper, expandable=told.expandable
    )
    took = Measured(told.reserved, expected.reserved, told.seconds)
    largest = largest_packs(asked, int(limit / took.correction))
    return replace(found, measured=took, fits=True, changes=(), largest_packs=largest)


def compare(model: str | None) -> list[Candidate]:
    """The decision matrix, with a further model if one is named."""
    return matrix((model,) if model else ())


def matrix_facts(found: Sequence[Candidate]) -> list[dict[str, Any]]:
    """The matrix as plain values, for ``--json``; ``None`` where nothing was measured."""
    return [
        {
            "model": one.shape.name,
            "parameters": one.shape.parameters,
            "context": one.shape.context,
            **asdict(one.facts),
            "tokens": asdict(one.tokens) if one.tokens else None,
            "reserved_at_2048_tokens": one.budget.reserved,
            "largest_pack_tokens_on_12_gb": one.largest_packs,
            "speed_on_rtx_3060": asdict(one.speed),
        }
        for one in found
    ]


def asked_for(name: str, recipe: Recipe | None, run: RunDir | None, *, hopper: bool) -> Asked:
    """A run on paper, out of a recipe or with the reference settings.

    Raises:
        ModelError: the model's shape is not known.
        RecipeError: the recipe fine-tunes all weights, or in fp32, which is not planned.
    """
    part = recipe.train if recipe else TrainPart()
    if part.method == "full":
        raise RecipeError(
            "train.method full", "qlora or lora, which are planned", "measure it in a few steps"
        )
    if recipe and recipe.model.dtype != "bfloat16":
        raise RecipeError("model.dtype float32", "bfloat16, which is planned", "set it, or measure")
    shape = shape_of(name)
    corpus = _corpus(name, recipe, run)
    return Asked(
        shape=shape,
        training=training_of(part, shape),
        corpus=corpus,
        pack_tokens=part.pack_tokens,
        questions_per_schema=part.questions_per_schema,
        seed=recipe.seed if recipe else 7,
        hopper=hopper,
    )


def _recipe(path: Path | None) -> tuple[Recipe | None, RunDir | None]:
    if path is None:
        return None, None
    if path.is_dir():
        run = RunDir(path)
        return run.recipe(), run
    return load_recipe(path), None


def _card(gpu: str | None, recipe: Recipe | None) -> Card:
    if gpu is not None:
        return find_card(gpu)
    if recipe is None or recipe.model.memory_gib is None:
        raise UserError("no --gpu", "a card's name or memory", "add --gpu 12GB")
    # The recipe holds PyTorch to so much; driver and context come on top.
    size = recipe.model.memory_gib + OUTSIDE / 2**30
    return Card(f"{size:g} GB", size)


def _this_card() -> Card:
    """The card of this machine; its speed is known where its name is."""
    import torch

    if not torch.cuda.is_available():
        raise UserError(
            "--measure on a machine without a CUDA card",
            "the card that will train",
            "leave --measure out: what is printed then is predicted",
        )
    properties = torch.cuda.get_device_properties(0)
    try:
        card = find_card(properties.name)
    except UserError:
        card = Card(properties.name, 0.0, hopper=(properties.major, properties.minor) == (9, 0))
    return replace(card, memory_gib=round(properties.total_memory / 2**30, 2))


def _corpus(name: str, recipe: Recipe | None, run: RunDir | None) -> Corpus:
    """The run's own examples where they can be had in tokens, else those carried along."""
    most = min(recipe.prompt.max_tokens, recipe.train.pack_tokens) if recipe else 2_048
    carried = carried_corpus(name).within(most)
    if run is None or recipe is None:
        return carried
    stores = sorted(run.tokens.glob("train-*.arrow"))
    if not stores and not run.data_file("train.jsonl").is_file():
        return carried
    try:
        store = TokenStore(stores[0]) if stores else _tokenised(run, recipe)
    except (ModelError, ModuleNotFoundError):
        return replace(carried, source=f"{carried.source}; the run's tokenizer is not at hand")
    lengths = lengths_of(store, store.schema_keys)
    return Corpus("the run's own", len(lengths), lengths)


def _tokenised(run: RunDir, recipe: Recipe) -> TokenStore:
    from sqlforge.model.load import load_tokenizer

    tokenizer: Any = load_tokenizer(recipe.model.name)
    examples = StoredExamples(run.data_file("train.jsonl"))
    databases = read_databases(run.data_file("databases.jsonl"))
    return tokenise(recipe, run.tokens, tokenizer, examples, databases).epochs[0]
