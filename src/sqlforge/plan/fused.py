"""The fused step on the tape: what ``sqlforge.model.fused`` allocates, in its order."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlforge.plan.model_shape import Linear, ModelShape
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import PackShape, Training

RESIDENT_BYTES = 2**30
"""Up to here matrices of a 16-bit base are kept joined with their adapters, beside the base."""
SHORT = 1_024
"""Tokens of a micro-batch; with so few the matrices of all roles lie in one place."""
ALIGNED = 8
"""Numbers that adapters' joint rank is filled up to: cuBLAS is slow where rows start elsewhere."""
CHUNK_BYTES = 2**27
"""Of one piece of the logits."""
_ACCUMULATED = 128  # rows that the attention's backward pass pads each sequence's sums to
PROGRAMS = 264
"""Of a kernel that fill a card: two for each of an H100's processors."""
TILE = 64
"""Rows, and columns, of one program of the adapters' kernels."""


@dataclass(frozen=True, slots=True)
class Role:
    """Projections that read one input, as one matrix ``[W, s B]``."""

    linears: tuple[Linear, ...]
    rank: int

    @property
    def inputs(self) -> int:
        """Numbers of an input."""
        return self.linears[0].inputs

    @property
    def outputs(self) -> int:
        """Numbers of the joint output."""
        return sum(one.outputs for one in self.linears)

    @property
    def joint_rank(self) -> int:
        """Of all adapters together."""
        return -(-self.rank * len(self.linears) // ALIGNED) * ALIGNED

    @property
    def width(self) -> int:
        """Columns of the joint matrix."""
        return self.inputs + self.joint_rank


def roles_of(shape: ModelShape, rank: int) -> tuple[Role, Role, Role, Role]:
    """Queries, keys and values; output; gate and up; down."""
    first = 1 if shape.fused else 3
    linears = shape.linears
    groups = linears[:first], linears[first : first + 1], linears[first + 1 : -1], linears[-1:]
    a, b, c, d = (Role(tuple(group), rank) for group in groups)
    return a, b, c, d


def resident(shape: ModelShape, training: Training) -> list[int]:
    """Bytes of the joint matrices and adapters that are kept for all layers, if they are."""
    if training.method == "qlora":
        return []
    sizes = [
        2 * numbers
        for role in roles_of(shape, training.rank)
        for numbers in (role.outputs * role.width, role.joint_rank * role.inputs)
    ] * shape.layers
    return sizes if sum(sizes) <= RESIDENT_BYTES else []


def gradient_parts(rows: int, size: int) -> int:
    """Into how many parts the kernel for A's gradient cuts its sum over ``rows``.

    >>> gradient_parts(8_192, 4_096), gradient_parts(100, 4_096)
    (9, 1)
    """
    return max(1, min(64, -(-2 * PROGRAMS // -(-size // TILE)), -(-rows // (4 * TILE))))


def matrices(shape: ModelShape, training: Training, pack: PackShape) -> list[int]:
    """Bytes of the buffers that frozen matrices are turned back into 16 bit in."""
    if kept := resident(shape, training):
        return kept
    sizes = [2 * role.outputs * role.width for role in roles_of(shape, training.rank)]
    return [max(sizes)] if pack.tokens <= SHORT else sizes


@dataclass(slots=True)
class Kept:
    """What a layer keeps; per role its input and its A in 16 bit."""

    inputs: list[Piece] = field(default_factory=list)
    readings: list[Piece] = field(default_factory=list)
    joint: Piece | None = None
    attention: list[Piece] = field(default_factory=list)
    middle: Piece | None = None
    gates: Piece | None = None

    def pieces(self) -> list[Piece | None]:
        """All of it."""
        rest = [self.joint, *self.attention, self.middle, self.gates]
        return [*self.inputs, *self.readings, *rest]


@dataclass(slots=True)
class FusedLayer:
    """Writes the tape of one layer after the other."""

    tape: Tape
    shape: ModelShape
    training: Training
    pack: PackShape

    @property
    def stream_bytes(self) -> int:
        """A hidden state of the whole pack."""
        return 2 * self.pack.tokens * self.shape.hidden

    def forward(self, kept: Kept, *, whole: bool) -> Piece | None:
        """The layer's output, unless it is a recomputation."""
        tape, rows = self.tape, 2 * self.pack.tokens
        first, output, gates, down = self._roles()
        normed = tape.new(rows * first.width)
        kept.joint = self._project(first, normed, kept)
        mixed = self._attend(kept)
        widened = tape.new(rows * output.width)
        kept.middle = self._project(output, widened, kept)
        kept.attention.append(mixed)
        normed = tape.new(rows * gates.width)
        kept.gates = self._project(gates, normed, kept)
        product = tape.new(rows * down.width)
        self._read(down, product, kept)
        if not whole:
            return None
        return tape.new(self.stream_bytes)

    def backward(self, kept: Kept, grads: list[Piece] | None, *, last: bool) -> Piece | None:
        """The gradient of the layer's input, which none asks for of the ``last`` one."""
        tape = self.tape
        first, output, gates, down = self._roles()
        own: list[Piece] = []
        back = self._unproject(down, kept, own)
        tape.free(back)
        back = self._unproject(gates, kept, own)
        tape.free(kept.gates)
        grad = tape.new(self.stream_bytes)
        tape.free(kept.middle)
        other = self._unproject(output, kept, own)
        tape.free(back)
        joint = self._unattend(other, kept)
        tape.free(other)
        back = self._unproject(first, kept, own)
        result = None if last else tape.new(self.stream_bytes)
        if grads is None:  # they join earlier ones
            tape.free(*own)
        else:
            grads += own
        tape.free(grad, joint, back)
        return result

    def _roles(self) -> tuple[Role, Role, Role, Role]:
        return roles_of(self.shape, self.training.rank)

    def _read(self, role: Role, given: Piece, kept: Kept) -> None:
        if not self._resident:
            kept.readings.append(self.tape.new(2 * role.joint_rank * role.inputs))
        kept.inputs.append(given)

    @property
    def _resident(self) -> bool:
        return bool(resident(self.shape, self.training))

    def _project(self, role: Role, given: Piece, kept: Kept) -> Piece:
        self._read(role, given, kept)
        return self.tape.new(2 * self.pack.tokens * role.outputs)

    @property
    def _gathered(self) -> bool:
        return self.pack.keys != self.pack.tokens

    def _attend(self, kept: Kept) -> Piece:
        tape, shape, pack = self.tape, self.shape, self.pack
        if self._gathered:
            kept.attention += [tape.new(2 * pack.keys * shape.kv_size) for _ in range(2)]
        mixed = tape.new(2 * pack.tokens * shape.query_size)
        kept.attention.append(tape.new(4 * pack.tokens * shape.heads))
        return mixed

    def _unattend(self, grad: Piece, kept: Kept) -> Piece:
        """The gradient of the joint queries, keys and values."""
        tape, shape, pack = self.tape, self.shape, self.pack
        size, keys = 2 * pack.tokens * shape.query_size, 2 * pack.keys * shape.kv_size
        dense = tape.new(size)
        query, key, value = tape.new(size), tape.new(keys), tape.new(keys)
        rows = pack.tokens + _ACCUMULATED * pack.sequences
        head = -(-shape.head_size // 32) * 32
        scratch = [tape.new(4 * rows * shape.heads, "kernels")]
        scratch.append(tape.new(4 * rows * shape.heads * head, "kernels"))
        if shape.kv_size != shape.query_size:  # a copy for every head
            wide = 2 * pack.keys * shape.query_size
            scratch += [tape.new(wide, "kernels") for _ in range(2)]
        tape.free(*scratch, dense, *kept.attention)
        kept.attention = []
        if self._gathered:
            placed = []
            for piece in (value, key):
                placed.append(tape.new(2 * pack.tokens * shape.kv_size))
                tape.free(piece)
            value, key = placed
        tape.free(kept.joint)
        joint = tape.new(2 * pack.tokens * (shape.query_size + 2 * shape.kv_size))
        tape.free(query, key, value)
        return joint

    def _unproject(self, role: Role, kept: Kept, own: list[Piece]) -> Piece:
        tape, rank = self.tape, self.training.rank
        own += [
            tape.new(self.training.adapter_bytes * one.outputs * rank, "gradients")
            for one in role.linears
        ]
        back = tape.new(2 * self.pack.tokens * role.width)
        size = 4 * role.joint_rank * role.inputs
        parts = gradient_parts(self.pack.tokens, role.inputs) if self.training.dropout else 1
        several = tape.new(parts * size, "kernels") if parts > 1 else None
        whole = tape.new(size, "gradients")
        tape.free(several)
        if self.training.adapter_dtype == "bfloat16":
            own.append(tape.new(size // 2, "gradients"))
            tape.free(whole)
        else:
            own.append(whole)
        tape.free(kept.inputs.pop(), kept.readings.pop() if kept.readings else None)
        return back


def fused_micro_batch(
    tape: Tape,
    shape: ModelShape,
    training: Training,
    pack: PackShape,
    grads: list[Piece] | None,
    *,
    buffers: bool,
) -> None:
    """Forward and backward pass; ``buffers`` says whether those of the matrices are made now."""
    layer = FusedLayer(tape, shape, training, pack)
    batch = [tape.new(8 * pack.tokens) for _ in range(3)] + [tape.new(8 * pack.keys)]
    if training.host_embedding and not shape.tied:  # at most so many rows, and where each is read
        rows = min(pack.tokens, shape.vocabulary)
        batch += [tape.new(8 * pack.tokens), tape.new(2 * rows * shape.hidden)]
    stream = tape.new(layer.stream_bytes)
    angles = [tape.new(4 * pack.tokens * shape.head_size) for _ in range(2)]
    if buffers:
        for size in matrices(shape, training, pack):
            tape.new(size, "dequantised")
    inputs, saved = [], []
    for number in range(shape.layers):
        kept = Kept()
        output = layer.forward(kept, whole=True)
        assert output is not None
        inputs.append(stream)
        stream = output
        if number < training.checkpointed:
            tape.free(*kept.pieces())
        saved.append(kept)
    grad: Piece | None = _loss(tape, shape, pack, layer, stream)
    for number in reversed(range(shape.layers)):
        kept = saved[number]
        if number < training.checkpointed:
            kept = Kept()
            layer.forward(kept, whole=False)
        back = layer.backward(kept, grads, last=number == 0)
        tape.free(grad, inputs[number])
        grad = back
    tape.free(*angles, *batch)


def _loss(
    tape: Tape, shape: ModelShape, pack: PackShape, layer: FusedLayer, stream: Piece
) -> Piece:
    """From the last layer's output to its gradient; logits of some rows at a time."""
    few = 2 * pack.supervised * shape.hidden
    chosen, normed, back = tape.new(few), tape.new(few), tape.new(few)
    rows = min(pack.supervised, max(64, CHUNK_BYTES // (2 * shape.vocabulary)))
    tape.free(tape.new(2 * rows * shape.vocabulary, "logits"), stream)
    scaled = tape.new(few)
    tape.free(back, normed)
    grad = tape.new(few)
    tape.free(scaled, chosen)
    whole = tape.new(layer.stream_bytes)
    tape.free(grad)
    return whole
