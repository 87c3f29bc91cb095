"""The trainings of the record run: a recipe each, its run directory, and what is made beforehand.

Data and token ids need no GPU. :func:`prepare` makes them where there is none, and :func:`pack`
puts them with the databases into one archive for the machine with the GPU, where training then
finds everything done. Trainings on the same data share its files.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from claims import ROOT
from record_internal import make_split
from sqlforge.core.config import Recipe, dump_recipe, load_recipe
from sqlforge.core.files import new_folder, write_text
from sqlforge.core.paths import cache_dir
from sqlforge.core.run_dir import RunDir
from sqlforge.pipeline import begin
from sqlforge.report.progress import progress_bars

RECIPES = ROOT / "recipes"
RECORD = RECIPES / "smollm2-135m-record.yaml"
DATA_NOTES = ("data_sha256", "output_sha256", "inputs")
MADE = ("recipe.yaml", "manifest.json", "data", "tokens")


@dataclass(frozen=True, slots=True)
class Plan:
    """One training: ``name`` in results, the recipe's file, the recipe as it is run, and where."""

    name: str
    file: Path
    recipe: Recipe
    run: RunDir
    final: bool = False

    @property
    def story(self) -> str:
        """The recipe's first line, which says what is changed in it."""
        return self.file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")

    @property
    def key(self) -> str:
        """The name as claims have it."""
        return "".join(c if c.isalnum() else "_" for c in self.name)

    @property
    def model(self) -> Path:
        """Where the trained weights are."""
        return self.run.merged if self.recipe.train.method == "full" else self.run.adapter


def ablations() -> list[str]:
    """The names of all ablations, the baseline first."""
    names = sorted(file.stem for file in (RECIPES / "ablations").glob("*.yaml"))
    return ["base", *(name for name in names if name != "base")]


def ablation(name: str, out: Path, *, tiny: bool = False) -> Plan:
    """A short training that is asked about databases held out of training."""
    file = RECIPES / "ablations" / f"{name}.yaml"
    recipe = load_recipe(file)
    return Plan(name, file, small(recipe) if tiny else recipe, RunDir(out / name))


def final(seed: int, out: Path, *, file: Path = RECORD, tiny: bool = False) -> Plan:
    """A whole training that is asked the test questions."""
    recipe = load_recipe(file).model_copy(update={"seed": seed})
    name = f"final-{file.stem.removeprefix('smollm2-135m-')}-seed-{seed}"
    return Plan(name, file, small(recipe) if tiny else recipe, RunDir(out / name), final=True)


def small(recipe: Recipe) -> Recipe:
    """The same recipe with next to no data and steps, for a CPU: to try the commands."""
    values = recipe.model_dump(mode="json")
    values["model"] |= {"device": "cpu"}
    for split, rows in (("train", 40), ("validation", 6), ("test", 8)):
        for part in values["data"][split]:
            part |= {"rows": 4 if part["source"] == "sql-create-context" else rows, "cap": None}
    for part in values["data"]["train"]:
        part["passes"] = 1 if part["passes"] else None
    values["prompt"] |= {"max_tokens": 512}
    values["train"] |= {"max_steps": 2, "epochs": min(2, recipe.train.epochs), "pack_tokens": 1024}
    values["train"] |= {"checkpoint_steps": 1}
    values["evaluate"] |= {"max_new_tokens": 16, "batch_tokens": 8192, "prompt_trial_rows": 2}
    if values.get("reinforce"):
        values["reinforce"] |= {"steps": 1, "questions": 2, "samples": 2}
        values["reinforce"] |= {"trial": 2, "max_new_tokens": 8, "redraws": 0}
    return Recipe.model_validate(values)


