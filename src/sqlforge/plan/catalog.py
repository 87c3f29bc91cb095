"""The base models of the catalog as the planner knows them: shape, licence, what makers disclose.

Configurations are in ``configs/``, one published ``config.json`` each (the keys that decide shape
and parameters), so that nothing is looked up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlforge.core.errors import ModelError
from sqlforge.plan.model_shape import ModelShape, read_config, shape_from

NAMES = ("mistral-7b-v0.3", "llama-3.1-8b", "phi-3.5-mini", "smollm2-135m")
_NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a base model's makers say; ``code`` is its share of the training data, as disclosed."""

    hub_id: str
    licence: str
    gated: bool | None
    code: str
    code_source: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Measured with the real tokenizer on real prompts (``bench/plan_lengths.py``).

    ``example`` is the mean length of a text-to-SQL example. ``turns_kept`` is the share of
    conversations that go on to the letter as they began, ``parts_kept`` that of examples whose
    whole tokenises as prompt and answer do apart.
    """

    example: float
    turns_kept: float
    parts_kept: float
    n: int


def shape_of(name: str) -> ModelShape:
    """The shape of a model of the catalog, of a ``config.json`` or of a folder that holds one.

    Raises:
        ModelError: neither; or the configuration cannot be planned.

    >>> shape_of("smollm2-135m").parameters
    134515008
    """
    if known := known_name(name):
        return shape_from(config_of(known), name=known, place=f"the catalog's {known}")
    return shape_from(config_of(name), name=_name(Path(name)), place=name)


def config_of(name: str) -> dict[str, Any]:
    """The keys of a model's ``config.json``, found as :func:`shape_of` finds it.

    Raises:
        ModelError: there is none, or it is not JSON.
    """
    if known := known_name(name):
        config: dict[str, Any] = _told(known)["config"]
        return config
    path = Path(name)
    if path.exists():
        return read_config(path)
    raise ModelError(
        f"'{name}'",
        f"one of {', '.join(NAMES)}, a config.json, or a folder that holds one",
        "check the spelling, or download the model's config.json and name it",
    )


def facts_of(name: str) -> Facts:
    """What is known of a model beside its shape; of one that is not in the catalog, nothing.

    >>> facts_of("llama-3.1-8b").code
    '17 % of tokens'
    """
    if known := known_name(name):
        return Facts(**_told(known)["facts"])
    return Facts(_NOT_KNOWN, _NOT_KNOWN, None, _NOT_KNOWN, "its makers' page")


def tokens_of(name: str) -> Tokens | None:
    """What was measured with a model's tokenizer; ``None`` where it was not.

    >>> tokens_of("phi-3.5-mini") is None
    True
    """
    file = files("sqlforge.plan") / "tokens.json"
    found = json.loads(file.read_text(encoding="utf-8"))["models"].get(known_name(name))
    return None if found is None else Tokens(**found)


def known_name(name: str) -> str | None:
    """The catalog's name of a model, which may be called by its id on the hub.

    >>> known_name("smollm2-135m-hub"), known_name("microsoft/Phi-3.5-mini-instruct")
    ('smollm2-135m', 'phi-3.5-mini')
    """
    short = name.removesuffix("-hub")
    if short in NAMES:
        return short
    return next((known for known in NAMES if _told(known)["facts"]["hub_id"] == name), None)


@cache
def _told(name: str) -> dict[str, Any]:
    file = files("sqlforge.plan") / "configs" / f"{name}.json"
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told


def _name(path: Path) -> str:
    if path.is_dir():
        return path.resolve().name
    return path.resolve().parent.name if path.name == "config.json" else path.stem
