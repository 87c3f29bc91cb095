"""One model that answers questions as they come: on a running engine, asked as it was trained."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sqlforge.core.config import PromptPart, PromptStyle
from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DataError, ModelError
from sqlforge.core.run_dir import RunDir, recipe_of_model
from sqlforge.decode.abstain import Calibration
from sqlforge.decode.calibration_file import read_calibration
from sqlforge.decode.constrain import constraint_for
from sqlforge.decode.decide import circumstances
from sqlforge.decode.vocabulary import Vocabulary, vocabulary_of
from sqlforge.decode.vote import Candidate
from sqlforge.model.catalog import CATALOG
from sqlforge.model.engine import Engine, Request
from sqlforge.model.packed_layers import pack_layers
from sqlforge.model.writer import Asked, TransformersWriter, open_writer
from sqlforge.prompt.template import prompt_version

DEFAULT = "smollm2-135m"
ROWS = 16
NEAR = 4  # tokens: what ends so close before its limit was probably brought to its end
# Tokens that an answer may have however late it is: a busy machine is not its fault. A model that
# was trained on SQL ends by itself; what it still writes then is a long query.
CERTAIN: Mapping[PromptStyle, int] = {"instructed": 40, "plain": 96}
_ANSWER = 256  # tokens of the window that are kept for an answer


class AsksModel(Protocol):
    """What questions are asked of: a model on our engine, or on another server."""

    name: str
    tokenizer: Any
    part: PromptPart
    style: PromptStyle
    folder: Path | None

    @property
    def width(self) -> int:
        """Longest prompt and answer together, in tokens."""

    def write(
        self, asked: Asked, decoding: Decoding, max_new_tokens: int, deadline: float = math.inf
    ) -> list[Candidate]:
        """One candidate a temperature in ``decoding``, in their order.

        ``deadline`` is on :func:`time.monotonic`'s clock: what is not finished by then is cut short
        or brought to an end, but no candidate to less than the tokens that are ``CERTAIN``.
        """

    def close(self) -> None:
        """Let go of it."""


class OnlineModel:
    """A model on an engine with a thread of its own; may be used from many threads.

    Args:
        name: how the model is called.
        engine: started.
        tokenizer: the model's.
        part: how schemas are shown to it.
        style: how it is asked.
        folder: where it lies, if it is a local one.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        tokenizer: Any,
        *,
        part: PromptPart,
        style: PromptStyle,
        folder: Path | None = None,
    ) -> None:
        self.name, self.engine, self.tokenizer = name, engine, tokenizer
        self.part, self.style, self.folder = part, style, folder
        self._vocabulary: Vocabulary | None = None

    def write(
        self, asked: Asked, decoding: Decoding, max_new_tokens: int, deadline: float = math.inf
    ) -> list[Candidate]:
        """One candidate a temperature in ``decoding``, in their order; see :class:`AsksModel`.

        Raises:
            ConstraintError: the schema cannot be constrained.
            UserError: the prompt does not fit.
        """
        constraint = None
        if decoding.constrain == "schema":
            constraint = constraint_for(
                asked.schema, self.vocabulary(), join_on_keys=decoding.join_on_keys
            )
        cursors = [
            constraint.start(max_new_tokens, asked.values) if constraint is not None else None
            for _ in decoding.temperatures
        ]
        tickets = [
            self.engine.submit(
                Request(
                    asked.prompt,
                    max_new_tokens,
                    asked.schema_key,
                    temperature,
                    zlib.crc32(f"{decoding.seed}/{place}".encode()),
                    cursor,
                    deadline,
                    CERTAIN[self.style],
                )
            )
            for place, (temperature, cursor) in enumerate(
                zip(decoding.temperatures, cursors, strict=True)
            )
        ]
        made = Candidate.query if constraint is not None else Candidate.of
        found = []
        for ticket, cursor in zip(tickets, cursors, strict=True):
            done = ticket.result()
            cut = done.finish == "length" or (cursor is not None and cursor.tokens_left <= NEAR)
            found.append(replace(made(done.text, done.logprob, done.tokens), cut_short=cut))
        return found

    @property
    def width(self) -> int:
        """Longest prompt and answer together, in tokens."""
        return self.engine.width

    def vocabulary(self) -> Vocabulary:
        """The bytes of its tokens, made once."""
        if self._vocabulary is None:
            self._vocabulary = vocabulary_of(self.tokenizer)
        return self._vocabulary

    @property
    def rows(self) -> int:
        """Answers that are written at once."""
        return self.engine.rows

    def close(self) -> None:
        """End the engine."""
        self.engine.close()


