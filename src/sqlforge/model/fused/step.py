"""The fused step of a whole model: whether it applies, and the loss it computes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from sqlforge.core.errors import TrainingError
from sqlforge.model import varlen
from sqlforge.model.attention import PACKED
from sqlforge.model.fused.head import last_norm, summed_cross_entropy
from sqlforge.model.fused.layer import Attend, LayerParts, Pass, run_layer
from sqlforge.model.fused.projections import ADAPTER, Resident, Role
from sqlforge.model.pack import IGNORED
from sqlforge.model.settings import TrainSettings
from sqlforge.model.varlen import VARLEN
from sqlforge.plan.fused import RESIDENT_BYTES, SHORT

_log = logging.getLogger(__name__)
_FAMILY = ("llama", "mistral", "phi3")


class FusedStep:
    """Computes the loss of packs with ``model``'s own weights and adapters.

    Nothing in ``model`` is replaced: saving, merging and generation see what they always saw.
    """

    def __init__(self, model: Any, recomputed: bool | int) -> None:
        """Raises ``ValueError`` with a reason if ``model`` is none of those that this computes.

        Args:
            model: a transformers causal model with peft's LoRA on all projections.
            recomputed: whether layers are recomputed, or how many, from the first.
        """
        if reason := why_not(model):
            raise ValueError(reason)
        self._model = model
        self._causal = model.base_model.model
        layers = self._causal.model.layers
        self._parts = [layer_parts(layer, self._causal.config) for layer in layers]
        self._recomputed = len(layers) if recomputed is True else int(recomputed)
        self._matrices: tuple[torch.Tensor, ...] = ()
        self._overlaid = False
        self._resident: Resident | None = None
        self.before_layer: Callable[[int], None] | None = None
        """Called with a layer's number before each of its passes; its matrices come and go then."""

    def loss(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Summed cross-entropy, in fp32, of one pack as ``model/batches.py`` prepares it."""
        hidden = self.hidden(inputs)
        loss = self._summed_where_labelled(hidden, inputs["labels"][0])
        if "prompt_labels" in inputs:
            prompts = self._summed_where_labelled(hidden, inputs["prompt_labels"][0])
            loss = loss + inputs["prompt_weight"] * prompts
        return loss

    def _summed_where_labelled(self, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        positions = labels.ne(IGNORED).nonzero()[:, 0]
        return self.summed(hidden, positions, labels[positions])

    def summed(
        self,
        hidden: torch.Tensor,
        positions: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Summed cross-entropy, weighted, of the last layer's output where it is supervised."""
        norm = self._causal.model.norm
        chosen = last_norm(hidden[positions], norm.weight, norm.variance_epsilon)
        head = self._causal.lm_head.weight
        loss: torch.Tensor = summed_cross_entropy(chosen, head, head, labels, weights)
        return loss

    def hidden(self, inputs: dict[str, Any]) -> torch.Tensor:
        """The last layer's output, before the norm, ``[tokens, hidden]``.

        Dropout's seed is drawn here, unless it lies in memory as ``seed_at``.
        """
        ids, body = inputs["input_ids"][0], self._causal.model
        with torch.autocast(ids.device.type, enabled=False):
            if (rows := inputs.get("rows")) is not None:  # see model/host_embedding.py
                x = torch.nn.functional.embedding(inputs["row_ids"][0], rows)
            else:
                x = torch.nn.functional.embedding(ids, body.embed_tokens.weight).detach()
            wide = torch.empty(1, dtype=torch.float32, device=ids.device)
            cos, sin = body.rotary_emb(wide, inputs["position_ids"])
        matrices = self._buffers(x)
        shared = Pass(
            cos=cos[0],
            sin=sin[0],
            attend=self._attend(inputs),
            matrices=matrices,
            overlaid=self._overlaid,
            resident=self._resident,
            seed=0 if "seed_at" in inputs or not self._model.training else draw_seed(),
            training=self._model.training,
            seed_at=inputs.get("seed_at"),
        )
        for number, parts in enumerate(self._parts):
            again = number < self._recomputed
            if self.before_layer is not None:
                self.before_layer(number)
            x = run_layer(x, parts, shared, number, again, *parts.parameters())
            if self.before_layer is not None and x.requires_grad:
                x.register_hook(partial(_before, self.before_layer, number))
        return x

    def _buffers(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """One matrix a role, made when the first micro-batch comes; for short ones in one place.

        None where those of all layers are small enough to be kept.
        """
        if self._resident is not None:
            self._resident.refresh()
        elif not self._matrices:
            layers = [parts.roles for parts in self._parts]
            quantised = any(role.quantised for role in layers[0])
            whole = self.before_layer is None
            if whole and not quantised and Resident.size(layers) <= RESIDENT_BYTES:
                self._resident = Resident(layers, x.dtype)
                self._resident.refresh()
                return ()
            self._overlaid = len(x) <= SHORT
            self._matrices = _buffers(layers[0], x, overlaid=self._overlaid)
        return self._matrices

    def _attend(self, inputs: dict[str, Any]) -> Attend:
        """The model's attention, on tokens before heads."""
        from transformers import AttentionInterface

        config = self._causal.config
        attention = AttentionInterface()[config._attn_implementation]
        module, scale = self._causal.model.layers[0].self_attn, self._parts[0].head_size ** -0.5
        layout, sequences = inputs.get("pack_layout"), inputs.get("sequences")
        mask = inputs["attention_mask"]

        def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
            given = [piece.transpose(0, 1)[None] for piece in (query, key, value)]
            if config._attn_implementation == VARLEN and sequences is not None:
                return varlen.attend(given[0], given[1], given[2], sequences, scale)[0]
            more = {"pack_layout": layout} if config._attn_implementation == PACKED else {}
            mixed: torch.Tensor = attention(module, *given, mask, scaling=scale, **more)[0]
            return mixed[0]

        return attend


def _before(call: Callable[[int], None], number: int, grad: torch.Tensor) -> None:
    call(number)


def draw_seed() -> int:
    """A seed of dropout, from PyTorch's generator on the CPU, which checkpoints hold."""
    return int(torch.randint(2**31 - 1_000_000, ()))


def _buffers(roles: Sequence[Role], x: torch.Tensor, *, overlaid: bool) -> tuple[torch.Tensor, ...]:
    sizes = [(role.outputs, role.width) for role in roles]
    if not overlaid:
        return tuple(x.new_empty(size) for size in sizes)
    whole = x.new_empty(max(rows * columns for rows, columns in sizes))
    return tuple(whole[: rows * columns].view(rows, columns) for rows, columns in sizes)


def choose_step(model: Any, settings: TrainSettings) -> FusedStep | None:
    """The fused step where it applies: asked for, or on a card; the log says which it is.

    Raises:
        TrainingError: it was asked for and does not apply.
    """
    on_a_card = model.device.type == "cuda"
    if settings.step != "fused" and not (settings.step == "auto" and on_a_card):
        return None
    if reason := why_not(model):
        if settings.step == "fused":
            raise TrainingError(f"train.step 'fused' does not apply: {reason}; set it to 'auto'")
        _log.warning("training by transformers' own layers: %s", reason)
        return None
    _log.info("training by the fused step")
    return FusedStep(model, settings.gradient_checkpointing)


def why_not(model: Any) -> str | None:
    """Why the fused step does not apply to ``model``; ``None`` if it does."""
    causal: Any = getattr(getattr(model, "base_model", None), "model", None)
    config = getattr(causal, "config", None)
    if config is None or getattr(model, "peft_config", None) is None:
        return "no adapters are trained"
    if reason := not_of_the_family(causal, config):
        return reason
    layers = causal.model.layers
    for module in (m for layer in layers for role in layer_roles(layer) for m in role):
        if ADAPTER not in getattr(module, "lora_A", {}):
            return "not every projection is adapted"
        if getattr(module.base_layer, "bias", None) is not None:
            return "projections have biases"
        if module.lora_variant or module.lora_bias.get(ADAPTER, False):
            return "adapters are not plain LoRA"
        weight = module.base_layer.weight
        if weight.dtype not in (torch.bfloat16, torch.float32) and not _is_nf4(weight):
            return f"weights are {weight.dtype}"
    return None


def not_of_the_family(causal: Any, config: Any) -> str | None:
    """Why the layers of a causal model are none that are known; ``None`` if they are."""
    if config.model_type not in _FAMILY:
        return f"models of the type '{config.model_type}' are not known to it"
    if config.hidden_act != "silu":
        return f"the activation is '{config.hidden_act}', not silu"
    if getattr(config, "resid_pdrop", 0):
        return "layers' outputs have a dropout"
    size = layer_parts(causal.model.layers[0], config).head_size
    if 2 * len(causal.model.rotary_emb.inv_freq) != size:
        return "only a part of each head is rotated"
    return None


def _is_nf4(weight: Any) -> bool:
    return getattr(getattr(weight, "quant_state", None), "quant_type", "") == "nf4"


def layer_roles(layer: Any) -> tuple[tuple[Any, ...], ...]:
    """The projections of a layer, together where they read one input."""
    attention, mlp = layer.self_attn, layer.mlp
    first: tuple[Any, ...]
    gates: tuple[Any, ...]
    if hasattr(attention, "qkv_proj"):
        first, gates = (attention.qkv_proj,), (mlp.gate_up_proj,)
    else:
        first = (attention.q_proj, attention.k_proj, attention.v_proj)
        gates = (mlp.gate_proj, mlp.up_proj)
    return first, (attention.o_proj,), gates, (mlp.down_proj,)


def layer_parts(layer: Any, config: Any) -> LayerParts:
    """A layer's modules."""
    first, output, gates, down = (Role(modules) for modules in layer_roles(layer))
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return LayerParts(
        first_norm=layer.input_layernorm.weight,
        second_norm=layer.post_attention_layernorm.weight,
        eps=layer.input_layernorm.variance_epsilon,
        heads=heads,
        kv_heads=config.num_key_value_heads,
        head_size=size,
        roles=(first, output, gates, down),
    )
