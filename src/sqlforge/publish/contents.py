"""The files that a run's model page will hold, each checked before anything is uploaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlforge.core.errors import ModelError
from sqlforge.core.files import sha256
from sqlforge.core.run_dir import RunDir
from sqlforge.publish.safetensors_file import check_safetensors
from sqlforge.report.card_data import CardData, Part
from sqlforge.report.model_card import render_card

# Weights that run code when they are loaded.
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"}
_TAKEN = {".safetensors", ".json", ".jinja", ".txt", ".model"}
# Where libraries note from which folder they read.
_PLACES = ("_name_or_path", "name_or_path", "base_model_name_or_path")
_NOT_OURS = {"README.md", "sqlforge-origin.json"}
_ALWAYS = {"adapter": "adapter_model.safetensors", "merged": "config.json"}
DATA_FILES = ("train.jsonl", "validation.jsonl", "test.jsonl")


@dataclass(frozen=True, slots=True)
class Upload:
    """One file: its path in the repository and a local file, or the bytes to write there."""

    path: str
    source: Path | bytes
    size: int
    sha256: str


def contents(
    run: RunDir, part: Part, card: CardData, repository: str, *, with_data: bool = False
) -> list[Upload]:
    """The model's files, its card, the recipe and, if asked for, the run's questions.

    Raises:
        ModelError: a file is none that may be uploaded, is broken, or is not the one that the
            manifest describes.
    """
    folder = run.merged if part == "merged" else run.adapter
    noted: Mapping[str, str] = run.manifest().get(f"{part}_sha256", {})
    uploads = [
        _of_text("README.md", render_card(card, repository)),
        _of_text("recipe.yaml", card.recipe),
        _of_text("sqlforge.json", json.dumps(asdict(card), indent=1, ensure_ascii=False) + "\n"),
    ]
    uploads += _of_model(folder, noted, card)
    if with_data:
        files = [run.data_file(name) for name in DATA_FILES]
        uploads += [_of_file(f"data/{file.name}", file) for file in files]
    return uploads


def _of_model(folder: Path, noted: Mapping[str, str], card: CardData) -> Iterator[Upload]:
    if not (folder / _ALWAYS[card.part]).is_file():
        raise ModelError(
            f"{folder} without {_ALWAYS[card.part]}", "a whole model", "train or merge it again"
        )
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        if name in _NOT_OURS:
            continue
        _check(file)
        digest = sha256(file)
        if noted and noted.get(name) != digest:
            raise ModelError(
                f"{file}, which is not the file that the run made",
                "the SHA-256 that manifest.json notes",
                "train or merge again, so that what was scored is what is published",
            )
        mended = _without_places(file, card) if file.suffix == ".json" else None
        yield (
            Upload(name, file, file.stat().st_size, digest)
            if mended is None
            else _of_text(name, mended)
        )
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    if missing := sorted(noted.keys() - present):
        raise ModelError(
            f"{folder} without {missing[0]}", "every file that the run made", "merge or train again"
        )


def _check(file: Path) -> None:
    if file.suffix in _PICKLES:
        raise ModelError(
            f"{file}, which runs code when it is loaded",
            "weights as safetensors",
            "save them with safe_serialization=True, or merge again",
        )
    if file.suffix not in _TAKEN:
        raise ModelError(
            f"{file}, which is neither weights nor tokenizer",
            f"files that end in {', '.join(sorted(_TAKEN))}",
            "take it out of the folder",
        )
    if file.suffix == ".safetensors":
        check_safetensors(file)
    elif file.suffix == ".json":
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except ValueError as fault:
            raise ModelError(f"{file}, which is broken ({fault})", "JSON", "merge again") from fault


def _without_places(file: Path, card: CardData) -> str | None:
    """The file with the base model's public name for a place on this machine, or ``None``."""
    facts = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(facts, dict):
        return None
    named = [key for key in _PLACES if isinstance(facts.get(key), str)]
    if not named:
        return None
    for key in named:
        facts[key] = card.base.hub_id or card.base.name
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def _of_file(path: str, file: Path) -> Upload:
    return Upload(path, file, file.stat().st_size, sha256(file))


def _of_text(path: str, text: str) -> Upload:
    content = text.encode()
    return Upload(path, content, len(content), hashlib.sha256(content).hexdigest())
