"""Transformers' layers by PyTorch's compiler: norms, rotations and gates in few kernels."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import AttentionInterface
from transformers.modeling_layers import GradientCheckpointingLayer

from sqlforge.model.attention import PACKED
from sqlforge.model.settings import TrainSettings
from sqlforge.model.varlen import VARLEN

_log = logging.getLogger(__name__)


@contextmanager
def compiled_layers(
    model: Any, settings: TrainSettings, backend: str = "inductor"
) -> Iterator[None]:
    """Within, every layer of ``model`` is compiled when it first computes, if settings want it.

    All layers share what is compiled, for packs of any length. Attention stays as it is: the
    layout of each pack is another. What the compiler cannot do is computed as before, and logged.
    """
    if settings.step != "compiled":
        yield
        return
    import torch._dynamo

    dynamo: Any = torch._dynamo  # not typed
    attentions = {name: AttentionInterface()[name] for name in (PACKED, VARLEN)}
    for name, attention in attentions.items():
        AttentionInterface.register(name, dynamo.disable(attention))
    layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    for layer in layers:
        layer.compile(dynamic=True, backend=backend)
    _log.info("training by %d compiled layers", len(layers))
    try:
        with dynamo.config.patch(suppress_errors=True):
            yield
    finally:
        for layer in layers:
            layer._compiled_call_impl = None
        for name, attention in attentions.items():
            AttentionInterface.register(name, attention)
