"""A recipe: one complete, typed description of a run, read from one YAML file.

Unknown keys are refused and all faults are reported together. The resolved copy that a run keeps
contains every default that was in force. The parts of a recipe are in ``config_data``,
``config_train`` and ``config_reinforce``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from sqlforge.core.config_data import (
    AuditedBenchmark,
    AuditPart,
    AugmentPart,
    CleanPart,
    DataPart,
    PromptPart,
    PromptStyle,
    RenameStyle,
    SchemaFormName,
    SourceName,
    SourcePart,
)
from sqlforge.core.config_part import Part
from sqlforge.core.config_reinforce import ReinforcePart
from sqlforge.core.config_train import (
    AveragePart,
    CurriculumPart,
    EvaluatePart,
    ModelPart,
    PromptLossPart,
    TrainPart,
)
from sqlforge.core.decoding import CALIBRATED_ON
from sqlforge.core.errors import RecipeError
from sqlforge.core.redact import without_password

__all__ = [
    "AuditPart",
    "AuditedBenchmark",
    "AugmentPart",
    "AveragePart",
    "CleanPart",
    "CurriculumPart",
    "DataPart",
    "EvaluatePart",
    "ModelPart",
    "PromptLossPart",
    "PromptPart",
    "PromptStyle",
    "Recipe",
    "ReinforcePart",
    "RenameStyle",
    "SchemaFormName",
    "SourceName",
    "SourcePart",
    "TrainPart",
    "dump_recipe",
    "load_recipe",
]


class Recipe(Part):
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
    reinforce: ReinforcePart | None = None
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
    def _reinforced_on_training_sources(self) -> Recipe:
        known = {part.key for part in self.data.train}
        unknown = sorted(set(self.reinforce.sources if self.reinforce else ()) - known)
        if unknown:
            raise ValueError(
                f"reinforce.sources names {', '.join(unknown)}: take training sources, "
                f"{' or '.join(sorted(known))}"
            )
        return self

    @model_validator(mode="after")
    def _there_is_something_to_validate_on(self) -> Recipe:
        if self.train.validate_steps is not None and not self.data.validation:
            raise ValueError("train.validate_steps needs examples: give data.validation")
        return self

    @model_validator(mode="after")
    def _passes_fit_into_epochs(self) -> Recipe:
        for part in self.data.train:
            if part.passes is not None and part.passes > self.train.epochs:
                raise ValueError(
                    f"{part.passes:g} passes of {part.key} in {self.train.epochs} epochs: raise "
                    "train.epochs, and give other sources passes"
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

    ``extends: other.yaml`` at its top takes another recipe, named from the folder of this one, and
    changes what the rest of the file says: mappings key by key, everything else whole.

    Raises:
        RecipeError: a file is missing, is not YAML, or has faults; all of them are named.
    """
    raw = _raw(path, ())
    try:
        return Recipe.model_validate(raw)
    except ValidationError as fault:
        raise RecipeError(f"{path} with {_faults(fault)}", "known keys and values", _FIX) from None


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML, defaults included, passwords in URLs removed."""
    return without_password(
        yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    )


def _raw(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The file's values, with those of the recipe that it extends; ``above`` extend this one."""
    raw = _read(path)
    extended = raw.pop("extends", None)
    if extended is None:
        return raw
    if not isinstance(extended, str):
        raise RecipeError(f"{path} with extends: {extended!r}", "a file's name", "name a recipe")
    other = (path.parent / extended).resolve()
    if other in (path.resolve(), *above):
        raise RecipeError(f"{path}, which extends itself", "another recipe", "take the line out")
    return _changed(_raw(other, (*above, path.resolve())), raw)


def _changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in changes.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = _changed(before, value)
        merged[key] = value
    return merged


def _read(path: Path) -> dict[str, Any]:
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
    return raw


_FIX = "change these in the recipe (all keys: sqlforge.core.config_data, _train and _reinforce)"


def _faults(error: ValidationError) -> str:
    found = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"]) or "the recipe"
        what = "is not a known key" if fault["type"] == "extra_forbidden" else fault["msg"]
        what = what.removeprefix("Value error, ")
        found.append(f"'{where}' {what[0].lower()}{what[1:]}")
    return "; ".join(found)
