"""The engines that write answers, behind one face; here one of them is picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlforge.core.decoding import Decoding, EngineName
from sqlforge.core.run_dir import recipe_of_model
from sqlforge.core.schema import Schema
from sqlforge.decode.constrain import constraint_for
from sqlforge.decode.vocabulary import vocabulary_of
from sqlforge.decode.vote import Candidate

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as an engine gets it.

    Prompts with the same ``schema_key`` begin alike; ``schema`` is what a constraint allows, and
    ``values`` what it lets text columns be compared with, if not anything.
    """

    prompt: tuple[int, ...]
    schema_key: str
    schema: Schema
    values: tuple[str, ...] | None = None


class Writer(Protocol):
    """A loaded model that writes; every engine has this face."""

    @property
    def tokenizer(self) -> Any:
        """The model's own; prompts are encoded by it."""

    def write(
        self,
        asked: Sequence[Asked],
        decoding: Decoding,
        *,
        max_new_tokens: int,
        batch_tokens: int,
        progress: Progress | None = None,
    ) -> list[list[Candidate]]:
        """For each question one candidate a temperature in ``decoding``, in their order.

        Raises :class:`~sqlforge.core.errors.UserError` where a schema cannot be constrained.
        """


@dataclass(frozen=True, slots=True)
class TransformersWriter:
    """A model of transformers on our own engine."""

    model: Any
    tokenizer: Any

    def write(
        self,
        asked: Sequence[Asked],
        decoding: Decoding,
        *,
        max_new_tokens: int,
        batch_tokens: int,
        progress: Progress | None = None,
    ) -> list[list[Candidate]]:
        """See :class:`Writer`."""
        from sqlforge.model.generate import generate

        each = decoding.temperatures
        rows = [(number, place) for number in range(len(asked)) for place in range(len(each))]
        cursors = None
        if decoding.constrain == "schema":
            vocabulary = vocabulary_of(self.tokenizer)
            cursors = [
                constraint_for(
                    asked[number].schema, vocabulary, join_on_keys=decoding.join_on_keys
                ).start(max_new_tokens, asked[number].values)
                for number, _ in rows
            ]
        written = generate(
            self.model,
            self.tokenizer,
            [asked[number].prompt for number, _ in rows],
            [asked[number].schema_key for number, _ in rows],
            max_new_tokens=max_new_tokens,
            batch_tokens=batch_tokens,
            temperatures=[each[place] for _, place in rows],
            keys=[f"{decoding.seed}/{number}/{place}" for number, place in rows],
            constraints=cursors,
            stop_at_semicolon=cursors is not None,  # nothing else may follow it
            progress=progress,
        )
        made = Candidate.of if cursors is None else Candidate.query
        found = iter(made(w.text, w.logprob, w.tokens) for w in written)
        return [[next(found) for _ in each] for _ in asked]


def open_writer(name: str, engine: EngineName, *, fold: bool = False) -> Writer:
    """Load a base model, merged folder or adapter folder on an engine.

    An adapter in a run directory is loaded as it was trained, that is on the 4-bit weights if
    these were its base; they are held unpacked, which is the same function and faster.

    Args:
        name: as ``sqlforge predict --model`` takes it.
        engine: which one.
        fold: where a CPU computes, have an adapter added to the weights.

    Raises:
        ModelError: the model cannot be had.
        UserError: the engine is not installed.
    """
    if engine == "vllm":
        from sqlforge.model.vllm_engine import open_vllm

        return open_vllm(name)
    from sqlforge.model.load import adapter_base, load_model, pick_device
    from sqlforge.model.merge import load_adapted, tokenizer_of

    folder = Path(name)
    recipe = recipe_of_model(folder)
    if adapter_base(folder) is not None:
        four_bit = recipe is not None and recipe.train.method == "qlora"
        model = load_adapted(
            folder,
            dtype="bfloat16",
            device="auto",
            quantization="nf4" if four_bit else "none",
            unpack=True,
            fold=fold and pick_device("auto") == "cpu",
        )
    else:
        model = load_model(name, dtype="bfloat16", device="auto")
    return TransformersWriter(model, tokenizer_of(name))
