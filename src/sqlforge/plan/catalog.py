"""The base models of the catalog as the planner knows them: shape, licence, what makers disclose.

Configurations are in ``configs/``, one published ``config.json`` each (the keys that decide shape
and parameters), so that nothing is looked up.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlforge.core.errors import ModelError
from sqlforge.plan.model_shape import ModelShape, read_config, shape_from

NAMES = ("mistral-7b-v0.3", "llama-3.1-8b", "phi-3.5-mini", "smollm2-135m")


def shape_of(name: str) -> ModelShape:
    """The shape of a model of the catalog, of a ``config.json`` or of a folder that holds one.

    Raises:
        ModelError: neither; or the configuration cannot be planned.

    >>> shape_of("smollm2-135m").parameters
    134515008
    """
    known = name.removesuffix("-hub")
    if known in NAMES:
        return shape_from(config_of(known), name=known, place=f"the catalog's {known}")
    return shape_from(config_of(name), name=_name(Path(name)), place=name)


def config_of(name: str) -> dict[str, Any]:
    """The keys of a model's ``config.json``, found as :func:`shape_of` finds it.

    Raises:
        ModelError: there is none, or it is not JSON.
    """
    known = name.removesuffix("-hub")
    if known in NAMES:
        file = files("sqlforge.plan") / "configs" / f"{known}.json"
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["config"]
        return config
    path = Path(name)
    if path.exists():
        return read_config(path)
    raise ModelError(
        f"'{name}'",
        f"one of {', '.join(NAMES)}, a config.json, or a folder that holds one",
        "check the spelling, or download the model's config.json and name it",
    )


def _name(path: Path) -> str:
    if path.is_dir():
        return path.resolve().name
    return path.resolve().parent.name if path.name == "config.json" else path.stem
