"""One adapted projection on the tape: what its forward pass keeps and its backward pass needs.

The order of allocations is that of peft's LoRA layers over bitsandbytes' 4-bit and PyTorch's
16-bit ones on CUDA.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlforge.plan.model_shape import Linear
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import Training
from sqlforge.plan.weights import BLOCK

_DEQUANTISED_FROM = 1_536  # rows; below, bitsandbytes may multiply without a 16-bit copy


@dataclass(slots=True)
class Kept:
    """What one projection keeps for its backward pass; ``None`` where nothing of its own is kept.

    ``given`` is what A is multiplied with, ``mask`` dropout's, ``casts`` 16-bit copies of A and B,
    ``low`` the product with A.
    """

    given: Piece | None
    mask: Piece | None
    cast_a: Piece | None
    cast_b: Piece | None
    low: Piece | None


@dataclass(slots=True)
class Projection:
    """Writes the tape of adapted projections for ``rows`` tokens."""

    tape: Tape
    training: Training
    rows: int

    @property
    def autocast(self) -> bool:
        """Whether adapters are fp32 and multiplied in bf16."""
        return self.training.adapter_dtype == "float32"

    def forward(self, one: Linear, *, casts: list[Piece] | None, stop: bool = False) -> _Forward:
        """The output and what is kept.

        Args:
            one: the projection.
            casts: given where nothing is kept; takes 16-bit copies of A and B, which autocast
                holds until the model's forward pass ends.
            stop: leave off where a recomputation does that needs no output.
        """
        tape, rows = self.tape, self.rows
        wide, narrow = 2 * rows * one.outputs, 2 * rows * one.inputs
        result = self._base(one)
        given, mask, scratch = self._given(one, narrow)
        cast_a = self._cast(one.inputs)
        if self._wide_input:
            scratch += [given] if given is not None else []
            given = tape.new(narrow)
        low = tape.new(2 * rows * self.training.rank)
        cast_b = self._cast(one.outputs)
        kept = Kept(given, mask, cast_a, cast_b, low)
        if stop:
            tape.free(*scratch, result)
            return _Forward(None, kept)
        product = tape.new(wide)
        if casts is not None:
            tape.free(kept.given, kept.mask, kept.low)
            casts.extend(piece for piece in (cast_a, cast_b) if piece is not None)
        scaled = tape.new(wide)
        tape.free(product)
        total = tape.new(wide)
        tape.free(result, *scratch, scaled)
        return _Forward(total, kept)

    def backward(self, one: Linear, kept: Kept, grads: list[Piece] | None) -> Piece:
        """The gradient of the input; ``grads`` takes the adapters', or frees them at once."""
        tape, rows, rank = self.tape, self.rows, self.training.rank
        narrow, own = 2 * rows * one.inputs, self.training.adapter_bytes
        scaled = tape.new(2 * rows * one.outputs)
        grad_b = tape.new(2 * one.outputs * rank, "gradients")
        grad_low = tape.new(2 * rows * rank)
        tape.free(kept.low, kept.cast_b, scaled)
        grad_b = self._as_own(grad_b, own * one.outputs * rank)
        grad_a = tape.new(2 * one.inputs * rank, "gradients")
        back = tape.new(narrow)
        tape.free(kept.given, kept.cast_a, grad_low)
        if self._wide_input:
            back = self._swap(back, 2 * narrow)
        grad_a = self._as_own(grad_a, own * one.inputs * rank)
        if self.training.dropout:
            back = self._swap(back, 2 * narrow if self._wide_input else narrow)
            tape.free(kept.mask)
        if self._wide_input:
            back = self._swap(back, narrow)
        if grads is None:
            tape.free(grad_b, grad_a)
        else:
            grads += [grad_b, grad_a]
        through = self._through_base(one)
        return tape.added(back, through, narrow)

    @property
    def _wide_input(self) -> bool:
        """peft casts the input of a 16-bit projection to the adapter's type, dropout or not."""
        return self.autocast and self.training.method == "lora"

    def _base(self, one: Linear) -> Piece:
        tape, wide = self.tape, 2 * self.rows * one.outputs
        if self.training.method == "lora":
            return tape.new(wide)
        if self.rows > _DEQUANTISED_FROM:
            scales = 4 * -(-one.weights // BLOCK)
            unshifted = tape.new(scales, "dequantised")
            shifted = tape.new(scales, "dequantised")
            weights = tape.new(2 * one.weights, "dequantised")
            output = tape.new(wide)
            tape.free(weights, shifted, unshifted)
        else:
            output = tape.new(wide)
        copy = tape.new(wide)  # peft clones the output of 4-bit layers
        tape.free(output)
        return copy

    def _given(self, one: Linear, narrow: int) -> tuple[Piece | None, Piece | None, list[Piece]]:
        """What A reads, dropout's mask, and what is freed when the projection returns."""
        tape = self.tape
        scratch: list[Piece] = []
        if self._wide_input:
            scratch.append(tape.new(2 * narrow))
        if not self.training.dropout:
            return None, None, scratch
        given = tape.new(2 * narrow if self._wide_input else narrow)
        return given, tape.new(narrow // 2), scratch

    def _cast(self, width: int) -> Piece | None:
        return self.tape.new(2 * width * self.training.rank) if self.autocast else None

    def _as_own(self, grad: Piece, size: int) -> Piece:
        """A gradient in the adapter's own type."""
        if not self.autocast:
            return grad
        own = self.tape.new(size, "gradients")
        self.tape.free(grad)
        return own

    def _swap(self, old: Piece, size: int) -> Piece:
        new = self.tape.new(size)
        self.tape.free(old)
        return new

    def _through_base(self, one: Linear) -> Piece:
        tape, narrow = self.tape, 2 * self.rows * one.inputs
        if self.training.method == "lora":
            return tape.new(narrow)
        scales = tape.new(4 * -(-one.weights // BLOCK), "dequantised")
        weights = tape.new(2 * one.weights, "dequantised")
        tape.free(scales)
        through = tape.new(narrow)
        tape.free(weights)
        return through


@dataclass(frozen=True, slots=True)
class _Forward:
    output: Piece | None
    kept: Kept
