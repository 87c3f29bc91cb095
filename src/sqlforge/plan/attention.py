"""Attention over a pack on the tape: PyTorch's variable-length kernel and what feeds it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import PackShape

_ACCUMULATED = 128  # rows that the attention's backward pass pads each sequence's sums to


@dataclass(slots=True)
class Attention:
    """Writes the tape of the attention of one layer after the other."""

    tape: Tape
    shape: ModelShape
    pack: PackShape

    def rotated(self, size: int) -> Piece:
        """x · cos + rotated(x) · sin; models with fused projections copy the result once more."""
        tape = self.tape
        first = tape.new(size)
        half = tape.new(size // 2)
        turned = tape.new(size)
        tape.free(half)
        second = tape.new(size)
        tape.free(turned)
        total = tape.new(size)
        tape.free(first, second)
        if not self.shape.fused:
            return total
        joined = tape.new(size)
        tape.free(total)
        return joined

    def forward(self, query: Piece, kept: list[Piece], *, forget: bool) -> Piece:
        """The mixed values; ``kept`` takes what the backward pass needs besides them."""
        tape, shape, pack = self.tape, self.shape, self.pack
        pieces = []
        for _ in range(2):  # keys and values of every sequence, then copied for every head
            gathered = tape.new(2 * pack.keys * shape.kv_size)
            pieces.append(tape.new(2 * pack.keys * shape.query_size))
            tape.free(gathered)
        mixed = tape.new(2 * pack.tokens * shape.query_size)
        sums = tape.new(4 * pack.tokens * shape.heads)
        if forget:
            tape.free(*pieces, sums)
        else:
            kept += [query, *pieces, sums]
        return mixed

    def backward(
        self, grad: Piece, mixed: Piece | None, kept: list[Piece]
    ) -> tuple[Piece, Piece, Piece]:
        """Gradients of queries, keys and values before rotation; frees what attention kept."""
        tape, shape, pack = self.tape, self.shape, self.pack
        each = 2 * pack.keys * shape.query_size
        query = tape.new(2 * pack.tokens * shape.query_size)
        key, value = tape.new(each), tape.new(each)
        rows = pack.tokens + _ACCUMULATED * pack.sequences
        head = -(-shape.head_size // 32) * 32
        delta = tape.new(4 * rows * shape.heads, "kernels")
        sums = tape.new(4 * rows * shape.heads * head, "kernels")
        tape.free(sums, delta, *kept, mixed, grad)
        value = self._ungather(value)
        key = self._ungather(key)
        whole = tape.new(2 * pack.tokens * shape.query_size)
        tape.free(query)
        key = self._unrotate(key, 2 * pack.tokens * shape.kv_size)
        query = self._unrotate(whole, 2 * pack.tokens * shape.query_size)
        return query, key, value

    def _ungather(self, grad: Piece) -> Piece:
        """Sum over the heads that share keys, then over the places where a token was read."""
        tape, shape, pack = self.tape, self.shape, self.pack
        summed = tape.new(2 * pack.keys * shape.kv_size)
        tape.free(grad)
        placed = tape.new(2 * pack.tokens * shape.kv_size)
        sorting = [tape.new(8 * pack.keys, "kernels") for _ in range(3)]
        tape.free(*sorting, summed)
        whole = tape.new(2 * pack.tokens * shape.kv_size)
        tape.free(placed)
        return whole

    def _unrotate(self, grad: Piece, size: int) -> Piece:
        tape = self.tape
        by_sin = tape.new(size)
        half = tape.new(size // 2)
        one = tape.new(size)
        tape.free(half)
        other = tape.new(size)
        tape.free(by_sin)
        turned = self.tape.added(one, other, size)
        by_cos = tape.new(size)
        tape.free(grad)
        return self.tape.added(turned, by_cos, size)
