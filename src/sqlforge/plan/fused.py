"""The fused step on the tape: what ``sqlforge.model.fused`` allocates, in its order."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlforge.plan.model_shape import Linear, ModelShape
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import PackShape, Training

_SHORT = 1_024  # tokens; up to here the matrices of all roles lie in one place
_ALIGNED = 8  # numbers that adapters' joint rank is filled up to
_ACCUMULATED = 128  # rows that the attention's backward pass pads each sequence's sums to
_PARTS = 264  # programs that the kernel for A's gradient starts at least
_TILE = 64  # columns of one program
_CHUNK = 2**27  # bytes of one piece of the logits


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
        return -(-self.rank * len(self.linears) // _ALIGNED) * _ALIGNED

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


def matrices(shape: ModelShape, training: Training, pack: PackShape) -> list[int]:
    """Bytes of the buffers that frozen matrices are turned back into 16 bit in."""
    sizes = [2 * role.outputs * role.width for role in roles_of(shape, training.rank)]
    return [max(sizes)] if pack.tokens <= _SHORT else sizes


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
        self._fill(down)
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
        self._settle(own, grads)
        tape.free(grad, joint, back)
        return result

    def fill_down(self) -> None:
        """The last matrix, which a recomputation leaves out."""
        if self.pack.tokens > _SHORT:
            self._fill(self._roles()[3])

    def _roles(self) -> tuple[Role, Role, Role, Role]:
        return roles_of(self.shape, self.training.rank)

    def _read(self, role: Role, given: Piece, kept: Kept) -> None:
        tape = self.tape
        size = 2 * role.inputs * self.training.rank
        casts = [tape.new(size) for _ in role.linears] if self._casts else []
        kept.readings.append(tape.new(2 * role.joint_rank * role.inputs))
        tape.free(*casts)
        kept.inputs.append(given)

    @property
    def _casts(self) -> bool:
        return self.training.adapter_dtype == "float32"

    def _fill(self, role: Role) -> None:
        for one in role.linears:  # s B, before it is copied
            size = self.training.adapter_bytes * one.outputs * self.training.rank
            self.tape.free(self.tape.new(size))

    def _project(self, role: Role, given: Piece, kept: Kept) -> Piece:
        self._read(role, given, kept)
        self._fill(role)
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
        if self.pack.tokens <= _SHORT:
            self._fill(role)
        own += [tape.new(4 * one.outputs * rank, "gradients") for one in role.linears]
        back = tape.new(2 * self.pack.tokens * role.width)
        size = 4 * role.joint_rank * role.inputs
        parts = self._parts(role) if self.training.dropout else 1
        if parts > 1:
            several = tape.new(parts * size, "kernels")
            own.append(tape.new(size, "gradients"))
            tape.free(several)
        else:
            own.append(tape.new(size, "gradients"))
        tape.free(kept.inputs.pop(), kept.readings.pop())
        return back

    def _parts(self, role: Role) -> int:
        tiles = -(-role.inputs // _TILE)
        return max(1, min(16, -(-_PARTS // tiles), -(-self.pack.tokens // (4 * _TILE))))

    def _settle(self, own: list[Piece], grads: list[Piece] | None) -> None:
        """Gradients as the adapters', in 16 bit where these are; joined to earlier ones if any."""
        tape = self.tape
        if not self._casts:
            narrow = [
                tape.new(2 * self.training.rank * size, "gradients")
                for one in self.shape.linears
                for size in (one.inputs, one.outputs)
            ]
            tape.free(*own)
            own = narrow
        if grads is None:
            tape.free(*own)
        else:
            grads += own


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
            layer.fill_down()
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
    rows = min(pack.supervised, max(64, _CHUNK // (2 * shape.vocabulary)))
    tape.free(tape.new(2 * rows * shape.vocabulary, "logits"), stream)
    scaled = tape.new(few)
    tape.free(back, normed)
    grad = tape.new(few)
    tape.free(scaled, chosen)
    whole = tape.new(layer.stream_bytes)
    tape.free(grad)
    return whole
