"""A real training step, traced: every tensor that PyTorch makes and when it goes.

Tensors are fake: they have shapes, types and lifetimes but no memory, so that models of any width
can be traced here, with bitsandbytes' NF4 layers, peft's adapters and the variable-length attention
that otherwise runs on CUDA only. Where a CPU would take another way than a card it is led onto the
card's: autocast counts as on, dropout is the fused one.
"""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from bitsandbytes import functional
from bitsandbytes.nn import Linear4bit
from peft.tuners.lora.layer import LoraLayer
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from transformers import AutoConfig, AutoModelForCausalLM

from sqlforge.model.adapt import add_lora
from sqlforge.model.batches import _as_sequences
from sqlforge.model.catalog import CATALOG, FUSED_PROJECTIONS, SEVEN_PROJECTIONS
from sqlforge.model.fused import ops
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.load import Source
from sqlforge.model.pack import IGNORED, Pack, pack_shape
from sqlforge.model.varlen import VARLEN
from sqlforge.plan.model_shape import shape_from
from sqlforge.plan.step import Steps
from sqlforge.plan.tape import Tape
from sqlforge.plan.training import Training


class Recorder(TorchDispatchMode):
    """Notes storages from when an operation returns them until nobody holds them."""

    def __init__(self, known: list[torch.Tensor]) -> None:
        super().__init__()
        self.tape = Tape()
        self._seen: dict[int, Any] = {self._key(tensor): None for tensor in known}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_iter(result):
            if isinstance(value, torch.Tensor):
                self._see(value)
        return result

    def _see(self, tensor: torch.Tensor) -> None:
        key, storage = self._key(tensor), tensor.untyped_storage()
        if key in self._seen:
            return
        piece = self.tape.new(storage.nbytes())

        def gone(_: Any) -> None:
            self.tape.free(piece)
            self._seen.pop(key, None)

        self._seen[key] = weakref.ref(storage, gone)

    @staticmethod
    def _key(tensor: torch.Tensor) -> int:
        return tensor.untyped_storage()._cdata


def led_onto_the_cards_way(patch: pytest.MonkeyPatch) -> None:
    """What a CPU does otherwise than a card, and what fake tensors cannot do."""

    def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        return torch.native_dropout(x, p, training)[0] if p else x

    asked = torch.is_autocast_enabled
    # peft asks without a device, and means CUDA.
    patch.setattr(torch, "is_autocast_enabled", lambda *device: asked(*device) if device else True)
    patch.setattr(torch.nn.functional, "dropout", dropout)
    # Fake tensors cannot be moved between devices; they are where they belong already.
    patch.setattr(torch.nn.Module, "to", lambda self, *_, **__: self)
    patch.setattr(LoraLayer, "_move_adapter_to_device_of_base_layer", lambda *_, **__: None)


