"""A model's shape out of its ``config.json``, and what follows from it by formula."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import ModelError

ARCHITECTURES = ("LlamaForCausalLM", "MistralForCausalLM", "Phi3ForCausalLM", "Qwen2ForCausalLM")
_SIZES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linear:
    """A projection ``[outputs, inputs]`` of one layer."""

    name: str
    inputs: int
    outputs: int

    @property
    def weights(self) -> int:
        """How many numbers it holds, bias apart."""
        return self.inputs * self.outputs


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a decoder of the Llama family.

    ``fused`` models (Phi-3) project queries, keys and values at once, and gate and up at once.
    ``query_bias`` adds biases to queries, keys and values (Qwen2), ``tied`` ones use the embedding
    as output head. ``partly_rotated`` models turn only a part of each head by its position.
    """

    name: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    tied: bool = False
    fused: bool = False
    query_bias: bool = False
    partly_rotated: bool = False

    @property
    def own_step(self) -> bool:
        """Whether the step of ``sqlforge.model.fused`` computes it."""
        return not (self.query_bias or self.partly_rotated)

    @property
    def query_size(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_size

    @property
    def kv_size(self) -> int:
        """Width of all key heads together."""
        return self.kv_heads * self.head_size

    @property
    def linears(self) -> tuple[Linear, ...]:
        """The projections of one layer, in the order in which they compute."""
        query, kv, wide = self.query_size, self.kv_size, self.intermediate
        output = Linear("o_proj", query, self.hidden)
        down = Linear("down_proj", wide, self.hidden)
        if self.fused:
            first = Linear("qkv_proj", self.hidden, query + 2 * kv)
            return first, output, Linear("gate_up_proj", self.hidden, 2 * wide), down
        return (
            Linear("q_proj", self.hidden, query),
            Linear("k_proj", self.hidden, kv),
            Linear("v_proj", self.hidden, kv),
            output,
            Linear("gate_proj", self.hidden, wide),
            Linear("up_proj", self.hidden, wide),
            down,
        )

    @property
    def embedding_parameters(self) -> int:
        """Embedding and output head; tied ones once."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def norm_parameters(self) -> int:
        """Two norms a layer and one at the end."""
        return (2 * self.layers + 1) * self.hidden

    @property
    def linear_parameters(self) -> int:
        """Weights of all layers' projections, without biases: what NF4 quantises."""
        return self.layers * sum(linear.weights for linear in self.linears)

    @property
    def bias_parameters(self) -> int:
        """Biases of queries, keys and values."""
        return self.layers * (self.query_size + 2 * self.kv_size) if self.query_bias else 0

    @property
    def parameters(self) -> int:
        """All weights, tied ones once.

        >>> from sqlforge.plan.catalog import shape_of
        >>> f"{shape_of('mistral-7b-v0.3').parameters:,}"
        '7,248,023,552'
        """
        return (
            self.linear_parameters
            + self.embedding_parameters
            + self.norm_parameters
            + self.bias_parameters
        )

    def adapter_parameters(self, rank: int) -> int:
        """LoRA's A and B on every projection.

        >>> from sqlforge.plan.catalog import shape_of
        >>> f"{shape_of('mistral-7b-v0.3').adapter_parameters(64):,}"
        '167,772,160'
        """
        return self.layers * sum(rank * (one.inputs + one.outputs) for one in self.linears)


def read_config(path: Path) -> dict[str, Any]:
    """The keys of a ``config.json``, or of the one in a folder.

    Raises:
        ModelError: there is no such file, or it is not JSON.
    """
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ModelError(
            f"{file}, which cannot be read ({fault.strerror})",
            "a model's config.json",
            "check the path",
        ) from None
    except ValueError:
        raise ModelError(
            f"{file}, which is not JSON", "a model's config.json", "copy it again"
        ) from None
    if not isinstance(config, dict):
        raise ModelError(f"{file} without keys", "a model's config.json", "copy it again")
    return config


def shape_from(config: Mapping[str, Any], *, name: str, place: str) -> ModelShape:
    """The shape that the keys of a ``config.json`` describe.

    Args:
        config: as transformers writes it.
        name: what the model is called in tables.
        place: for messages, where the configuration lies.

    Raises:
        ModelError: a key is missing or impossible, or the architecture is not known.
    """
    architecture = (config.get("architectures") or [None])[0]
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"{place} of the architecture {architecture!r}",
            f"one whose memory is understood ({', '.join(ARCHITECTURES)})",
            "plan one of those, or measure: train with a few steps and watch peak memory",
        )
    sizes = {key: config.get(key) for key in _SIZES}
    wrong = [key for key, value in sizes.items() if not _is_size(value)]
    if wrong:
        raise ModelError(
            f"{place} without a positive whole number for {', '.join(wrong)}",
            "a whole config.json",
            "copy it again from the model",
        )
    heads = int(config["num_attention_heads"])
    kv_heads = config.get("num_key_value_heads") or heads
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    if not (_is_size(kv_heads) and _is_size(head_size)) or heads % kv_heads:
        raise ModelError(
            f"{place} with {heads} heads, {kv_heads} key heads of size {head_size}",
            "key heads that divide the heads",
            "copy it again from the model",
        )
    return ModelShape(
        name=name,
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=kv_heads,
        head_size=head_size,
        vocabulary=config["vocab_size"],
        context=config.get("max_position_embeddings") or 0,
        tied=bool(config.get("tie_word_embeddings", architecture == "Qwen2ForCausalLM")),
        fused=architecture == "Phi3ForCausalLM",
        query_bias=architecture == "Qwen2ForCausalLM" or bool(config.get("attention_bias")),
        partly_rotated=_rotated_part(config) != 1,
    )


def _rotated_part(config: Mapping[str, Any]) -> float:
    """Of each head; newer files keep it beside the rotation's other parameters."""
    both: dict[str, Any] = {**config, **(config.get("rope_parameters") or {})}
    return both.get("partial_rotary_factor") or 1.0


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
