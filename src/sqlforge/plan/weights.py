"""Bytes of weights as they lie on the card: NF4 with its constants, 16 bit, adapters."""

from __future__ import annotations

from dataclasses import dataclass

from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.tape import Piece, Tape

BLOCK = 64  # numbers that share one scale (absmax) in NF4
STATE_BLOCK = 256  # scales, or 8-bit optimizer states, that share one scale of their own
CODE_BYTES = 16 * 4  # the 16 NF4 values, kept once a matrix
OFFSET_BYTES = 4  # the mean of the scales, taken off before they are quantised


@dataclass(frozen=True, slots=True)
class Nf4Bytes:
    """One matrix as bitsandbytes keeps it with double quantisation.

    ``packed`` two numbers a byte; ``scales`` one byte a block of 64; ``scale_scales`` one fp32 for
    256 of these; ``offset`` and ``code`` once a matrix.
    """

    packed: int
    scales: int
    scale_scales: int
    offset: int = OFFSET_BYTES
    code: int = CODE_BYTES

    @property
    def total(self) -> int:
        """All of it."""
        return self.packed + self.scales + self.scale_scales + self.offset + self.code


def nf4_bytes(numbers: int) -> Nf4Bytes:
    """What ``numbers`` weights of one matrix take.

    >>> round(nf4_bytes(4096 * 4096).total / (4096 * 4096) * 8, 3)  # bits a weight
    4.127
    """
    scales = -(-numbers // BLOCK)
    return Nf4Bytes(-(-numbers // 2), scales, 4 * -(-scales // STATE_BLOCK))


def base_bytes(shape: ModelShape, *, quantised: bool) -> int:
    """All weights of a base model: projections in NF4 or 16 bit, everything else in 16 bit."""
    rest = shape.embedding_parameters + shape.norm_parameters + shape.bias_parameters
    if not quantised:
        return 2 * (shape.linear_parameters + rest)
    linears = sum(nf4_bytes(one.weights).total for one in shape.linears)
    return shape.layers * linears + 2 * rest


def load(tape: Tape, shape: ModelShape, *, quantised: bool) -> Piece:
    """Put a base model on the card, layer by layer, each matrix quantised where it will lie.

    Returns the table of embeddings.
    """
    table = tape.new(2 * shape.vocabulary * shape.hidden, "head")
    for _ in range(shape.layers):
        for one in shape.linears:
            if quantised:
                _quantise(tape, one.weights)
            else:
                tape.new(2 * one.weights, "weights")
        if shape.query_bias:
            tape.new(2 * (shape.query_size + 2 * shape.kv_size), "weights")
        tape.new(2 * shape.hidden, "norms")
        tape.new(2 * shape.hidden, "norms")
    tape.new(2 * shape.hidden, "norms")
    if not shape.tied:
        tape.new(2 * shape.vocabulary * shape.hidden, "head")
    return table


def _quantise(tape: Tape, numbers: int) -> None:
    sizes = nf4_bytes(numbers)
    whole = tape.new(2 * numbers)
    tape.new(sizes.packed, "weights")
    scales = tape.new(4 * sizes.scales)
    tape.new(sizes.code, "weights")
    tape.new(sizes.offset, "weights")
    centred = tape.new(4 * sizes.scales)
    tape.new(sizes.scale_scales, "weights")
    tape.new(sizes.scales, "weights")
    tape.free(centred, scales, whole)