def open_online(name: str, *, rows: int = ROWS, width: int | None = None) -> OnlineModel:
    """Load a model and start an engine for it.

    A tuned model is asked as in training, a base model with instructions.

    Args:
        name: catalog name, hub id, a folder of a model or adapter, or of a run.
        rows: answers that are written at once.
        width: longest prompt and answer together, in tokens; what its prompts were trained with if
            ``None``.

    Raises:
        ModelError: it cannot be had.
    """
    name = model_of_run(name)
    writer = open_writer(name, "transformers", fold=True)
    assert isinstance(writer, TransformersWriter)
    pack_layers(writer.model)
    if width is None:
        width = _part_of(name)[0].max_tokens + _ANSWER
    engine = Engine(writer.model, writer.tokenizer, rows=rows, width=width, drafts=True)
    engine.start()
    return on_engine(name, engine, writer.tokenizer)


def on_engine(name: str, engine: Engine, tokenizer: Any) -> OnlineModel:
    """A model that is loaded already, asked as its run's recipe says.

    Args:
        name: what it was loaded by.
        engine: started.
        tokenizer: the model's.
    """
    part, style, folder = prompts_of(name)
    return OnlineModel(name, engine, tokenizer, part=part, style=style, folder=folder)


def prompts_of(name: str) -> tuple[PromptPart, PromptStyle, Path | None]:
    """How a model wants schemas shown and questions asked, and its folder if it is a local one."""
    part, folder = _part_of(name)
    return part, "instructed" if folder is None else "plain", folder


def _part_of(name: str) -> tuple[PromptPart, Path | None]:
    """How a model wants schemas shown, and the folder it lies in if it is a local one."""
    if name in CATALOG or not Path(name).is_dir():
        return PromptPart(), None
    recipe = recipe_of_model(Path(name))
    return (recipe.prompt if recipe else PromptPart()), Path(name)


def calibration_of(model: AsksModel, decoding: Decoding) -> Calibration | None:
    """What confidence is worth, as the model's run has found out for the same decoding.

    Raises:
        DataError: answers are to be refused, and there is no such calibration.
    """
    folder = model.folder.resolve() if model.folder is not None else None
    system = RunDir(folder.parent).system_in(folder.name) if folder else None
    try:
        if folder is None or system is None:
            raise DataError(
                f"answers to refuse without a calibration for '{model.name}'",
                "a model in the folder of a run that refuses",
                "leave the refusal out, or train with evaluate.refuse_below",
            )
        kept = circumstances(decoding, prompt_version(model.part))
        return read_calibration(RunDir(folder.parent).calibration(system), kept)
    except DataError:
        if decoding.refuse_below is not None:
            raise
        return None


def model_of_run(name: str) -> str:
    """The model in a run directory, merged rather than adapter; any other name as it is.

    Raises:
        ModelError: a run that has trained no model yet.
    """
    run = Path(name)
    parts = ("merged", "config.json"), ("adapter", "adapter_config.json")
    published = any((run / file).is_file() for _, file in parts)  # its recipe lies in it
    if published or not (run / "recipe.yaml").is_file():
        return name
    for part, file in parts:
        if (run / part / file).is_file():
            return str(run / part)
    raise ModelError(f"{run}, a run without a model", "one that was trained", "train it first")


def default_model(runs: Path = Path("runs")) -> str:
    """The model trained last in the folder ``runs``, else a small one out of the catalog."""
    found = [
        file.parent
        for pattern in ("*/merged/config.json", "*/adapter/adapter_config.json")
        for file in runs.glob(pattern)
    ]
    newest = max(found, key=lambda folder: folder.stat().st_mtime, default=None)
    return model_of_run(str(newest.parent)) if newest is not None else DEFAULT
