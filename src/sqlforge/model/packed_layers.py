"""Decoder layers for answers on a CPU: weights as its kernels read them, and few operations.

A step of one token over a small model is hundreds of products that take tens of microseconds each,
and thousands of small operations between them that take as long. Here the weights are laid out in
the blocks that oneDNN multiplies by, projections of the same input are one product, and each number
is rounded where transformers' own layers round it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import rms_norm, scaled_dot_product_attention, silu

_FEW = 8  # tokens of a pass whose time is that of reading the weights
_QUICK = 4 << 20  # bytes of a product that one core reads while others would be woken for it
_LAYERS = ("LlamaDecoderLayer", "MistralDecoderLayer")


def pack_layers(model: Any) -> bool:
    """Exchange a model's layers for packed ones where they are known; whether they were.

    The model computes the same function, and can only be called as the engine calls it afterwards:
    with positions, a mask and a cache of slots.

    Args:
        model: a transformers causal model in evaluation mode.
    """
    layers = getattr(getattr(model, "model", None), "layers", None)
    if layers is None or not _known(model, layers):
        return False
    with torch.inference_mode():
        for number in range(len(layers)):
            layers[number] = PackedLayer(layers[number])
        model.lm_head = PackedLinear(model.lm_head)
        for weight in model.parameters():  # views of a mapped file keep all of it
            weight.data = weight.data.clone()
    if max(layer.largest for layer in layers) <= _QUICK:
        _compute_alone(model)
    return True


def _compute_alone(model: Any) -> None:
    """Have passes over few tokens computed by the thread that asks for them, without others."""
    threads = torch.get_num_threads()

    def enter(module: Any, inputs: Any, named: Any) -> None:
        if named["input_ids"].numel() <= _FEW:
            torch.set_num_threads(1)

    model.register_forward_pre_hook(enter, with_kwargs=True)
    model.register_forward_hook(lambda *_: torch.set_num_threads(threads), always_call=True)


def _known(model: Any, layers: Any) -> bool:
    return (
        model.device.type == "cpu"
        and model.dtype is torch.bfloat16
        and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        and model.config.hidden_act == "silu"
        and all(type(layer).__name__ in _LAYERS for layer in layers)
        and all(type(m) is torch.nn.Linear for layer in layers for m in _products(layer))
    )


def _products(layer: Any) -> list[Any]:
    attention, mlp = layer.self_attn, layer.mlp
    return [
        attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj,
        mlp.gate_proj, mlp.up_proj, mlp.down_proj,
    ]  # fmt: skip


class PackedLinear(torch.nn.Module):
    """The products of one input with the weights of some linear layers, beside each other."""

    def __init__(self, *linears: torch.nn.Linear) -> None:
        super().__init__()
        weights: list[torch.Tensor] = [m.weight for m in linears]
        biases: list[torch.Tensor] = [m.bias for m in linears if m.bias is not None]
        whole = weights[0] if len(weights) == 1 else torch.cat(weights)
        self.size = whole.nbytes
        self._weight = torch.ops.mkldnn._reorder_linear_weight(whole.detach(), 1)
        self._bias = torch.cat(biases).detach() if biases else None

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """``[..., inputs]`` to ``[..., outputs]``.

        oneDNN sums a single row in another order than several, so it comes twice: what is computed
        of a token then does not depend on how many others stand beside it.
        """
        alone = states.numel() == states.shape[-1]
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            states.view(1, -1).repeat(2, 1) if alone else states,
            self._weight,
            self._bias,
            "none",
            [],
            "",
        )
        return product[:1].view(*states.shape[:-1], -1) if alone else product


class PackedLayer(torch.nn.Module):
    """One layer of a Llama."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        self._number: int = attention.layer_idx
        self._size: int = attention.head_dim
        self._heads = attention.q_proj.out_features // self._size
        self._groups: int = attention.num_key_value_groups
        self._scaling: float = attention.scaling
        norms = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
        self._norms = [weight.detach().clone() for weight in norms]
        self._eps: float = layer.input_layernorm.variance_epsilon
        self._qkv = PackedLinear(attention.q_proj, attention.k_proj, attention.v_proj)
        self._out = PackedLinear(attention.o_proj)
        self._gate_up = PackedLinear(mlp.gate_proj, mlp.up_proj)
        self._down = PackedLinear(mlp.down_proj)
        products = self._qkv, self._out, self._gate_up, self._down
        self.largest = max(product.size for product in products)

    def forward(
        self,
        states: torch.Tensor,
        attention_mask: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        past_key_values: Any,
        **others: Any,
    ) -> torch.Tensor:
        """``[sequences, tokens, width]`` of one layer to those of the next."""
        shape = states.shape[-1:]
        normed = rms_norm(states, shape, None, self._eps) * self._norms[0]
        found = self._attended(normed, attention_mask, position_embeddings, past_key_values)
        states = states + self._out.forward(found)
        normed = rms_norm(states, shape, None, self._eps) * self._norms[1]
        gate, up = self._gate_up.forward(normed).chunk(2, -1)
        return states + self._down.forward(silu(gate) * up)

    def _attended(
        self,
        normed: torch.Tensor,
        mask: torch.Tensor,
        angles: tuple[torch.Tensor, torch.Tensor],
        cache: Any,
    ) -> torch.Tensor:
        sequences, tokens, _ = normed.shape
        heads, size = self._heads, self._size
        of_heads = self._qkv.forward(normed).view(sequences, tokens, -1, size)
        kv_heads = heads // self._groups
        turned, value = torch.split(of_heads, [heads + kv_heads, kv_heads], 2)
        cos, sin = angles
        first, second = turned.chunk(2, -1)
        half = torch.cat((-second, first), -1)
        turned = turned * cos.unsqueeze(2) + half * sin.unsqueeze(2)
        query, key = torch.split(turned, [heads, kv_heads], 2)
        keys, values = cache.update(key.transpose(1, 2), value.transpose(1, 2), self._number)
        kv = kv_heads, self._groups
        # The queries of a group stand in a row: grouped keys and values are read once, uncopied.
        if sequences == 1 and tokens <= _FEW:
            # Each token on its own, as in a step of its own: every bit of it is the same then.
            query, mask = query.view(tokens, *kv, size), mask.transpose(0, 2)
            keys, values = keys.expand(tokens, -1, -1, -1), values.expand(tokens, -1, -1, -1)
            found = scaled_dot_product_attention(query, keys, values, mask, scale=self._scaling)
            return found.reshape(1, tokens, heads * size)
        query = query.transpose(1, 2).reshape(sequences, kv_heads, self._groups * tokens, size)
        if tokens > 1:
            mask = mask.repeat(1, 1, self._groups, 1)
        found = scaled_dot_product_attention(query, keys, values, mask, scale=self._scaling)
        found = found.view(sequences, heads, tokens, size).transpose(1, 2)
        return found.reshape(sequences, tokens, heads * size)
