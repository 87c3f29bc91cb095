"""The run directory: a plain folder in which every stage finds and leaves its files.

::

    recipe.yaml      resolved, every default included
    manifest.json    versions, commit, seed, hardware, SHA-256 of every input
    data/            examples and databases        checkpoints/  of training
    adapter/         LoRA weights                  merged/       whole model
    tuned/           adapter or model before it was reinforced
    predictions/     SYSTEM.jsonl                  scores/       SYSTEM-SOURCE.json
    logs/            metrics.jsonl                 report.html, model-card.md
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sqlforge.core.config import Recipe, dump_recipe, load_recipe
from sqlforge.core.errors import UserError
from sqlforge.core.files import storing, write_json, write_text

# Temporary names that ``core.files`` gives to what later becomes a file or folder of a run.
_LEFTOVER = re.compile(
    r"\.(recipe\.yaml|manifest\.json|report\.html|model-card\.md|data|adapter|merged|reinforced)\.\w+(\.tmp)?"
)


@dataclass(frozen=True, slots=True)
class RunDir:
    """Paths of one run; a file or folder that exists is whole.

    >>> RunDir(Path("runs/demo")).adapter.as_posix()
    'runs/demo/adapter'
    """

    path: Path

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def manifest_file(self) -> Path:
        """Versions, hardware and digests."""
        return self.path / "manifest.json"

    @property
    def data(self) -> Path:
        """Examples and databases."""
        return self.path / "data"

    @property
    def checkpoints(self) -> Path:
        """Where training goes on from."""
        return self.path / "checkpoints"

    @property
    def tokens(self) -> Path:
        """Training examples as token ids, tokenised once."""
        return self.path / "tokens"

    @property
    def adapter(self) -> Path:
        """LoRA weights in PEFT's layout."""
        return self.path / "adapter"

    @property
    def merged(self) -> Path:
        """The whole tuned model in transformers' layout."""
        return self.path / "merged"

    @property
    def tuned(self) -> Path:
        """What training left, once the model was reinforced; its place then has what came out."""
        return self.path / "tuned"

    @property
    def reinforced(self) -> Path:
        """What reinforcement left, until it takes the place of what it began with."""
        return self.path / "reinforced"

    @property
    def reinforcement_checkpoints(self) -> Path:
        """Where reinforcement goes on from."""
        return self.path / "checkpoints-reinforce"

    @property
    def reinforcement_file(self) -> Path:
        """One JSON line an update of reinforcement."""
        return self.path / "logs" / "reinforce.jsonl"

    @property
    def metrics_file(self) -> Path:
        """One JSON line a training step."""
        return self.path / "logs" / "metrics.jsonl"

    @property
    def report(self) -> Path:
        """What people read."""
        return self.path / "report.html"

    @property
    def card(self) -> Path:
        """What stands on the model's page where it is published."""
        return self.path / "model-card.md"

    @property
    def scores(self) -> Path:
        """Metrics and verdicts."""
        return self.path / "scores"

    def predictions(self, system: str) -> Path:
        """The answers of one system.

        ``base``, ``template``, ``tuned``, ``reinforced`` or ``merged``.
        """
        return self.path / "predictions" / f"{system}.jsonl"

    def calibration(self, system: str) -> Path:
        """What the confidence in one system's answers is worth, where answers may be refused."""
        return self.path / "predictions" / f"{system}.calibration.json"

    def system_in(self, folder: str) -> str | None:
        """The system whose model is in one of the run's folders.

        >>> RunDir(Path("runs/demo")).system_in("adapter")
        'tuned'
        """
        adapter = "reinforced" if self.tuned.is_dir() else "tuned"
        return {"adapter": adapter, "tuned": "tuned", "merged": "merged"}.get(folder)

    def recipe(self) -> Recipe:
        """The recipe that this run follows.

        Raises:
            UserError: the folder is no run directory.
            RecipeError: its recipe is not understood.
        """
        if not self.recipe_file.is_file():
            raise UserError(
                f"{self.path}, which is no run directory",
                "a folder with a recipe.yaml that SQLForge wrote",
                f"make one with 'sqlforge prepare RECIPE --out {self.path}'",
            )
        return load_recipe(self.recipe_file)

    def data_file(self, name: str) -> Path:
        """The path of ``data/NAME``, which ``prepare`` wrote.

        Raises:
            UserError: the run has no data yet.
        """
        file = self.data / name
        if not file.is_file():
            raise UserError(
                f"{self.path} without data/{name}",
                "a run whose data was prepared",
                f"start 'sqlforge prepare {self.recipe_file} --out {self.path}' first",
            )
        return file

    def trained(self) -> Path:
        """The run's model: ``adapter/``, or ``merged/`` where the whole of it was tuned.

        If it was reinforced it is what came out of that.

        Raises:
            UserError: the run has not been trained, or the folder is no run directory.
        """
        folder = self.merged if self.recipe().train.method == "full" else self.adapter
        if not folder.is_dir():
            raise UserError(
                f"{self.path} without {folder.name}/",
                "a run whose model was trained",
                f"start 'sqlforge train {self.path}' first",
            )
        return folder

    def manifest(self) -> dict[str, Any]:
        """The manifest so far; empty before the first stage."""
        if not self.manifest_file.exists():
            return {}
        found: dict[str, Any] = json.loads(self.manifest_file.read_text(encoding="utf-8"))
        return found

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest; a fact of the same name is replaced."""
        write_json(self.manifest_file, {**self.manifest(), **facts})


def open_run(path: Path, recipe: Recipe) -> RunDir:
    """The run directory at ``path`` for ``recipe``: a new one, or the one to go on with.

    Raises:
        UserError: the folder follows another recipe, or holds something else.
        RecipeError: the folder's recipe is not understood.
        StorageError: it cannot be written.
    """
    run = RunDir(path)
    resolved = dump_recipe(recipe)
    _remove_leftovers(path)
    if run.recipe_file.exists():
        # Loaded, so that keys which came later count with their defaults; without passwords.
        if run.recipe() != Recipe.model_validate(yaml.safe_load(resolved)):
            raise UserError(
                f"{path}, which follows another recipe",
                "a new folder or one that was begun with this recipe",
                "choose another --out, or remove the folder",
            )
        return run
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(
            f"{path}, which holds something else than a run",
            "a new or an empty folder",
            "choose another --out",
        )
    write_text(run.recipe_file, resolved)
    return run


def recipe_of_model(folder: Path) -> Recipe | None:
    """The recipe that a model was made by: in its folder if it came from elsewhere, else beside it.

    ``None`` where there is none, or no such folder.

    Raises:
        RecipeError: it is not understood.
    """
    if folder.is_dir():  # of a name, a recipe that happens to lie here says nothing
        for place in (folder, folder.resolve().parent):
            if RunDir(place).recipe_file.is_file():
                return RunDir(place).recipe()
    return None


def _remove_leftovers(path: Path) -> None:
    """Remove what a killed process left half-written; a run belongs to one process at a time."""
    if not path.is_dir():
        return
    folders = [entry for entry in path.iterdir() if _LEFTOVER.fullmatch(entry.name)]
    for entry in (*folders, *path.glob("*/.*.tmp")):
        with storing(entry):
            # a file may have gone with its folder
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