def prepare(plan: Plan, data_dir: Path | None, console: Console) -> None:
    """Leave the plan's data and token ids in its run directory; what is there already is kept.

    What another training beside it has made of the same data is used again.

    Args:
        plan: what to prepare.
        data_dir: where the published data sets lie.
        console: where people read what happens.
    """
    from sqlforge.model.load import load_tokenizer
    from sqlforge.stages.prepare import prepare as gather
    from sqlforge.stages.train import tokenise_run

    run = begin(plan.recipe, plan.run.path)
    others = (RunDir(path) for path in sorted(run.path.parent.iterdir()) if path != run.path)
    same = [other for other in others if _same_data(run, other)]
    if not run.data.exists():
        if same:
            with new_folder(run.data) as folder:
                _link_all(same[0].data, folder)
                manifest = same[0].manifest()
                run.note(**{name: manifest[name] for name in DATA_NOTES})
        else:
            gather(plan.recipe, run, data_dir, console.print, progress_bars(console))
            for folder in (run.data, *(cache_dir() / place for place in _cached(plan))):
                for file in folder.rglob("*.sqlite"):
                    _whole_seconds(file)
    for other in same:
        for file in other.tokens.glob("*.arrow"):
            run.tokens.mkdir(exist_ok=True)
            # What is of other make goes again, in a process beside this one perhaps right now.
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.link(file, run.tokens / file.name)
    found = tokenise_run(
        run, load_tokenizer(plan.recipe.model.name), progress_bars(console)(f"ids: {plan.name}")
    )
    if not found.reused:
        console.print(f"{plan.name}: {len(found.epochs[0]):,} examples as ids")
    if plan.final and not (run.path / "internal-full.jsonl").exists():
        if data_dir is None:
            sys.exit("the internal split needs --data-dir")
        console.print(f"internal split: {make_split(run, data_dir):,} questions")


def check_recipe(plan: Plan, kept_in: Path) -> None:
    """Whether the answers that are kept are of this recipe, which is laid beside them."""
    file = kept_in / "recipe.yaml"
    if not (file.is_file() and any(kept_in.glob("*.jsonl"))):
        write_text(file, dump_recipe(plan.recipe))
    elif load_recipe(file) != plan.recipe:
        sys.exit(
            f"{plan.name}: what is in {kept_in} was made by another recipe, {file}. Give the new "
            f"one a name of its own, so that both rows stand, or remove {kept_in}*"
        )


def pack(archive: Path, plans: Sequence[Plan]) -> int:
    """Put what :func:`prepare` made, and the databases of it, into a ``.tar.xz`` archive.

    Unpacked over ``--out``, with ``SQLFORGE_CACHE_DIR`` set to its ``cache/``, everything is found
    done there. Files that trainings share are in it once. Returns its bytes.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_name(f".{archive.name}.tmp")
    with tarfile.open(partial, "w:xz", preset=6) as tar:
        for place in sorted(set().union(*map(_cached, plans))):
            tar.add(cache_dir() / place, f"cache/{place}")
        for plan in plans:
            for path in sorted(plan.run.path.iterdir()):
                if path.name in MADE or path.name.startswith("internal"):
                    tar.add(path, f"{plan.name}/{path.name}")
    partial.replace(archive)
    return archive.stat().st_size


def _cached(plan: Plan) -> set[str]:
    """The folders of the cache that the plan's databases lie in."""
    text = plan.run.data_file("databases.jsonl").read_text(encoding="utf-8")
    return set(re.findall(r'"path": "cache:([^/"]+/[^/"]+)/', text))


def _whole_seconds(file: Path) -> None:
    """A time of change that an archive keeps exactly: token ids are found again by it."""
    changed = int(file.stat().st_mtime)
    os.utime(file, (changed, changed))


def _link_all(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=os.link, dirs_exist_ok=True)


def _same_data(run: RunDir, other: RunDir) -> bool:
    if not (other.recipe_file.is_file() and other.data.is_dir()):
        return False
    return _what_decides(run.recipe()) == _what_decides(other.recipe())


def _what_decides(recipe: Recipe) -> str:
    facts: dict[str, Any] = recipe.data.model_dump(mode="json")
    for part in facts["train"]:
        del part["passes"]  # how often a row comes, not which
    return json.dumps([facts, recipe.seed, recipe.prompt.max_tokens])
