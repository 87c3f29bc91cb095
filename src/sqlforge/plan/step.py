"""Whole training steps on the tape, from loading to the optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlforge.plan.fused import fused_micro_batch
from sqlforge.plan.layer import Layer, Saved
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.tape import Piece, Tape
from sqlforge.plan.training import PackShape, Training
from sqlforge.plan.weights import STATE_BLOCK, load

_QUANTISED_STATE_FROM = 4_096  # numbers; smaller parameters keep fp32 states
_PAGED_FROM = 100_000  # numbers; smaller states stay on the card


@dataclass(slots=True)
class Steps:
    """Writes the tape of a run's first steps; :meth:`build` first, then :meth:`step`.

    ``workspace`` is what cuBLAS takes in each of two threads.
    """

    shape: ModelShape
    training: Training
    workspace: int = 0
    tape: Tape = field(default_factory=Tape)
    _states: bool = False
    _working: bool = False
    _buffers: bool = False

    def build(self) -> None:
        """Load the base model and add adapters; peaks count from here on."""
        table = load(self.tape, self.shape, quantised=self.training.method == "qlora")
        for _ in range(self.shape.layers):
            for size in self._adapter_sizes():
                self.tape.new(size * self.training.adapter_bytes, "adapters")
        if self.training.host_embedding and not self.shape.tied:
            self.tape.free(table)
        self.tape.empty_cache()

    def step(self, packs: Sequence[PackShape]) -> None:
        """One optimizer step over a window of micro-batches."""
        held: list[Piece] = []
        for number, pack in enumerate(packs):
            grads: list[Piece] = []
            self.micro_batch(pack, grads if number == 0 else None)
            held += grads
        self._update()
        self.tape.free(*held)

    def micro_batch(self, pack: PackShape, grads: list[Piece] | None = None) -> None:
        """Forward and backward pass; ``grads`` takes gradients, else they join earlier ones."""
        tape, shape = self.tape, self.shape
        if self.training.fused:
            self._workspaces()
            made, self._buffers = self._buffers, True
            fused_micro_batch(tape, shape, self.training, pack, grads, buffers=not made)
            return
        layer = Layer(tape, shape, self.training, pack)
        batch = [tape.new(8 * pack.tokens) for _ in range(3)] + [tape.new(8 * pack.keys)]
        angles = [tape.new(2 * pack.tokens * shape.head_size) for _ in range(2)]
        stream = tape.new(layer.stream_bytes)
        inputs: list[Piece] = []
        saved: list[Saved | None] = []
        casts: list[Piece] = []
        self._workspaces()
        for number in range(shape.layers):
            kept = Saved()
            # The first layers are recomputed: by then the others have let go of what they kept.
            again = number < self.training.checkpointed
            inputs.append(stream)
            output = layer.forward(stream, kept, casts=casts if again else None)
            assert output is not None
            if not again:  # nothing of a layer's backward pass reads its 16-bit input
                tape.free(stream)
            saved.append(None if again else kept)
            stream = output
        grad = self._loss(layer, stream, pack, casts)
        for number in reversed(range(shape.layers)):
            found = saved[number]
            if found is None:
                found = Saved()
                layer.forward(inputs[number], found, casts=None, stop=True)
            grad = layer.backward(grad, found, grads)
            if number < self.training.checkpointed:
                tape.free(inputs[number])
        tape.free(grad, *angles, *batch)

    def _workspaces(self) -> None:
        """cuBLAS takes one in the thread of the forward pass and one in that of the backward."""
        if self.workspace and not self._working:
            self._working = True
            for _ in range(2):
                self.tape.new(self.workspace, "kernels")

    def _loss(self, layer: Layer, stream: Piece, pack: PackShape, casts: list[Piece]) -> Piece:
        """From the last layer's output to the gradient of it; logits at supervised positions."""
        tape, shape = self.tape, self.shape
        autocast = self.training.adapter_dtype == "float32"
        logits, few = pack.supervised * shape.vocabulary, 2 * pack.supervised * shape.hidden
        normed, wide = layer.norm(False)
        tape.free(stream)
        chosen = tape.new(few)
        narrow = tape.new(2 * logits, "logits")
        tape.free(normed, chosen, *casts)
        full = tape.new(4 * logits, "logits")
        if autocast:
            tape.free(narrow)
        probabilities = tape.new(4 * logits, "logits")
        tape.free(full, None if autocast else narrow)
        picked = tape.new(4 * logits, "logits")
        back = tape.new(4 * logits, "logits")
        tape.free(picked, probabilities)
        placed = tape.new(4 * logits if autocast else 2 * logits, "logits")
        tape.free(back)
        grad = tape.new(2 * logits, "logits")
        tape.free(placed)
        chosen = tape.new(few)
        tape.free(grad)
        spread = tape.new(layer.stream_bytes)
        tape.free(chosen)
        assert wide is not None
        return layer.norm_backward(spread, wide)

    def _adapter_sizes(self) -> list[int]:
        rank = self.training.rank
        return [size * rank for one in self.shape.linears for size in (one.inputs, one.outputs)]

    def _update(self) -> None:
        """The optimizer's states come with its first step and stay."""
        if self._states:
            return
        self._states = True
        for _ in range(self.shape.layers):
            for size in self._adapter_sizes():
                self._state(size)

    def _state(self, size: int) -> None:
        tape, kind = self.tape, self.training.optimizer
        if kind == "adamw":
            tape.new(4, "optimizer")
            for _ in range(2):
                tape.new(size * self.training.adapter_bytes, "optimizer")
            return
        quantised = kind.endswith("8bit") and size >= _QUANTISED_STATE_FROM
        each = size if quantised else 4 * size
        if not kind.startswith("paged") or size < _PAGED_FROM:
            tape.new(each, "optimizer")
            tape.new(each, "optimizer")
        if quantised:
            for _ in range(2):
                tape.new(4 * -(-size // STATE_BLOCK), "optimizer")
