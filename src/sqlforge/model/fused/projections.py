"""Projections of one layer that read the same input, with their adapters, as one matrix.

Where adapters have the rank r, an input ``x`` is stored as ``[x, h]`` with ``h = dropout(x) @ A.T``
and the frozen matrix as ``[W, s B]``. One product then gives ``x W.T + s h B.T``, backwards the
gradients of both ``x`` and ``h``, and the adapters never cost a pass over the output. Queries, keys
and values stand below each other, their B in columns of their own; so do gate and up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sqlforge.model.fused import ops
from sqlforge.model.fused.ops import Drop

ADAPTER = "default"  # peft's name of the one adapter that is trained
_ALIGNED = 8  # numbers; cuBLAS is slow with rows that start elsewhere


@dataclass(frozen=True, slots=True)
class Role:
    """Adapted projections, peft's modules, that read one input of a layer."""

    modules: tuple[Any, ...]

    @property
    def inputs(self) -> int:
        """Numbers of an input."""
        return int(self.modules[0].in_features)

    @property
    def outputs(self) -> int:
        """Numbers of the joint output."""
        return sum(int(m.out_features) for m in self.modules)

    @property
    def rank(self) -> int:
        """Of all adapters together, filled up so that rows are aligned."""
        total = sum(int(m.r[ADAPTER]) for m in self.modules)
        return -(-total // _ALIGNED) * _ALIGNED

    @property
    def width(self) -> int:
        """Columns of the joint matrix."""
        return self.inputs + self.rank

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """A and B of each projection."""
        for module in self.modules:
            yield module.lora_A[ADAPTER].weight
            yield module.lora_B[ADAPTER].weight

    def dropout(self) -> float:
        """The share that adapters' inputs lose in training."""
        return float(getattr(self.modules[0].lora_dropout[ADAPTER], "p", 0.0))

    def matrix(self, bs: Sequence[torch.Tensor], out: torch.Tensor) -> torch.Tensor:
        """Write ``[W, s B]``, dequantised, into ``out``, ``[outputs, width]``."""
        row, column = 0, self.inputs
        if len(self.modules) > 1 or column + bs[0].shape[1] < self.width:
            out[:, column:].zero_()
        for module, b in zip(self.modules, bs, strict=True):
            rows = slice(row, row + module.out_features)
            weight = module.base_layer.weight
            state = getattr(weight, "quant_state", None)
            if state is None:
                out[rows, : self.inputs].copy_(weight)
            else:
                ops.nf4(weight, state, out[rows, : self.inputs])
            out[rows, column : column + b.shape[1]].copy_(b * module.scaling[ADAPTER])
            row, column = rows.stop, column + b.shape[1]
        return out

    def reading(self, given: Sequence[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        """All A, ``[rank, inputs]``."""
        joint = torch.cat([a.to(dtype) for a in given])
        missing = self.rank - len(joint)
        return torch.nn.functional.pad(joint, (0, 0, 0, missing)) if missing else joint

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
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Gradients of ``x`` (a view of the first columns) and of each A and B.

        Args:
            grad: of the output, ``[tokens, outputs]``.
            given: ``[x, h]``.
            matrix: ``[W, s B]``.
            a: all A.
            drop: as in the forward pass.
            input_needs_grad: otherwise the gradient of ``x`` means nothing.
        """
        x, hidden = given[:, : self.inputs], given[:, self.inputs :]
        found: list[torch.Tensor] = []
        row = column = 0
        for module in self.modules:
            rank = int(module.r[ADAPTER])
            part = grad[:, row : row + module.out_features]
            scaled = ops.product(part.T, hidden[:, column : column + rank])
            found.append(scaled.mul_(module.scaling[ADAPTER]))
            row, column = row + module.out_features, column + rank
        back = grad @ (matrix if input_needs_grad else matrix[:, self.inputs :])
        to_hidden = back[:, -self.rank :]
        to_a = ops.down_grad(to_hidden, x, drop)
        if input_needs_grad:
            ops.down_backward(back[:, : self.inputs], to_hidden, a, drop)
        grads: list[torch.Tensor] = []
        first = 0
        for module, to_b in zip(self.modules, found, strict=True):
            last = first + int(module.r[ADAPTER])
            grads += [to_a[first:last], to_b]
            first = last
        return back[:, : self.inputs], grads
