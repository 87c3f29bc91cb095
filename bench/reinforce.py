"""Some steps of reinforcing a trained run: where their time goes, and what 200 would take.

    python bench/reinforce.py runs/mine --steps 5

The run itself is left as it is. The first step is not counted: a card's graphs are captured in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from claims import ClaimRow, write_claims
from sqlforge.cli_support import quiet_libraries
from sqlforge.core.config import Recipe, ReinforcePart, dump_recipe
from sqlforge.core.run_dir import RunDir
from sqlforge.stages.reinforce import Reinforced, reinforce_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="A trained run directory.")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--update-tokens", type=int, default=16_384)
    parser.add_argument("--batch-tokens", type=int, default=262_144)
    parser.add_argument("--redraws", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--trial", type=int, default=100)
    asked = parser.parse_args()
    part = ReinforcePart(
        steps=asked.steps,
        questions=asked.questions,
        samples=asked.samples,
        update_tokens=asked.update_tokens,
        batch_tokens=asked.batch_tokens,
        redraws=asked.redraws,
        temperature=asked.temperature,
        trial=asked.trial,
    )
    quiet_libraries()
    console = Console(width=150)
    with tempfile.TemporaryDirectory(prefix="sqlforge-reinforce-") as folder:
        run = copied(RunDir(asked.run), Path(folder) / "run", part)
        found = reinforce_run(run, console, console.print)
        lines = run.reinforcement_file.read_text(encoding="utf-8").splitlines()
    for line in lines:
        print(line)
    rows = figures([json.loads(line) for line in lines], found)
    for row in rows:
        print(f"{row.name:32} {row.value:12,.3f} {row.unit}")
    command = " ".join(["python bench/reinforce.py", *sys.argv[1:]])
    write_claims("reinforce", command=command, seed=run_seed(asked.run), rows=rows)


def copied(run: RunDir, to: Path, part: ReinforcePart) -> RunDir:
    """What reinforcement reads of a run, in another folder and with another part of the recipe."""
    trained = run.tuned if run.tuned.is_dir() else run.trained()
    shutil.copytree(run.data, to / "data")
    shutil.copytree(trained, to / run.trained().name)
    shutil.copy(run.manifest_file, to / "manifest.json")
    values = {**run.recipe().model_dump(mode="json"), "reinforce": part.model_dump(mode="json")}
    recipe = Recipe.model_validate(values)
    (to / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    return RunDir(to)


def figures(steps: list[dict[str, float]], found: Reinforced) -> list[ClaimRow]:
    warm = steps[1:] or steps
    seconds = statistics.median(row["seconds"] for row in warm)
    sampling = statistics.median(row["sampling_seconds"] for row in warm)
    samples = statistics.median(row["samples"] for row in warm)
    return [
        ClaimRow("step", seconds, "s", n=len(warm)),
        ClaimRow("step_sampling_and_judging", sampling, "s", n=len(warm)),
        ClaimRow("step_update", seconds - sampling, "s", n=len(warm)),
        ClaimRow("first_step", steps[0]["seconds"], "s"),
        ClaimRow("samples_per_second", samples / seconds, "samples/s", n=len(warm)),
        ClaimRow("two_hundred_steps", 200 * seconds / 60, "min", n=len(warm)),
        ClaimRow("groups_with_signal", found.signal, "fraction", n=found.questions),
        ClaimRow("samples_that_ran", statistics.mean(row["ran"] for row in steps), "fraction"),
        ClaimRow("samples_out_of_time", statistics.mean(r["timed_out"] for r in steps), "fraction"),
        ClaimRow("trial_right_before", found.right_before / max(1, found.trial), "fraction"),
        ClaimRow("trial_right_after", found.right_after / max(1, found.trial), "fraction"),
        ClaimRow("peak_memory", found.peak_memory_bytes / 2**30, "GiB"),
    ]


def run_seed(path: Path) -> int:
    return RunDir(path).recipe().seed


if __name__ == "__main__":
    main()
