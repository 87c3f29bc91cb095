"""One decoder layer on the tape: forward, recomputed, backward.

The order of allocations is that of transformers' Llama family on CUDA under our packed step: norms
in fp32, rotary embeddings, PyTorch's variable-length attention over gathered keys, SwiGLU.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlforge.plan.attention import Attention
from sqlforge.plan.model_shape import Linear, ModelShape
from sqlforge.plan.projection import Kept, Projection
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import PackShape, Training


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
    """Writes the tape of one layer after the other."""

    tape: Tape
    shape: ModelShape
    training: Training
    pack: PackShape
    _project: Projection = field(init=False)
    _attention: Attention = field(init=False)

    def __post_init__(self) -> None:
        self._project = Projection(self.tape, self.training, self.pack.tokens)
        self._attention = Attention(self.tape, self.shape, self.pack)

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
        mixed = self._attention.forward(query, saved.attention, forget=forget)
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
        grad = self.tape.added(
            grad, self.norm_backward(second, saved.second_norm), self.stream_bytes
        )
        mixed = self._project.backward(output, kept[len(first)], grads)
        parts = self._attention.backward(mixed, saved.mixed, saved.attention)
        back = self._unqueries(parts, saved, grads)
        return self.tape.added(grad, self.norm_backward(back, saved.first_norm), self.stream_bytes)

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
        total = self.tape.added(by_scale, pieces[3], 2 * size)
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
        return (
            *linears[: 1 if self.shape.fused else 3],
            linears[1 if self.shape.fused else 3],
            linears[-1],
        )

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
        query = self._attention.rotated(2 * rows * self.shape.query_size)
        key = self._attention.rotated(2 * rows * self.shape.kv_size)
        if self.shape.fused:
            return query, key, outputs[0]
        tape.free(outputs[0], outputs[1])
        return query, key, outputs[2]

    def _gate(self, normed: Piece, saved: Saved, casts: list[Piece] | None) -> Piece:
        tape, wide, forget = (
            self.tape,
            2 * self.pack.tokens * self.shape.intermediate,
            casts is not None,
        )
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
        return self.tape.added(back, other, self.stream_bytes)

    def _unqueries(
        self, parts: tuple[Piece, Piece, Piece], saved: Saved, grads: list[Piece] | None
    ) -> Piece:
        """The gradient of the first norm's output."""
        tape, rows = self.tape, self.pack.tokens
        linears = self._roles()[:-2]
        if len(linears) == 1:
            size = 2 * rows * linears[0].outputs
            whole: Piece | None = None
            for part in reversed(parts):  # each is put into zeros of the whole output's size
                padded = tape.new(size)
                tape.free(part)
                whole = padded if whole is None else self.tape.added(whole, padded, size)
            only = self._project.backward(linears[0], saved.projections[0], grads)
            tape.free(whole)
            return only
        back: Piece | None = None
        for place in (2, 1, 0):
            copy = tape.new(2 * rows * linears[place].outputs)
            tape.free(parts[place])
            found = self._project.backward(linears[place], saved.projections[place], grads)
            tape.free(copy)
            back = found if back is None else self.tape.added(back, found, self.stream_bytes)
        assert back is not None
        return back
