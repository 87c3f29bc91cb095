"""The fused step of a model that is trained whole: the same operations, gradients of all weights.

Weights are fp32; what is computed with is a copy of them in 16 bit, joint as in the step of
adapters and written anew for every micro-batch. Products accumulate in fp32 and the gradients of
weights are never rounded to 16 bit, where PyTorch has such a product.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch

from sqlforge.core.errors import TrainingError
from sqlforge.model.fused import ops
from sqlforge.model.fused.head import last_norm, norm_weight_gradient, summed_cross_entropy
from sqlforge.model.fused.layer import Attend, LayerParts
from sqlforge.model.fused.projections import Role
from sqlforge.model.fused.step import (
    FusedStep,
    choose_step,
    layer_parts,
    layer_roles,
    not_of_the_family,
)
from sqlforge.model.settings import TrainSettings

_log = logging.getLogger(__name__)


class WholeStep(FusedStep):
    """Computes the loss of packs with copies of ``model``'s weights; no layer is recomputed."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        """Raises ``ValueError`` with a reason if ``model`` is none of those that this computes.

        Args:
            model: a transformers causal model, all of whose weights are trained.
            dtype: computed in.
        """
        if reason := why_not_whole(model):
            raise ValueError(reason)
        self._model = self._causal = model
        self._parts = [layer_parts(layer, model.config) for layer in model.model.layers]
        self._dtype = dtype
        self._copies: list[list[torch.Tensor]] = []
        self._tables: list[torch.Tensor] = []  # of embeddings and, if it is another, of the head

    def hidden(self, inputs: dict[str, Any]) -> torch.Tensor:
        """The last layer's output, before the norm, ``[tokens, hidden]``."""
        ids, body = inputs["input_ids"][0], self._causal.model
        self._refresh()
        attend = self._attend(inputs)
        with torch.autocast(ids.device.type, enabled=False):
            embedding = body.embed_tokens
            left_out = -1 if embedding.padding_idx is None else embedding.padding_idx
            x: torch.Tensor = _embed(ids, self._tables[0], embedding.weight, left_out)
            wide = torch.empty(1, dtype=torch.float32, device=ids.device)
            cos, sin = body.rotary_emb(wide, inputs["position_ids"])
            for parts, copies in zip(self._parts, self._copies, strict=True):
                shared = _Shared(attend, cos[0], sin[0])
                given = [m.weight for role in parts.roles for m in role.modules]
                norms = parts.first_norm, parts.second_norm
                x = _layer(x, parts, copies, shared, *norms, *given)
        return x

    def summed(
        self,
        hidden: torch.Tensor,
        positions: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Summed cross-entropy, weighted, of the last layer's output where it is supervised."""
        norm, head = self._causal.model.norm, self._causal.lm_head.weight
        with torch.autocast(hidden.device.type, enabled=False):
            chosen = last_norm(hidden[positions], norm.weight, norm.variance_epsilon)
            table = self._tables[-1]
            loss: torch.Tensor = summed_cross_entropy(chosen, table, head, labels, weights)
        return loss

    @torch.no_grad()
    def _refresh(self) -> None:
        """Write the weights as they are now into the copies, made the first time."""
        tables = [self._causal.model.embed_tokens.weight, self._causal.lm_head.weight]
        tables = tables[:1] if tables[0] is tables[1] else tables
        if not self._copies:
            self._tables = [torch.empty_like(table, dtype=self._dtype) for table in tables]
            self._copies = [
                [
                    tables[0].new_empty(role.outputs, role.inputs, dtype=self._dtype)
                    for role in parts.roles
                ]
                for parts in self._parts
            ]
        there, given = [*self._tables], [*tables]
        for parts, copies in zip(self._parts, self._copies, strict=True):
            for role, copy in zip(parts.roles, copies, strict=True):
                there += torch.split(copy, list(role.sizes))
                given += [module.weight for module in role.modules]
        torch._foreach_copy_(there, given)


def choose(model: Any, settings: TrainSettings) -> FusedStep | None:
    """The fused step where it applies; that of a model trained whole only where it is asked for.

    Raises:
        TrainingError: it was asked for and does not apply.
    """
    if settings.step != "fused" or getattr(model, "peft_config", None) is not None:
        return choose_step(model, settings)
    if settings.gradient_checkpointing:
        raise TrainingError(
            "train.step 'fused' of method full recomputes no layer; "
            "set train.gradient_checkpointing to false"
        )
    if reason := why_not_whole(model):
        raise TrainingError(f"train.step 'fused' does not apply: {reason}; set it to 'auto'")
    _log.info("training by the fused step of all weights")
    return WholeStep(model, torch.bfloat16 if settings.autocast_bf16 else model.dtype)


def why_not_whole(model: Any) -> str | None:
    """Why the step does not apply to ``model``; ``None`` if it does."""
    if reason := not_of_the_family(model, model.config):
        return reason
    if not all(parameter.requires_grad for parameter in model.parameters()):
        return "not all weights are trained"
    modules = (m for layer in model.model.layers for role in layer_roles(layer) for m in role)
    if any(getattr(module, "bias", None) is not None for module in modules):
        return "projections have biases"
    return None


class _Shared:
    """What the layers of one micro-batch share."""

    def __init__(self, attend: Attend, cos: torch.Tensor, sin: torch.Tensor) -> None:
        self.attend, self.cos, self.sin = attend, cos, sin


class _Layer(torch.autograd.Function):
    """A layer as autograd sees it: of its input and its weights."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        parts: LayerParts,
        copies: Sequence[torch.Tensor],
        shared: _Shared,
        first_norm: torch.Tensor,
        second_norm: torch.Tensor,
        *given: torch.Tensor,
    ) -> torch.Tensor:
        """The layer's output, ``[tokens, hidden]``."""
        first, output, gate_up, down = copies
        normed = torch.empty_like(x)
        ops.norm(x, first_norm, parts.eps, normed)
        joint = normed @ first.T
        ops.rotate(joint, shared.cos, shared.sin, parts.heads + parts.kv_heads)
        each = joint.view(len(joint), -1, parts.head_size)
        pieces = torch.split(each, [parts.heads, parts.kv_heads, parts.kv_heads], dim=1)
        with torch.enable_grad():  # autograd sees this part alone
            leaves = [piece.detach().requires_grad_() for piece in pieces]
            mixed = shared.attend(*leaves)
        flat = mixed.detach().flatten(1).to(x.dtype)
        middle = torch.addmm(x, flat, output.T)
        again = torch.empty_like(x)
        ops.norm(middle, second_norm, parts.eps, again)
        gates = again @ gate_up.T
        product = gates.new_empty(len(gates), gates.shape[1] // 2)
        ops.gated(gates, product)
        ctx.save_for_backward(x, first_norm, second_norm)
        ctx.kept = normed, leaves, mixed, flat, middle, again, gates, product
        ctx.parts, ctx.copies, ctx.shared = parts, copies, shared
        return torch.addmm(middle, product, down.T)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Gradients of the input, the norms and every projection."""
        x, first_norm, second_norm = ctx.saved_tensors
        normed, leaves, mixed, flat, middle, again, gates, product = ctx.kept
        ctx.kept = ()
        parts, shared, (first, output, gate_up, down) = ctx.parts, ctx.shared, ctx.copies
        found: list[list[torch.Tensor]] = []
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            grad = grad.contiguous()
            found.append(_of_weights(grad, product, parts.roles[3]))
            ops.gated_backward(grad @ down, gates)
            found.append(_of_weights(gates, again, parts.roles[2]))
            back = gates @ gate_up
            to_second = norm_weight_gradient(back, middle, parts.eps)
            grad = ops.norm_backward(back, middle, second_norm, parts.eps, grad)
            found.append(_of_weights(grad, flat, parts.roles[1]))
            back = (grad @ output).view(mixed.shape).to(mixed.dtype)
            attended = torch.autograd.grad(mixed, leaves, back)
            joint = torch.cat([piece.flatten(1) for piece in attended], dim=1)
            ops.rotate(joint, shared.cos, shared.sin, parts.heads + parts.kv_heads, back=True)
            found.append(_of_weights(joint, normed, parts.roles[0]))
            back = joint @ first
            to_first = norm_weight_gradient(back, x, parts.eps)
            grad = ops.norm_backward(back, x, first_norm, parts.eps, grad)
        weights = [one for role in reversed(found) for one in role]
        return grad, None, None, None, to_first, to_second, *weights


class _Embed(torch.autograd.Function):
    """Rows of the table's copy; the gradient is the table's."""

    @staticmethod
    def forward(
        ctx: Any, ids: torch.Tensor, copy: torch.Tensor, table: torch.Tensor, left_out: int
    ) -> torch.Tensor:
        """``[tokens, hidden]``; the row ``left_out`` gets no gradient, as PyTorch has padding."""
        ctx.save_for_backward(ids)
        ctx.rows, ctx.left_out = len(table), left_out
        return copy[ids]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Summed by token, in an order that is always the same."""
        (ids,) = ctx.saved_tensors
        given = grad.float(), ids, ctx.rows, ctx.left_out, False
        return None, None, torch.ops.aten.embedding_dense_backward(*given), None


def _of_weights(grad: torch.Tensor, given: torch.Tensor, role: Role) -> list[torch.Tensor]:
    """The gradient of each projection from those of their joint output, and their input."""
    own = role.modules[0].weight.dtype
    return list(torch.split(ops.product(grad.T, given, own), list(role.sizes)))


_layer: Any = _Layer.apply
_embed: Any = _Embed.apply
