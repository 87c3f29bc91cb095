"""``predict``: let any model answer a public benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.config import PromptPart
from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.errors import DataError
from sqlforge.core.files import check_writable, write_jsonl
from sqlforge.core.records import Dataset
from sqlforge.core.run_dir import RunDir, recipe_of_model
from sqlforge.decode.abstain import Calibration
from sqlforge.decode.calibration_file import read_calibration, write_calibration
from sqlforge.decode.decide import (
    answer_details,
    calibrated_on,
    check_constrainable,
    chosen,
    circumstances,
    counted,
    decide,
)
from sqlforge.model.answer import answer
from sqlforge.model.writer import open_writer
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import prompt_version
from sqlforge.score.benchmarks import BenchmarkName, limits_of, load_benchmark

Progress = Callable[[int, int], None]
_BATCH_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written: the answers to ``out``, with ``details`` of each where asked for.

    ``calibration`` is the file that refusals go by; ``None`` takes the one of the model's run.
    ``calibrate`` is where a calibration is written that these answers and their golds make.
    """

    out: Path
    details: bool = False
    calibration: Path | None = None
    calibrate: Path | None = None


def predict_benchmark(
    model_name: str,
    benchmark: BenchmarkName,
    data_dir: Path,
    wanted: Wanted,
    decoding: Decoding = GREEDY,
    *,
    split: str | None,
    rows: int | None,
    max_new_tokens: int,
    progress: Callable[[str], Progress] = lambda _: lambda _done, _total: None,
) -> dict[str, Any]:
    """Let any model answer a public benchmark; what came out and under which options.

    A line of the file is ``{"id", "sql", "text"}``; a refused answer has no SQL and says so.

    Raises:
        DataError: the benchmark or a calibration is missing, malformed or does not fit.
        ModelError: the model cannot be had.
        StorageError: a file cannot be written.
        UserError: a schema cannot be constrained.
    """
    for path in (wanted.out, wanted.calibrate):
        if path is not None:
            check_writable(path)
    dataset = load_benchmark(benchmark, data_dir, split)
    dataset = Dataset(dataset.name, dataset.examples[:rows], dataset.databases)
    check_constrainable(decoding, dataset.databases)
    part = prompt_part_of(model_name)
    kept = circumstances(decoding, prompt_version(part))
    calibration = _calibration(model_name, wanted, decoding, kept)
    writer = open_writer(model_name, decoding.engine)
    candidates = answer(
        writer,
        Prompter.of(part, dataset.databases),
        dataset.examples,
        decoding,
        max_new_tokens=max_new_tokens,
        batch_tokens=_BATCH_TOKENS,
        progress=progress("answers"),
    )
    limits = limits_of(benchmark)
    choices = chosen(
        dataset.examples, candidates, dataset.databases, decoding, limits, progress("vote")
    )
    decided = list(decide(dataset.examples, choices, decoding.refuse_below, calibration))
    write_jsonl(wanted.out, answer_details(decided, decoding, details=wanted.details))
    facts: dict[str, Any] = {
        "predictions": str(wanted.out),
        "n": len(decided),
        "prompt_version": prompt_version(part),
        "decoding": decoding.facts(),
        **counted(decided),
    }
    if wanted.calibrate is not None:
        made = calibrated_on(dataset.examples, choices, dataset.databases, limits, kept)
        write_calibration(wanted.calibrate, made)
        facts["calibration"] = {"file": str(wanted.calibrate), **_told(made)}
    elif calibration is not None:
        facts["calibration"] = _told(calibration)
    return facts


def prompt_part_of(model_name: str) -> PromptPart:
    """How a model wants to be asked: as the recipe says that lies beside it or, published, in it.

    >>> prompt_part_of("smollm2-135m") == PromptPart()
    True
    """
    recipe = recipe_of_model(Path(model_name))
    return recipe.prompt if recipe else PromptPart()


def _calibration(
    model_name: str, wanted: Wanted, decoding: Decoding, kept: dict[str, Any]
) -> Calibration | None:
    if decoding.refuse_below is None:
        return None
    path = wanted.calibration
    if path is None:
        folder = Path(model_name).resolve()
        system = RunDir(folder.parent).system_in(folder.name) or ""
        path = RunDir(folder.parent).calibration(system)
        if not (system and path.is_file()):
            raise DataError(
                f"answers to refuse without a calibration for '{model_name}'",
                "--calibration FILE, or a model in the folder of a run that refuses",
                "make one: answer questions with known golds, of databases that training never "
                "saw, with the same options and --calibrate FILE",
            )
    return read_calibration(path, kept)


def _told(calibration: Calibration) -> dict[str, Any]:
    facts = asdict(calibration)
    return {key: facts[key] for key in ("scores", "n", "right", "error")}
