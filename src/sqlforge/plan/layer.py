"""One decoder layer on the tape: forward, recomputed, backward.

The order of allocations is that of transformers' Llama family on CUDA under our packed step: norms
in fp32, rotary embeddings, PyTorch's variable-length attention over gathered keys, SwiGLU.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlforge.plan.model_shape import Linear, ModelShape
from sqlforge.plan.projection import Kept, Projection
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import PackShape, Training

_ACCUMULATED = 128  # rows that the attention's backward pass pads each sequence's sums to


@dataclass(slots=True)
class Saved:
    """What a layer keeps for its backward pass, besides its input."""

    first_norm: Piece | None = None
    second_norm: Piece | None = None
    attention: list[Piece] = field(default_factory=list)
    mixed: Piece | None = None
    gate: Piece | None = None
    activated: Piece | None = None
    up: Piece | None = None
    projections: list[Kept] = field(default_factory=list)


@dataclass(slots=True)
class Layer:
    """Writes the tape of one layer after the other.

    ``in_place`` is how autograd adds gradients on CUDA; traces on other devices differ there.
    """

    tape: Tape
    shape: ModelShape
    training: Training
    pack: PackShape
    in_place: bool = True
    _project: Projection = field(init=False)

    def __post_init__(self) -> None:
        self._project = Projection(self.tape, self.training, self.pack.tokens, self.in_place)

    @property
    def stream_bytes(self) -> int:
        """A hidden state of the whole pack."""
        return 2 * self.pack.tokens * self.shape.hidden

    def forward(
        self, given: Piece, saved: Saved, *, casts: list[Piece] | None, stop: bool = False
    ) -> Piece | None:
        """The layer's output; ``given``, its input, stays with the caller.

        Args:
            given: the input.
            saved: takes what is kept, unless ``casts`` is given.
            casts: given where nothing is kept, see :meth:`Projection.forward`.
            stop: a recomputation, which ends when all that is kept is there; then no output.
        """
        tape, forget = self.tape, casts is not None
        *_, output, down = self._roles()
        normed, saved.first_norm = self.norm(forget)
        query, key, value = self._queries(normed, saved, casts)
        mixed = self._attend(query, key, value, saved, forget)
        out = self._run(output, saved, casts)
        if forget:
            tape.free(mixed, query)
        saved.mixed = mixed
        tape.free(key, value)
        shared = self._shares_input and not forget
        # The projection whose backward pass comes last lets go of what several were given.
        if shared:
            saved.projections[0].given = normed
        else:
            tape.free(normed)
        middle = tape.new(self.stream_bytes)
        tape.free(out)
        normed, saved.second_norm = self.norm(forget)
        product = self._gate(normed, saved, casts)
        end = self._run(down, saved, casts, stop=stop)
        if shared:
            saved.projections[-1].given = product
            saved.projections[-1 - len(self._gates())].given = normed
        else:
            tape.free(product, normed)
        if end is None:
            tape.free(middle)
            return None
        result = tape.new(self.stream_bytes)
        tape.free(end, middle)
        return result

    def backward(self, grad: Piece, saved: Saved, grads: list[Piece] | None) -> Piece:
        """The gradient of the layer's input, out of that of its output."""
        tape, wide = self.tape, 2 * self.pack.tokens * self.shape.intermediate
        *first, output, down = self._roles()
        kept = saved.projections
        back = self._project.backward(down, kept[-1], grads)
        to_gate = tape.new(wide)
        to_up = tape.new(wide)
        tape.free(saved.activated, saved.up if saved.up != saved.gate else None, back)
        second = self._ungate(to_gate, to_up, saved, grads)
        assert saved.second_norm is not None and saved.first_norm is not None
        grad = self._project.added(
            grad, self.norm_backward(second, saved.second_norm), self.stream_bytes
        )
        mixed = self._project.backward(output, kept[len(first)], grads)
        parts = self._unattend(mixed, saved)
        back = self._unqueries(parts, saved, grads)
        return self._project.added(
            grad, self.norm_backward(back, saved.first_norm), self.stream_bytes
        )

    def norm(self, forget: bool) -> tuple[Piece, Piece | None]:
        """A norm's output and its fp32 input, which is kept."""
        tape, size = self.tape, self.stream_bytes
        wide = tape.new(2 * size)
        tape.free(tape.new(2 * size))
        scaled = tape.new(2 * size)
        if forget:
            tape.free(wide)
        narrow = tape.new(size)
        output = tape.new(size)
        tape.free(narrow, scaled)
        return output, None if forget else wide

    def norm_backward(self, grad: Piece, wide: Piece) -> Piece:
        """The gradient of a norm's input; frees ``grad`` and the fp32 input."""
        tape, size = self.tape, self.stream_bytes
        weighted = tape.new(size)
        tape.free(grad)
        cast = tape.new(2 * size)
        tape.free(weighted)
        by_input = tape.new(2 * size)
        by_scale = tape.new(2 * size)
        tape.free(by_input, cast)
        pieces = [tape.new(2 * size) for _ in range(4)]  # of the mean and the square
        tape.free(pieces[2], pieces[1], wide, pieces[0])
        total = self._project.added(by_scale, pieces[3], 2 * size)
        narrow = tape.new(size)
        tape.free(total)
        return narrow

    @property
    def _shares_input(self) -> bool:
        """Without dropout projections keep what they are given instead of copies of it."""
        return not self.training.dropout and not (
            self.training.method == "lora" and self.training.adapter_dtype == "float32"
        )

    def _roles(self) -> tuple[Linear, ...]:
        """Projections of queries, keys and values; output; down. Gate and up lie between."""
        linears = self.shape.linears
        return (*linears[: 1 if self.shape.fused else 3], linears[1 if self.shape.fused else 3], linears[-1])

    def _gates(self) -> tuple[Linear, ...]:
        return self.shape.linears[-2:-1] if self.shape.fused else self.shape.linears[-3:-1]

    def _run(
        self, one: Linear, saved: Saved, casts: list[Piece] | None, *, stop: bool = False
    ) -> Piece | None:
        done = self._project.forward(one, casts=casts, stop=stop)
        if casts is None:
            saved.projections.append(done.kept)
        return done.output

    def _queries(
        self, normed: Piece, saved: Saved, casts: list[Piece] | None
    ) -> tuple[Piece, Piece, Piece | None]:
        """Rotated queries and keys, and values (``None``: with the fused output, freed here)."""
        tape, rows = self.tape, self.pack.tokens
        outputs = [self._run(one, saved, casts) for one in self._roles()[:-2]]
        query = self._rotate(2 * rows * self.shape.query_size)
        key = self._rotate(2 * rows * self.shape.kv_size)
        if self.shape.fused:
            return query, key, outputs[0]
        tape.free(outputs[0], outputs[1])
        return query, key, outputs[2]

    def _rotate(self, size: int) -> Piece:
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

    def _attend(
        self, query: Piece, key: Piece, value: Piece | None, saved: Saved, forget: bool
    ) -> Piece:
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
            saved.attention = [query, *pieces, sums]
        return mixed

    def _gate(self, normed: Piece, saved: Saved, casts: list[Piece] | None) -> Piece:
        tape, wide, forget = self.tape, 2 * self.pack.tokens * self.shape.intermediate, casts is not None
        gates = self._gates()
        gate = self._run(gates[0], saved, casts)
        activated = tape.new(wide)
        if len(gates) == 1:
            up = gate
        else:
            if forget:
                tape.free(gate)
            up = self._run(gates[1], saved, casts)
        product = tape.new(wide)
        if forget:
            tape.free(activated, up)
        else:
            saved.gate, saved.activated, saved.up = gate, activated, up
        return product

    def _ungate(
        self, to_gate: Piece, to_up: Piece, saved: Saved, grads: list[Piece] | None
    ) -> Piece:
        """The gradient of the second norm's output."""
        tape, wide = self.tape, 2 * self.pack.tokens * self.shape.intermediate
        gates, kept = self._gates(), saved.projections[-1 - len(self._gates()) : -1]
        if len(gates) == 1:
            to_activation = tape.new(wide)
            tape.free(to_gate, saved.gate)
            whole = tape.new(2 * wide)
            tape.free(to_activation, to_up)
            back = self._project.backward(gates[0], kept[0], grads)
            tape.free(whole)
            return back
        back = self._project.backward(gates[1], kept[1], grads)
        tape.free(to_up)
        to_activation = tape.new(wide)
        tape.free(saved.gate, to_gate)
        other = self._project.backward(gates[0], kept[0], grads)
        tape.free(to_activation)
        return self._project.added(back, other, self.stream_bytes)

    def _unattend(self, mixed: Piece, saved: Saved) -> tuple[Piece, Piece, Piece]:
        """Gradients of queries, keys and values before rotation; frees what attention kept."""
        tape, shape, pack = self.tape, self.shape, self.pack
        each = 2 * pack.keys * shape.query_size
        query, key, value = tape.new(2 * pack.tokens * shape.query_size), tape.new(each), tape.new(each)
        rows = pack.tokens + _ACCUMULATED * pack.sequences
        head = -(-shape.head_size // 32) * 32
        delta = tape.new(4 * rows * shape.heads, "kernels")
        sums = tape.new(4 * rows * shape.heads * head, "kernels")
        tape.free(sums, delta, *saved.attention, saved.mixed, mixed)
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
        turned = self._project.added(one, other, size)
        by_cos = tape.new(size)
        tape.free(grad)
        return self._project.added(turned, by_cos, size)

    def _unqueries(
        self, parts: tuple[Piece, Piece, Piece], saved: Saved, grads: list[Piece] | None
    ) -> Piece:
        """The gradient of the first norm's output."""
        tape, shape, rows = self.tape, self.shape, self.pack.tokens
        linears = self._roles()[:-2]
        if len(linears) == 1:
            size = 2 * rows * linears[0].outputs
            whole: Piece | None = None
            for part in reversed(parts):  # each is put into zeros of the whole output's size
                padded = tape.new(size)
                tape.free(part)
                whole = padded if whole is None else self._project.added(whole, padded, size)
            only = self._project.backward(linears[0], saved.projections[0], grads)
            tape.free(whole)
            return only
        back: Piece | None = None
        for place in (2, 1, 0):
            copy = tape.new(2 * rows * linears[place].outputs)
            tape.free(parts[place])
            found = self._project.backward(linears[place], saved.projections[place], grads)
            tape.free(copy)
            back = found if back is None else self._project.added(back, found, self.stream_bytes)
        assert back is not None
        return back
