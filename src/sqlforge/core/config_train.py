"""The model of a recipe, how it is trained and how what came out is compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sqlforge.core.config_data import PromptStyle
from sqlforge.core.config_part import Fraction, Part, Share
from sqlforge.core.decoding import Constrain, Decoding
from sqlforge.core.errors import UserError


class ModelPart(Part):
    """The base model: a catalog name, a local folder or a hub id, and how it is held in memory.

    ``memory_gib`` holds training on a card to so many GiB, so that a recipe for a small card can be
    tried on a large one; training that will not fit is refused before the weights load.
    """

    name: str
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    memory_gib: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _memory_is_a_cards(self) -> ModelPart:
        if self.memory_gib is not None and self.device == "cpu":
            raise ValueError("'memory_gib' is for a card: take it out, or set device to cuda")
        return self


class PromptLossPart(Part):
    """Learning the prompt (instruction, schema, question) too, in the first ``share`` of all steps.

    A token of a prompt counts ``weight`` of one of an answer; a schema that several questions
    share counts once.
    """

    share: Annotated[float, Field(gt=0, le=1)] = 0.2
    weight: Annotated[float, Field(gt=0, le=1)] = 0.3


class CurriculumPart(Part):
    """In the first ``epochs`` examples come from easy to hard; a share ``mixed`` comes anywhere.

    Easy is what the official ``hardness`` of the SQL calls so, what has a short answer
    (``length``), or few ``tables`` after FROM and JOIN; among equals the shorter answer is easier.
    """

    by: Literal["hardness", "length", "tables"] = "hardness"
    epochs: Annotated[int, Field(ge=1)] = 1
    mixed: Share = 0.2


class AveragePart(Part):
    """What is kept in the end is a mean of the weights on the way there.

    ``last`` is the plain mean of so many, ``checkpoint_steps`` apart and the final ones among
    them; ``ema`` an exponential mean over all steps that keeps so much of itself at each.
    """

    last: Annotated[int, Field(ge=2)] | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> AveragePart:
        if (self.last is None) == (self.ema is None):
            raise ValueError("give either 'last' or 'ema'")
        return self


class TrainPart(Part):
    """How the model is trained; the defaults are the reference recipe's.

    ``pack_tokens`` is the size of one micro-batch and ``accumulation`` the number of micro-batches
    in one optimizer step. ``questions_per_schema`` questions share one copy of their schema.
    ``gradient_checkpointing`` recomputes all layers, none, or the first so many. ``adamw-8bit``
    keeps the optimizer's states in 8 bits, ``adamw-32bit`` in 32 whatever the adapters are;
    ``paged-adamw`` (32) and ``paged-adamw-8bit`` let them go to the computer's memory as well. All
    four are for CUDA.
    ``step`` is by our fused kernels (``fused``), by transformers' own layers (``plain``), or by the
    former on a card where they apply to adapters (``auto``; under ``full`` they are to be asked
    for); ``compiled`` has PyTorch's compiler work on the latter's layers. ``embedding: host`` keeps
    the table of embeddings in the computer's memory, and ``graphs`` records the step as a CUDA
    graph (not measured yet), both for the fused step of adapters. Where several processes train,
    each card holds the whole base (``ddp``) or a piece of every frozen layer (``fsdp``).

    After the warm-up the learning rate falls by a ``cosine`` or a line (``linear``), or stays and
    falls by a line over the last ``decay_share`` of the steps (``constant-linear``); all end at 0.
    ``full`` holds fp32 weights and states and computes in ``model.dtype``; its embeddings may learn
    at ``embedding_learning_rate``. Every ``validate_steps`` steps, and at the end, the loss on
    ``validation_rows`` validation examples is logged. ``prompt_loss``, ``curriculum`` and
    ``average``: see their parts.
    """

    method: Literal["qlora", "lora", "full"] = "qlora"
    rank: Annotated[int, Field(ge=1)] = 64
    alpha: Annotated[float, Field(gt=0)] = 16.0
    dropout: Fraction = 0.05
    adapter_dtype: Literal["bfloat16", "float32"] = "float32"
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    embedding_learning_rate: Annotated[float, Field(gt=0)] | None = None
    schedule: Literal["cosine", "linear", "constant-linear"] = "cosine"
    warmup_share: Fraction = 0.03
    decay_share: Fraction = 0.2
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    epochs: Annotated[int, Field(ge=1)] = 1
    max_steps: Annotated[int, Field(ge=1)] | None = None
    pack_tokens: Annotated[int, Field(ge=64)] = 2048
    accumulation: Annotated[int, Field(ge=1)] = 1
    questions_per_schema: Annotated[int, Field(ge=1)] = 8
    optimizer: Literal["adamw", "adamw-8bit", "adamw-32bit", "paged-adamw", "paged-adamw-8bit"] = (
        "adamw"
    )
    gradient_checkpointing: bool | Annotated[int, Field(ge=1)] = True
    checkpoint_steps: Annotated[int, Field(ge=1)] = 50
    step: Literal["auto", "fused", "plain", "compiled"] = "auto"
    embedding: Literal["card", "host"] = "card"
    graphs: bool = False
    distributed: Literal["ddp", "fsdp"] = "ddp"
    prompt_loss: PromptLossPart | None = None
    curriculum: CurriculumPart | None = None
    average: AveragePart | None = None
    validate_steps: Annotated[int, Field(ge=1)] | None = None
    validation_rows: Annotated[int, Field(ge=1)] = 256
    trackers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _keys_make_sense(self) -> TrainPart:
        if self.embedding_learning_rate is not None and self.method != "full":
            raise ValueError("'embedding_learning_rate' is for method full: others freeze them")
        if self.method == "full" and self.embedding == "host":
            raise ValueError("'embedding: host' is for method lora and qlora: full trains them")
        if self.method == "full" and self.step == "fused" and self.gradient_checkpointing:
            raise ValueError("'step: fused' of method full wants 'gradient_checkpointing: false'")
        if self.validate_steps is not None and self.embedding == "host":
            raise ValueError("'validate_steps' reads the embeddings on the card, not on the host")
        if self.distributed == "fsdp" and self.method == "full":
            raise ValueError("'distributed: fsdp' shares out frozen layers: method full has none")
        if self.distributed == "fsdp" and self.validate_steps is not None:
            raise ValueError("'validate_steps' needs whole layers, not 'distributed: fsdp'")
        if self.schedule == "constant-linear" and self.warmup_share + self.decay_share > 1:
            raise ValueError("'warmup_share' and 'decay_share' are more than all steps")
        if self.curriculum is not None and self.curriculum.epochs > self.epochs:
            raise ValueError(f"a curriculum over {self.curriculum.epochs} of {self.epochs} epochs")
        return self


class EvaluatePart(Part):
    """How base and tuned model are compared.

    The base model is tried with each of ``base_prompts`` on ``prompt_trial_rows`` validation
    examples; the best one stands for it on the test set. Every system is decoded alike: see
    :class:`sqlforge.core.decoding.Decoding` for ``constrain`` to ``linked_literals``. Refusing is
    calibrated on the validation examples, each system for itself.
    """

    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    batch_tokens: Annotated[int, Field(ge=64)] = 8192
    base_prompts: tuple[PromptStyle, ...] = ("plain", "instructed", "few_shot")
    prompt_trial_rows: Annotated[int, Field(ge=1)] = 32
    template_baseline: bool = False
    query_seconds: Annotated[float, Field(gt=0)] = 5.0
    constrain: Constrain = "none"
    samples: int = 1
    vote: bool = False
    temperature: float | None = None
    prefer_non_empty: bool = False
    refuse_below: float | None = None
    join_on_keys: bool = False
    linked_literals: bool = False

    def decoding(self, seed: int) -> Decoding:
        """How answers are decoded; what is drawn is drawn from ``seed``."""
        return Decoding(
            constrain=self.constrain,
            samples=self.samples,
            vote=self.vote,
            temperature=self.temperature,
            seed=seed,
            prefer_non_empty=self.prefer_non_empty,
            refuse_below=self.refuse_below,
            join_on_keys=self.join_on_keys,
            linked_literals=self.linked_literals,
        )

    @model_validator(mode="after")
    def _decoding_makes_sense(self) -> EvaluatePart:
        try:
            self.decoding(0)
        except UserError as fault:
            raise ValueError(f"asks for {fault.got}: expected {fault.expected}") from None
        return self