class NoKernels:
    """What the kernels allocate, and nothing else of them."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    def grad(self, given: torch.Tensor, x: torch.Tensor, *_: Any) -> torch.Tensor:
        return x.new_empty(given.shape[1], x.shape[1], dtype=torch.float32)

    def cross_entropy(self, logits: torch.Tensor, _: Any) -> torch.Tensor:
        return logits.new_empty(len(logits), dtype=torch.float32)


def without_kernels(patch: pytest.MonkeyPatch) -> None:
    """Only the shapes of what they compute count."""

    patch.setattr(ops, "_kernels", lambda *_: NoKernels())
    patch.setattr(ops, "_made", lambda name, run, *given: run(*given))
    patch.setattr(torch, "randint", lambda *_: 5)  # a fake one has no value
    patch.setattr(ops, "product", lambda a, b, kind: a.new_empty(len(a), b.shape[1], dtype=kind))


def traced(config: dict[str, Any], training: Training, pack: Pack) -> Tape:
    """One step beside weights, adapters and what kernels take inside."""
    # Values that bitsandbytes works out once must not be fake.
    functional.quantize_4bit(torch.ones(64, 64), compress_statistics=True, quant_type="nf4")
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        model = _model(config, training)
        batch = _as_sequences([pack])
        rows = {key: fake.from_tensor(batch[key]) for key in ("input_ids", "position_ids")}
        sequences = {
            key: fake.from_tensor(value) if isinstance(value, torch.Tensor) else value
            for key, value in batch["sequences"].items()
        }
        positions = [place for place, label in enumerate(pack.labels) if label != IGNORED]
        chosen = fake.from_tensor(torch.tensor(positions))
        labels = fake.from_tensor(batch["labels"])[0]
        mask = fake.from_tensor(batch["attention_mask"])
        autocast = training.adapter_dtype == "float32"
        if training.fused:
            given = {**rows, "labels": labels[None], "attention_mask": mask, "sequences": sequences}
            step = FusedStep(model, training.checkpointed)
            with Recorder([*model.parameters(), *model.buffers()]) as recorder:
                step.summed(step.hidden(given), chosen, labels[chosen]).backward()
            return recorder.tape
        with Recorder([*model.parameters(), *model.buffers()]) as recorder:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                output = model(
                    **rows,
                    attention_mask=mask,
                    logits_to_keep=chosen,
                    use_cache=False,
                    pack_layout=None,
                    sequences=sequences,
                )
            if autocast:  # as accelerate does
                output.logits = output.logits.float()
            loss = _loss(output, labels[chosen])
            output = None
            loss.backward()
        return recorder.tape


def planned(config: dict[str, Any], training: Training, pack: Pack) -> Tape:
    """The same as the planner has it."""
    steps = Steps(shape_from(config, name="x", place="x"), training)
    steps.tape.in_place = False  # as autograd does under a dispatch mode
    steps.micro_batch(pack_shape(pack), [])
    tape = Tape()
    pieces: dict[int, int] = {}
    for piece, size in steps.tape.events:
        if steps.tape.purposes[piece] == "kernels":
            continue
        if size >= 0:
            pieces[piece] = tape.new(size)
        else:
            tape.free(pieces[piece])
    return tape


def even_pack(tokens: int, sequences: int) -> Pack:
    """A pack of examples of one length, a fifth of each supervised."""
    pack = Pack(examples=sequences)
    each = tokens // sequences
    for number in range(sequences):
        for place in range(each):
            pack.input_ids.append(5)
            pack.positions.append(place)
            pack.labels.append(7 if place >= each * 4 // 5 else IGNORED)
            pack.groups.append(number)
            pack.branches.append(1)
    return pack


def _loss(output: Any, labels: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(output.logits[0].float(), labels, reduction="sum")


def _model(config: dict[str, Any], training: Training) -> Any:
    rest = {key: config[key] for key in config if key not in ("architectures", "model_type")}
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    model: Any = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(config["model_type"], **{**rest, **special}),
        dtype=torch.bfloat16,
        attn_implementation="sdpa",
    )
    if training.method == "qlora":
        _quantise(model)
    fused = config["model_type"] == "phi3"
    base = CATALOG["phi-3.5-mini" if fused else "mistral-7b-v0.3"]
    assert base.lora_targets == (FUSED_PROJECTIONS if fused else SEVEN_PROJECTIONS)
    adapted: Any = add_lora(
        model,
        Source("x", "x", base),
        rank=training.rank,
        alpha=16,
        dropout=training.dropout,
        dtype=training.adapter_dtype,
        seed=1,
    )
    adapted.train()
    if training.checkpointed:
        adapted.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        for layer in model.model.layers[training.checkpointed :]:
            layer.gradient_checkpointing = False
    model.set_attn_implementation(VARLEN)
    return adapted


def _quantise(model: Any) -> None:
    for name, linear in list(model.named_modules()):
        if not isinstance(linear, torch.nn.Linear) or name == "lm_head":
            continue
        with unset_fake_temporarily():
            made: Any = Linear4bit(
                linear.in_features,
                linear.out_features,
                bias=False,
                compute_dtype=torch.bfloat16,
                quant_type="nf4",
                device="meta",
            )
        packed, state = functional.quantize_4bit(
            linear.weight.data, compress_statistics=True, quant_type="nf4"
        )
        del made.weight
        # A plain parameter with what Params4bit has: a fake tensor is of one class only.
        made.weight = torch.nn.Parameter(packed, requires_grad=False)
        made.weight.quant_state = made.quant_state = state
        made.weight.compress_statistics, made.weight.quant_type = True, "nf4"
        setattr(model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], made)
    model.is_loaded_in_4bit = True
