"""Projections of one layer that read the same input, with their adapters, as one matrix.

Where adapters have the rank r, an input ``x`` is stored as ``[x, h]`` with ``h = s dropout(x) A.T``
and the frozen matrix as ``[W, B]``. One product then gives ``x W.T + h B.T``, backwards the
gradients of both ``x`` and ``h``, and the adapters never cost a pass over the output. Queries, keys
and values stand below each other, their B in columns of their own; so do gate and up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from sqlforge.model.fused import ops
from sqlforge.model.fused.ops import Drop
from sqlforge.plan.fused import ALIGNED

ADAPTER = "default"  # peft's name of the one adapter that is trained


class Resident:
    """Joint matrices of all layers that are kept, where they are small, instead of made anew.

    Adapters are written into them once a micro-batch, all of them together.
    """

    @torch.no_grad()
    def __init__(self, layers: Sequence[Sequence[Role]], dtype: torch.dtype) -> None:
        self.matrices: list[list[torch.Tensor]] = []
        self.readings: list[list[torch.Tensor]] = []
        self._a: list[torch.Tensor] = []
        self._b: list[torch.Tensor] = []
        self._scales: list[float] = []
        self._roles = [role for roles in layers for role in roles]
        for roles in layers:
            self.matrices.append([])
            self.readings.append([])
            for role in roles:
                weight = role.modules[0].base_layer.weight
                out = weight.new_empty(role.outputs, role.width, dtype=dtype)
                joint = weight.new_zeros(role.rank, role.inputs, dtype=dtype)
                given: list[torch.Tensor] = [*role.parameters]
                role.matrix(given[1::2], out)
                self.matrices[-1].append(out)
                self.readings[-1].append(joint)
                self._a += role.a_in(joint)
                self._b += role.b_in(out)
                self._scales += [role.scaling] * len(role.modules)

    @staticmethod
    def size(layers: Sequence[Sequence[Role]]) -> int:
        """Bytes in 16 bit that matrices and adapters of all layers would take."""
        return sum(
            2 * (role.outputs * role.width + role.rank * role.inputs)
            for roles in layers
            for role in roles
        )

    @torch.no_grad()
    def refresh(self) -> None:
        """Write the adapters as they are now."""
        given: list[torch.Tensor] = []
        for role in self._roles:
            given += role.parameters
        torch._foreach_copy_(self._a, given[::2])
        torch._foreach_copy_(self._b, given[1::2])
        torch._foreach_mul_(self._a, self._scales)


@dataclass(frozen=True)
class Role:
    """Adapted projections, peft's modules, that read one input of a layer.

    What modules are asked for is kept: looking into them takes longer than starting a kernel.
    """

    modules: tuple[Any, ...]

    @cached_property
    def inputs(self) -> int:
        """Numbers of an input."""
        return int(self.modules[0].in_features)

    @cached_property
    def outputs(self) -> int:
        """Numbers of the joint output."""
        return sum(self.sizes)

    @cached_property
    def rank(self) -> int:
        """Of all adapters together, filled up so that rows are aligned."""
        return -(-sum(self.ranks) // ALIGNED) * ALIGNED

    @cached_property
    def width(self) -> int:
        """Columns of the joint matrix."""
        return self.inputs + self.rank

    @cached_property
    def quantised(self) -> bool:
        """Whether frozen matrices have to be turned back into 16 bit."""
        return any(hasattr(m.base_layer.weight, "quant_state") for m in self.modules)

    @cached_property
    def parameters(self) -> tuple[torch.nn.Parameter, ...]:
        """A and B of each projection."""
        names = ("lora_A", "lora_B")
        return tuple(getattr(m, name)[ADAPTER].weight for m in self.modules for name in names)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Outputs of each projection."""
        return tuple(int(m.out_features) for m in self.modules)

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Of each adapter."""
        return tuple(int(m.r[ADAPTER]) for m in self.modules)

    @cached_property
    def dropout(self) -> float:
        """The share that adapters' inputs lose in training."""
        return float(getattr(self.modules[0].lora_dropout[ADAPTER], "p", 0.0))

    @cached_property
    def scaling(self) -> float:
        """What adapters' outputs are multiplied by."""
        return float(self.modules[0].scaling[ADAPTER])

    def matrix(self, bs: Sequence[torch.Tensor], out: torch.Tensor) -> torch.Tensor:
        """Write ``[W, B]``, dequantised, into ``out``, ``[outputs, width]``."""
        if len(self.modules) > 1 or self.inputs + bs[0].shape[1] < self.width:
            out[:, self.inputs :].zero_()
        row = 0
        for module in self.modules:
            rows = slice(row, row + module.out_features)
            weight = module.base_layer.weight
            state = getattr(weight, "quant_state", None)
            if state is None:
                out[rows, : self.inputs].copy_(weight)
            else:
                ops.nf4(weight, state, out[rows, : self.inputs])
            row = rows.stop
        for place, b in zip(self.b_in(out), bs, strict=True):
            place.copy_(b)
        return out

    def b_in(self, matrix: torch.Tensor) -> list[torch.Tensor]:
        """Where each B lies in the joint matrix."""
        found: list[torch.Tensor] = []
        row, column = 0, self.inputs
        for size, rank in zip(self.sizes, self.ranks, strict=True):
            found.append(matrix[row : row + size, column : column + rank])
            row, column = row + size, column + rank
        return found

    def a_in(self, joint: torch.Tensor) -> list[torch.Tensor]:
        """Where each A lies in ``[rank, inputs]``."""
        return list(torch.split(joint[: sum(self.ranks)], list(self.ranks)))

    def reading(self, given: Sequence[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        """All ``s A``, ``[rank, inputs]``."""
        joint = given[0].new_empty(self.rank, self.inputs, dtype=dtype)
        joint[sum(self.ranks) :].zero_()
        for place, a in zip(self.a_in(joint), given, strict=True):
            torch.mul(a, self.scaling, out=place)
        return joint

    def adapt(self, given: torch.Tensor, a: torch.Tensor, drop: Drop) -> None:
        """Fill the last columns of ``[x, h]``."""
        ops.down(given[:, : self.inputs], a, given[:, self.inputs :], drop)

    def backward(
        self,
        grad: torch.Tensor,
        given: torch.Tensor,
        matrix: torch.Tensor,
        a: torch.Tensor,
        drop: Drop,
        *,
        input_needs_grad: bool = True,
        dense: bool = False,
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Gradients of ``x`` (a view of the first columns) and of each A and B.

        Args:
            grad: of the output, ``[tokens, outputs]``.
            given: ``[x, h]``.
            matrix: ``[W, B]``.
            a: all ``s A``.
            drop: as in the forward pass.
            input_needs_grad: otherwise the gradient of ``x`` means nothing.
            dense: whether the gradient of ``x`` has memory of its own, its rows without gaps.
        """
        x, hidden = given[:, : self.inputs], given[:, self.inputs :]
        own = self.parameters[0].dtype
        to_b: list[torch.Tensor] = []
        row = column = 0
        for size, rank in zip(self.sizes, self.ranks, strict=True):
            part = grad[:, row : row + size]
            to_b.append(ops.product(part.T, hidden[:, column : column + rank], own))
            row, column = row + size, column + rank
        back = grad @ (matrix if input_needs_grad else matrix[:, self.inputs :])
        to_hidden = back[:, -self.rank :]
        to_a = self.a_in(ops.down_grad(to_hidden, x, drop, self.scaling).to(own))
        to_x = back[:, : self.inputs]
        if input_needs_grad:
            out = to_x.new_empty(to_x.shape) if dense else to_x
            ops.down_backward(to_x, to_hidden, a, drop, out)
            to_x = out
        grads = [one for pair in zip(to_a, to_b, strict=True) for one in pair]
        return to_x, grads
