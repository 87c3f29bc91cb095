"""The base models of the catalog as the planner knows them: shape, licence, what makers disclose.

Configurations are in ``configs/``, one published ``config.json`` each (the keys that decide shape
and parameters), so that nothing is looked up.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from sqlforge.core.errors import ModelError
from sqlforge.plan.model_shape import ModelShape, read_shape, shape_from

NAMES = ("mistral-7b-v0.3", "llama-3.1-8b", "phi-3.5-mini", "smollm2-135m")


def shape_of(name: str) -> ModelShape:
    """The shape of a model of the catalog, of a ``config.json`` or of a folder that holds one.

    Raises:
        ModelError: neither; or the configuration cannot be planned.

    >>> shape_of("smollm2-135m").parameters
    134515008
    """
    name = name.removesuffix("-hub") if name.removesuffix("-hub") in NAMES else name
    if name in NAMES:
        file = files("sqlforge.plan") / "configs" / f"{name}.json"
        config = json.loads(file.read_text(encoding="utf-8"))["config"]
        return shape_from(config, name=name, place=f"the catalog's {name}")
    path = Path(name)
    if path.exists():
        return read_shape(path)
    raise ModelError(
        f"'{name}'",
        f"one of {', '.join(NAMES)}, a config.json, or a folder that holds one",
        "check the spelling, or download the model's config.json and name it",
    )
