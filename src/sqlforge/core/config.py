"""A recipe: one complete, typed description of a run, read from one YAML file.

Unknown keys are refused and all faults are reported together. The resolved copy that a run keeps
contains every default that was in force.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sqlforge.core.errors import RecipeError
from sqlforge.core.redact import without_password

PromptStyle = Literal["plain", "instructed", "few_shot"]
SourceName = Literal["synthetic", "spider", "wikisql"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPart(_Part):
    """The base model: a catalog name, a local folder or a hub id, and how it is held in memory."""

    name: str
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    device: Literal["auto", "cpu", "cuda"] = "auto"


class SourcePart(_Part):
    """One source of examples; ``rows`` draws that many by seed, ``None`` takes all."""

    source: SourceName
    rows: Annotated[int, Field(gt=0)] | None = None


class DataPart(_Part):
    """Where examples come from.

    ``validation`` examples of a benchmark are drawn from databases of its *training* split, which
    are then left out of training. ``synthetic`` sources need ``rows``; ``synthetic_max_tables``
    cuts their domains into small databases, ``synthetic_kinds`` weighs the kinds of query.
    """

    train: tuple[SourcePart, ...] = Field(min_length=1)
    validation: tuple[SourcePart, ...] = ()
    test: tuple[SourcePart, ...] = Field(min_length=1)
    synthetic_max_tables: Annotated[int, Field(ge=1)] | None = None
    synthetic_kinds: dict[str, Annotated[float, Field(ge=0)]] | None = None
    skip_bad_rows: bool = False

    @model_validator(mode="after")
    def _sources_make_sense(self) -> DataPart:
        for parts in (self.train, self.validation, self.test):
            if any(part.source == "synthetic" and part.rows is None for part in parts):
                raise ValueError("the synthetic corpus has no end: give 'rows'")
            if len({part.source for part in parts}) < len(parts):
                raise ValueError("one split draws twice from one source: add up its 'rows'")
        return self


class PromptPart(_Part):
    """What the model is shown; ``max_tokens`` bounds prompt and answer together."""

    link_values: bool = True
    max_tokens: Annotated[int, Field(ge=32)] = 1024


class TrainPart(_Part):
    """How the model is trained; the defaults are the reference recipe's.

    ``pack_tokens`` is the size of one micro-batch and ``accumulation`` the number of micro-batches
    in one optimizer step. ``questions_per_schema`` questions share one copy of their schema.
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
    gradient_checkpointing: bool = True
    checkpoint_steps: Annotated[int, Field(ge=1)] = 50
    trackers: tuple[str, ...] = ()


class EvaluatePart(_Part):
    """How base and tuned model are compared.

    The base model is tried with each of ``base_prompts`` on ``prompt_trial_rows`` validation
    examples; the best one stands for it on the test set.
    """

    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    batch_tokens: Annotated[int, Field(ge=64)] = 8192
    base_prompts: tuple[PromptStyle, ...] = ("plain", "instructed", "few_shot")
    prompt_trial_rows: Annotated[int, Field(ge=1)] = 32
    template_baseline: bool = False
    query_seconds: Annotated[float, Field(gt=0)] = 5.0


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
    train: TrainPart = TrainPart()
    evaluate: EvaluatePart = EvaluatePart()


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
