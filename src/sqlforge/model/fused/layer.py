"""One decoder layer of the Llama family, forward and backward, written out by hand.

What a layer keeps is decided here and not by autograd: its input if it is recomputed, else what its
backward pass reads. Recomputation ends before the last projection, whose output nobody reads, and
the frozen matrices are turned back into 16 bit once for it and the backward pass together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from sqlforge.model.fused import ops
from sqlforge.model.fused.ops import Drop
from sqlforge.model.fused.projections import Resident, Role

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""From queries, keys and values, ``[tokens, heads, head size]``, to what they mix to."""


@dataclass(frozen=True, slots=True)
class LayerParts:
    """A layer's own modules; projections in the order of :data:`ROLES`."""

    first_norm: torch.Tensor
    second_norm: torch.Tensor
    eps: float
    heads: int
    kv_heads: int
    head_size: int
    roles: tuple[Role, Role, Role, Role]  # queries, keys and values; output; gate and up; down

    def parameters(self) -> list[torch.nn.Parameter]:
        """All A and B, role by role."""
        return [parameter for role in self.roles for parameter in role.parameters]


@dataclass(frozen=True, slots=True)
class Pass:
    """What all layers of one micro-batch share.

    ``matrices`` are one buffer a role, filled again by every layer; ``overlaid`` ones lie in the
    same memory and are filled again for each use. ``resident`` ones need neither. ``seed`` draws
    dropout's masks: one for each input and layer, so projections that read one input share its
    mask.
    """

    cos: torch.Tensor
    sin: torch.Tensor
    attend: Attend
    matrices: tuple[torch.Tensor, ...]
    overlaid: bool
    resident: Resident | None
    seed: int
    training: bool
    seed_at: torch.Tensor | None = None  # see Drop.at

    def drop(self, role: Role, layer: int, place: int) -> Drop:
        """Dropout of a role's input."""
        share = role.dropout if self.training else 0.0
        return Drop(share, self.seed + 4 * layer + place, self.seed_at)


@dataclass(slots=True)
class Kept:
    """What a layer's backward pass reads; ``inputs`` are each role's ``[x, h]``."""

    inputs: list[torch.Tensor] = field(default_factory=list)
    readings: list[torch.Tensor] = field(default_factory=list)  # all A of each role
    attention: tuple[torch.Tensor, ...] = ()  # queries, keys, values and what they mixed to
    middle: torch.Tensor | None = None
    gates: torch.Tensor | None = None


