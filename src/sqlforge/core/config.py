"""A recipe: one complete, typed description of a run, read from one YAML file.

Unknown keys are refused and all faults are reported together. The resolved copy that a run keeps
contains every default that was in force.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sqlforge.core.decoding import CALIBRATED_ON, Constrain, Decoding
from sqlforge.core.errors import RecipeError, UserError
from sqlforge.core.redact import without_password

PromptStyle = Literal["plain", "instructed", "few_shot"]
SourceName = Literal[
    "synthetic", "spider", "wikisql", "sql-create-context", "gretel", "own", "internal"
]
AuditedBenchmark = Literal["spider-dev", "wikisql-dev", "wikisql-test"]
SchemaFormName = Literal["compact", "ddl", "markdown"]
RenameStyle = Literal["snake", "camel", "abbreviate", "opaque"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPart(_Part):
    """The base model: a catalog name, a local folder or a hub id, and how it is held in memory.

    ``memory_gib`` holds training on a card to so many GiB, so that a recipe for a small card can be
    tried on a large one; training that will not fit is refused before the weights load.
    """

    name: str
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    memory_gib: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _memory_is_a_cards(self) -> ModelPart:
        if self.memory_gib is not None and self.device == "cpu":
            raise ValueError("'memory_gib' is for a card: take it out, or set device to cuda")
        return self


class SourcePart(_Part):
    """One source of examples: ``rows`` draws that many by seed, ``cap`` at most that many.

    Without either all are taken, or, where ``data.train_rows`` says how many there shall be, a
    share by ``weight``. ``sql-create-context`` and ``gretel`` may be called by their names on the
    hub; ``path`` names their file where it is not in the data folder, ``revision`` a commit of
    the hub. ``own`` is a file of one's own (``path``) with a ``name`` and ``licence`` for the
    results and, unless each row brings its schema, a ``database`` (URL or SQLite file); or it is
    the folder that ``sqlforge synth`` wrote.
    ``internal`` holds out whole schemas of the training sources.
    """

    source: SourceName
    rows: Annotated[int, Field(gt=0)] | None = None
    cap: Annotated[int, Field(gt=0)] | None = None
    weight: Annotated[float, Field(gt=0)] | None = None
    path: Path | None = None
    revision: str | None = None
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")] | None = None
    licence: str | None = None
    database: str | None = None
    dialect: str | None = None

    @property
    def key(self) -> str:
        """What its examples carry as ``source``."""
        return self.name or self.source

    @field_validator("source", mode="before")
    @classmethod
    def _by_hub_name(cls, value: object) -> object:
        return _HUB_NAMES.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _keys_make_sense(self) -> SourcePart:
        takers = {"path": _WITH_FILES, "revision": _ON_HUB}
        takers |= dict.fromkeys(("name", "licence", "database", "dialect"), ("own",))
        for key, sources in takers.items():
            if getattr(self, key) is not None and self.source not in sources:
                raise ValueError(f"'{key}' is for {' and '.join(sources)} only")
        if self.source == "own" and self.path is None:
            raise ValueError("rows of one's own need the 'path' of their file")
        if self.source == "own" and self.name in _TAKEN:
            raise ValueError(f"the name '{self.name}' belongs to another source: choose one")
        if self.rows is not None and (self.cap is not None or self.weight is not None):
            raise ValueError("'rows' is exact: give neither 'cap' nor 'weight' with it")
        return self


_HUB_NAMES: dict[str, str] = {
    "b-mc2/sql-create-context": "sql-create-context",
    "gretelai/synthetic_text_to_sql": "gretel",
}
_ON_HUB = ("sql-create-context", "gretel")
_WITH_FILES = (*_ON_HUB, "own")
_TAKEN = {"synthetic", "spider", "wikisql", "internal", *_ON_HUB}


class CleanPart(_Part):
    """What is left out of the training rows; the reasons are listed in ``data/dropped.jsonl``.

    ``statements: all`` keeps INSERT, UPDATE, DDL and the like. Of rows with the same normalised
    question and canonical SQL the first stays; ``near_duplicates`` also leaves out questions that
    nearly repeat an earlier one on the same SQL.
    """

    statements: Literal["queries", "all"] = "queries"
    near_duplicates: bool = True


class AuditPart(_Part):
    """The leak audit of the training rows; what it finds is written to ``data/audit.json``.

    ``against`` names benchmarks in the data folder; test examples that the run draws itself are
    always among them. ``remove`` leaves out rows that are a benchmark's own.
    """

    against: tuple[AuditedBenchmark, ...] = ("spider-dev", "wikisql-dev", "wikisql-test")
    remove: bool = True


class DataPart(_Part):
    """Where examples come from.

    ``validation`` examples of a benchmark are drawn from databases of its *training* split, which
    are then left out of training; those of ``internal`` from schemas of any training source.
    ``synthetic`` sources need ``rows``; ``synthetic_max_tables`` cuts their domains into small
    databases, ``synthetic_kinds`` weighs the kinds of query. ``train_rows`` is the size of the
    training mix where sources are weighed. ``audit`` compares training with benchmarks.
    """

    train: tuple[SourcePart, ...] = Field(min_length=1)
    validation: tuple[SourcePart, ...] = ()
    test: tuple[SourcePart, ...] = Field(min_length=1)
    train_rows: Annotated[int, Field(gt=0)] | None = None
    clean: CleanPart = CleanPart()
    audit: AuditPart | None = None
    synthetic_max_tables: Annotated[int, Field(ge=1)] | None = None
    synthetic_kinds: dict[str, Annotated[float, Field(ge=0)]] | None = None
    skip_bad_rows: bool = False

    @model_validator(mode="after")
    def _sources_make_sense(self) -> DataPart:
        for parts in (self.train, self.validation, self.test):
            if any(part.source == "synthetic" and part.rows is None for part in parts):
                raise ValueError("the synthetic corpus has no end: give 'rows'")
            if any(part.source == "internal" and part.rows is None for part in parts):
                raise ValueError("an internal split has no size of its own: give 'rows'")
            if len({part.key for part in parts}) < len(parts):
                raise ValueError("one split draws twice from one source: add up its 'rows'")
        if any(part.source == "internal" for part in self.train):
            raise ValueError("'internal' is drawn from training, it cannot be training")
        for part in (*self.validation, *self.test):
            if part.source == "sql-create-context":
                raise ValueError("sql-create-context has training rows only: test on 'internal'")
            if part.weight is not None:
                raise ValueError("'weight' is for training sources")
        if any(part.source == "gretel" for part in self.validation):
            raise ValueError("gretel has no validation rows: use 'internal'")
        if self.train_rows is None and any(part.weight is not None for part in self.train):
            raise ValueError("'weight' shares out 'train_rows': give them")
        exact = sum(part.rows or 0 for part in self.train)
        rest = (self.train_rows or exact) - exact
        if rest < 0 or (rest > 0 and all(part.rows for part in self.train)):
            raise ValueError(f"'train_rows' is {self.train_rows}, the sources' 'rows' are {exact}")
        return self


class PromptPart(_Part):
    """What the model is shown; ``max_tokens`` bounds prompt and answer together.

    ``form`` spells the schema. ``schema_shown: used`` shows only what the gold SQL uses, as
    sql-create-context does: scores on it flatter, and questions without a gold see everything.
    ``samples`` values of each column are shown, ``descriptions`` where a database has them.
    ``link_values`` shows the values that a question names, out of ``values_per_column`` at most;
    ``fuzzy_values`` finds them through typing errors, inflections and other spellings of dates.
    """

    form: SchemaFormName = "compact"
    schema_shown: Literal["full", "used"] = "full"
    descriptions: bool = False
    samples: Annotated[int, Field(ge=0, le=20)] = 0
    foreign_keys: bool = True
    link_values: bool = True
    fuzzy_values: bool = False
    values_per_column: Annotated[int, Field(ge=1)] = 5_000
    max_tokens: Annotated[int, Field(ge=32)] = 1024


class AugmentPart(_Part):
    """How training examples are varied; validation and test are never touched.

    In each epoch a database takes as many forms as it has groups of ``questions_per_schema``
    questions, at most ``variants``; questions share a form as they share a schema. A share
    ``keep`` of the forms is the database as it is. The others have tables and columns reordered
    (``shuffle``), up to ``distractors`` tables of another training database added and, a share
    ``rename`` of them, new names in schema and SQL. ``mask_values`` is the share of examples in
    which the values that question and SQL both name are replaced by made-up ones.
    """

    variants: Annotated[int, Field(ge=1)] = 8
    keep: Share = 0.25
    shuffle: bool = True
    distractors: Annotated[int, Field(ge=0)] = 0
    rename: Share = 0.0
    rename_styles: tuple[RenameStyle, ...] = Field(("snake", "camel", "abbreviate"), min_length=1)
    mask_values: Share = 0.0


class TrainPart(_Part):
    """How the model is trained; the defaults are the reference recipe's.

    ``pack_tokens`` is the size of one micro-batch and ``accumulation`` the number of micro-batches
    in one optimizer step. ``questions_per_schema`` questions share one copy of their schema.
    ``gradient_checkpointing`` recomputes all layers, none, or the first so many. ``adamw-8bit``
    keeps the optimizer's states in 8 bits; ``paged-adamw`` in 32, whatever the adapters are, and
    lets them go to the computer's memory; ``paged-adamw-8bit`` does both. All three are for CUDA.
    ``step`` is by our fused kernels (``fused``), by transformers' own layers (``plain``), or by the
    former on a card where they apply (``auto``).
    """

    method: Literal["qlora", "lora", "full"] = "qlora"
    rank: Annotated[int, Field(ge=1)] = 64
    alpha: Annotated[float, Field(gt=0)] = 16.0
    dropout: Fraction = 0.05
    adapter_dtype: Literal["bfloat16", "float32"] = "float32"
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    warmup_share: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    epochs: Annotated[int, Field(ge=1)] = 1
    max_steps: Annotated[int, Field(ge=1)] | None = None
    pack_tokens: Annotated[int, Field(ge=64)] = 2048
    accumulation: Annotated[int, Field(ge=1)] = 1
    questions_per_schema: Annotated[int, Field(ge=1)] = 8
    optimizer: Literal["adamw", "adamw-8bit", "paged-adamw", "paged-adamw-8bit"] = "adamw"
    gradient_checkpointing: bool | Annotated[int, Field(ge=1)] = True
    checkpoint_steps: Annotated[int, Field(ge=1)] = 50
    step: Literal["auto", "fused", "plain"] = "auto"
    trackers: tuple[str, ...] = ()


class EvaluatePart(_Part):
    """How base and tuned model are compared.

    The base model is tried with each of ``base_prompts`` on ``prompt_trial_rows`` validation
    examples; the best one stands for it on the test set. Every system is decoded alike: see
    :class:`sqlforge.core.decoding.Decoding` for ``constrain`` to ``linked_literals``. Refusing is
    calibrated on the validation examples, each system for itself.
    """

    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    batch_tokens: Annotated[int, Field(ge=64)] = 8192
    base_prompts: tuple[PromptStyle, ...] = ("plain", "instructed", "few_shot")
    prompt_trial_rows: Annotated[int, Field(ge=1)] = 32
    template_baseline: bool = False
    query_seconds: Annotated[float, Field(gt=0)] = 5.0
    constrain: Constrain = "none"
    samples: int = 1
    vote: bool = False
    temperature: float | None = None
    prefer_non_empty: bool = False
    refuse_below: float | None = None
    join_on_keys: bool = False
    linked_literals: bool = False

    def decoding(self, seed: int) -> Decoding:
        """How answers are decoded; what is drawn is drawn from ``seed``."""
        return Decoding(
            constrain=self.constrain,
            samples=self.samples,
            vote=self.vote,
            temperature=self.temperature,
            seed=seed,
            prefer_non_empty=self.prefer_non_empty,
            refuse_below=self.refuse_below,
            join_on_keys=self.join_on_keys,
            linked_literals=self.linked_literals,
        )

    @model_validator(mode="after")
    def _decoding_makes_sense(self) -> EvaluatePart:
        try:
            self.decoding(0)
        except UserError as fault:
            raise ValueError(f"asks for {fault.got}: expected {fault.expected}") from None
        return self


class Recipe(_Part):
    """Everything that decides a run's outcome, apart from the data itself.

    >>> recipe = Recipe.model_validate({
    ...     "name": "tiny", "model": {"name": "smollm2-135m"},
    ...     "data": {"train": [{"source": "synthetic", "rows": 8}],
    ...              "test": [{"source": "spider"}]}})
    >>> recipe.train.rank, recipe.train.method
    (64, 'qlora')
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    seed: int = 7
    model: ModelPart
    data: DataPart
    prompt: PromptPart = PromptPart()
    augment: AugmentPart | None = None
    train: TrainPart = TrainPart()
    evaluate: EvaluatePart = EvaluatePart()

    @model_validator(mode="after")
    def _refusals_can_be_calibrated(self) -> Recipe:
        if self.evaluate.refuse_below is None:
            return self
        rows = [part.rows for part in self.data.validation]
        if not rows or (None not in rows and sum(filter(None, rows)) < CALIBRATED_ON):
            raise ValueError(
                f"refuse_below is calibrated on data.validation: give it {CALIBRATED_ON} rows at "
                "least, and better some hundreds"
            )
        return self

    @model_validator(mode="after")
    def _opaque_names_are_explained(self) -> Recipe:
        opaque = self.augment and self.augment.rename and "opaque" in self.augment.rename_styles
        if opaque and not self.prompt.descriptions:
            raise ValueError("opaque names say nothing: set prompt.descriptions to true with them")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: the file is missing, is not YAML, or has faults; all of them are named.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            f"no file at {path}", "a recipe", "name one of the files in recipes/"
        ) from None
    except OSError as fault:
        raise RecipeError(
            f"{path}, which cannot be read ({fault.strerror})",
            "a recipe",
            "name one of the files in recipes/",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        where = " ".join(str(fault).split())
        raise RecipeError(f"{path}, which is not YAML ({where})", "YAML", "mend it") from None
    if not isinstance(raw, dict):
        raise RecipeError(f"{path} without keys", "a mapping at the top", "see recipes/")
    try:
        return Recipe.model_validate(raw)
    except ValidationError as fault:
        raise RecipeError(f"{path} with {_faults(fault)}", "known keys and values", _FIX) from None


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML, defaults included, passwords in URLs removed."""
    return without_password(
        yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    )


_FIX = "change these in the recipe (sqlforge.core.config lists all keys)"


def _faults(error: ValidationError) -> str:
    found = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"]) or "the recipe"
        what = "is not a known key" if fault["type"] == "extra_forbidden" else fault["msg"]
        what = what.removeprefix("Value error, ")
        found.append(f"'{where}' {what[0].lower()}{what[1:]}")
    return "; ".join(found)