@dataclass(slots=True)
class Layer:
    """A layer in one micro-batch."""

    parts: LayerParts
    shared: Pass
    number: int
    given: Sequence[torch.Tensor]  # A and B of each projection, see LayerParts.parameters

    def forward(self, x: torch.Tensor, kept: Kept, *, whole: bool) -> torch.Tensor | None:
        """The layer's output, ``[tokens, hidden]``; ``None`` unless ``whole``."""
        parts = self.parts
        normed = self._widened(x, 0)
        ops.norm(x, parts.first_norm, parts.eps, normed[:, : parts.roles[0].inputs])
        mixed = self._attention(self._project(normed, 0, kept), kept)
        widened = self._widened(x, 1)
        ops.placed(mixed.flatten(1), widened[:, : parts.roles[1].inputs])
        middle = self._project(widened, 1, kept, added=x)
        normed = self._widened(x, 2)
        ops.norm(middle, parts.second_norm, parts.eps, normed[:, : parts.roles[2].inputs])
        gates = self._project(normed, 2, kept)
        del normed, widened
        product = self._widened(x, 3)
        ops.gated(gates, product[:, : parts.roles[3].inputs])
        kept.middle, kept.gates = middle, gates
        if not whole:
            self._adapted(product, 3, kept)
            return None
        return self._project(product, 3, kept, added=middle)

    def backward(
        self, grad: torch.Tensor, x: torch.Tensor, kept: Kept, *, input_needs_grad: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """Gradients of the input, and of all A and B; empties ``kept`` on the way.

        The matrices of all roles lie in their buffers, unless these are overlaid.
        """
        parts, middle, gates = self.parts, kept.middle, kept.gates
        assert middle is not None and gates is not None
        kept.gates = kept.middle = None
        back, to_down = self._unproject(grad, 3, kept)
        ops.gated_backward(back, gates)
        del back
        back, to_gates = self._unproject(gates, 2, kept)
        del gates
        grad = ops.norm_backward(back, middle, parts.second_norm, parts.eps, grad)
        del middle
        back, to_output = self._unproject(grad, 1, kept, dense=True)
        back = self._unattend(back, kept)
        back, to_first = self._unproject(back, 0, kept, input_needs_grad=input_needs_grad)
        found = [*to_first, *to_output, *to_gates, *to_down]
        if not input_needs_grad:
            return None, found
        return ops.norm_backward(back, x, parts.first_norm, parts.eps, grad), found

    def fill(self, place: int) -> torch.Tensor:
        """The matrix of one role, in its buffer."""
        role, resident = self.parts.roles[place], self.shared.resident
        if resident is not None:
            return resident.matrices[self.number][place]
        return role.matrix(self._own(place)[1::2], self.shared.matrices[place])

    def _own(self, place: int) -> Sequence[torch.Tensor]:
        before = sum(2 * len(role.modules) for role in self.parts.roles[:place])
        return self.given[before : before + 2 * len(self.parts.roles[place].modules)]

    def _widened(self, x: torch.Tensor, place: int) -> torch.Tensor:
        return x.new_empty(len(x), self.parts.roles[place].width)

    def _adapted(self, given: torch.Tensor, place: int, kept: Kept) -> None:
        role, resident = self.parts.roles[place], self.shared.resident
        if resident is not None:
            a = resident.readings[self.number][place]
        else:
            a = role.reading(self._own(place)[::2], given.dtype)
        role.adapt(given, a, self.shared.drop(role, self.number, place))
        kept.inputs.append(given)
        kept.readings.append(a)

    def _project(
        self, given: torch.Tensor, place: int, kept: Kept, *, added: torch.Tensor | None = None
    ) -> torch.Tensor:
        self._adapted(given, place, kept)
        matrix = self.fill(place)
        return given @ matrix.T if added is None else torch.addmm(added, given, matrix.T)

    def _unproject(
        self,
        grad: torch.Tensor,
        place: int,
        kept: Kept,
        *,
        input_needs_grad: bool = True,
        dense: bool = False,
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        role, shared = self.parts.roles[place], self.shared
        remade = shared.overlaid or shared.resident is not None
        return role.backward(
            grad,
            kept.inputs.pop(),
            self.fill(place) if remade else shared.matrices[place],
            kept.readings.pop(),
            self.shared.drop(role, self.number, place),
            input_needs_grad=input_needs_grad,
            dense=dense,
        )

    def _attention(self, joint: torch.Tensor, kept: Kept) -> torch.Tensor:
        """What heads mix; autograd sees this part alone, and only until :meth:`_unattend`."""
        parts, shared = self.parts, self.shared
        ops.rotate(joint, shared.cos, shared.sin, parts.heads + parts.kv_heads)
        each = joint.view(len(joint), -1, parts.head_size)
        sizes = [parts.heads, parts.kv_heads, parts.kv_heads]
        split = torch.split(each, sizes, dim=1)
        with torch.enable_grad():
            leaves = [piece.detach().requires_grad_() for piece in split]
            mixed = shared.attend(*leaves)
        kept.attention = (*leaves, mixed)
        return mixed.detach()

    def _unattend(self, grad: torch.Tensor, kept: Kept) -> torch.Tensor:
        """The gradient of queries, keys and values before rotation, ``[tokens, outputs]``.

        ``grad`` has no gaps between rows: the attention's backward pass wants none.
        """
        *leaves, mixed = kept.attention
        kept.attention = ()
        found = torch.autograd.grad(mixed, leaves, grad.view(mixed.shape))
        del mixed, leaves
        joint = torch.cat([piece.flatten(1) for piece in found], dim=1)
        parts, shared = self.parts, self.shared
        ops.rotate(joint, shared.cos, shared.sin, parts.heads + parts.kv_heads, back=True)
        return joint


class RunLayer(torch.autograd.Function):
    """A layer as autograd sees it: of its input and its adapters."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        parts: LayerParts,
        shared: Pass,
        number: int,
        recomputed: bool,
        *given: torch.Tensor,
    ) -> torch.Tensor:
        """The layer's output, ``[tokens, hidden]``."""
        with torch.autocast(x.device.type, enabled=False):
            kept = Kept()
            output = Layer(parts, shared, number, given).forward(x, kept, whole=True)
        ctx.save_for_backward(x, *given)
        ctx.parts, ctx.shared, ctx.number = parts, shared, number
        ctx.kept = None if recomputed else kept
        assert output is not None
        return output

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Gradients of the input and the adapters."""
        x, *given = ctx.saved_tensors
        layer, kept = Layer(ctx.parts, ctx.shared, ctx.number, given), ctx.kept
        ctx.kept = None
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            missing = range(4)
            if kept is None:
                kept, missing = Kept(), range(3, 4)
                layer.forward(x, kept, whole=False)
            if not ctx.shared.overlaid and ctx.shared.resident is None:
                for place in missing:
                    layer.fill(place)
            needed = ctx.needs_input_grad[0]
            to_x, found = layer.backward(grad.contiguous(), x, kept, input_needs_grad=needed)
        grads = [g.to(p.dtype) for g, p in zip(found, given, strict=True)]
        return to_x, None, None, None, None, *grads


run_layer: Any = RunLayer.apply
