"""``run`` and ``demo``: the stages in order; what is done already is skipped."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from sqlforge.core.config import Recipe
from sqlforge.core.environment import environment
from sqlforge.core.run_dir import RunDir, open_run
from sqlforge.prompt.template import prompt_version
from sqlforge.score.summary import Summary

if TYPE_CHECKING:
    from sqlforge.model.distributed import Processes

Progress = Callable[[int, int], None]
_TRAINS = "trains"
System = Literal["base", "tuned", "reinforced", "merged", "template"]


def run(
    recipe: Recipe,
    out: Path,
    data_dir: Path | None,
    console: Console,
    progress: Callable[[str], Progress],
    processes: Processes | None = None,
) -> dict[str, dict[str, Summary]]:
    """Do every stage of ``recipe`` in ``out`` and return the summaries by source and system.

    Args:
        out: the run directory; begun runs go on where they were cut off.
        data_dir: where published data sets lie; the synthetic corpus needs none.
        console: where the user reads what happens.
        progress: makes a callback for a named piece of long work.
        processes: train together with these; this one is their first.

    Raises:
        UserError: see the stages.
    """
    started = time.monotonic()
    directory = begin(recipe, out)
    _prepare(recipe, directory, data_dir, console, progress)
    _predict(directory, "base", console, progress)
    if recipe.evaluate.template_baseline:
        _predict(directory, "template", console, progress)
    _train(recipe, directory, console, processes)
    if recipe.reinforce is not None:
        _reinforce(directory, console)
    _merge(directory, console, progress)
    _predict(directory, "tuned", console, progress)
    if recipe.reinforce is not None:
        _predict(directory, "reinforced", console, progress)
    if recipe.train.method != "full":
        _predict(directory, "merged", console, progress)
    summaries = _score(directory, console, progress)
    _note_cost(directory, time.monotonic() - started)
    _report(directory, console)
    return summaries


def check_processes(recipe: Recipe, processes: Processes) -> None:
    """Whether ``processes`` can train by ``recipe``, before anything is begun.

    Raises:
        ModelError: there are fewer cards than processes.
    """
    from sqlforge.model.load import pick_device

    processes.check(pick_device(recipe.model.device))


def help_train(out: Path, console: Console, processes: Processes) -> None:
    """What every process but the first does in :func:`run`: train, once that stage is reached.

    Raises:
        UserError, TrainingError: see :func:`sqlforge.stages.train.train_run`.
    """
    if processes.told(str) == _TRAINS:
        from sqlforge.stages.train import train_run

        train_run(RunDir(out), console, console.print, processes)


def begin(recipe: Recipe, out: Path) -> RunDir:
    """The run directory for ``recipe``, new or begun, with its circumstances in the manifest.

    Raises:
        UserError: see :func:`sqlforge.core.run_dir.open_run`.
    """
    directory = open_run(out, recipe)
    if "environment" not in directory.manifest():
        directory.note(
            prompt_version=prompt_version(recipe.prompt),
            seed=recipe.seed,
            environment=environment(),
        )
    return directory


@contextmanager
def temporary_run(recipe: Recipe) -> Iterator[RunDir]:
    """A prepared run of ``recipe`` over the synthetic corpus that is gone after the block."""
    from sqlforge.stages.prepare import prepare

    with tempfile.TemporaryDirectory(prefix="sqlforge-") as folder:
        directory = begin(recipe, Path(folder) / "run")
        prepare(recipe, directory, None, lambda _: None)
        yield directory


def _prepare(
    recipe: Recipe,
    run: RunDir,
    data_dir: Path | None,
    console: Console,
    progress: Callable[[str], Progress],
) -> None:
    if run.data.exists():
        console.print("[dim]prepare: done already[/]")
        return
    from sqlforge.stages.prepare import prepare

    console.rule("prepare")
    prepared = prepare(recipe, run, data_dir, console.print, progress)
    console.print(
        f"{prepared.train:,} training, {prepared.validation:,} validation and "
        f"{prepared.test:,} test examples over {prepared.databases:,} databases"
    )
    if prepared.skipped:
        console.print(f"{len(prepared.skipped):,} malformed rows left out: see data/skipped.json")


def _predict(
    run: RunDir, system: System, console: Console, progress: Callable[[str], Progress]
) -> None:
    if run.predictions(system).exists():
        console.print(f"[dim]predict {system}: done already[/]")
        return
    from sqlforge.stages.predict import predict_run

    console.rule(f"predict: {system}")
    predict_run(run, system, console.print, progress(f"answers ({system})"))


def _train(
    recipe: Recipe, run: RunDir, console: Console, processes: Processes | None = None
) -> None:
    done = run.merged if recipe.train.method == "full" else run.adapter
    needed = not (done.exists() or run.reinforced.exists())
    if processes is not None:
        processes.told(lambda: _TRAINS if needed else "")
    if not needed:
        console.print("[dim]train: done already[/]")
        return
    from sqlforge.model.distributed import ALONE
    from sqlforge.stages.train import train_run

    console.rule("train")
    trained = train_run(run, console, console.print, processes or ALONE)
    if processes is not None:
        processes.leave()
    assert trained is not None  # this is the first process
    console.print(
        f"{trained.examples:,} examples in {trained.seconds:,.0f} s, "
        f"{trained.trainable_parameters / 1e6:.1f} M trainable parameters, "
        f"peak memory {trained.peak_memory_bytes / 2**30:.2f} GiB"
    )


def _reinforce(run: RunDir, console: Console) -> None:
    from sqlforge.stages.reinforce import reinforce_run, settle

    settle(run, console.print)
    if run.tuned.exists():
        console.print("[dim]reinforce: done already[/]")
        return
    console.rule("reinforce")
    found = reinforce_run(run, console, console.print)
    console.print(
        f"{found.samples:,} samples in {found.seconds:,.0f} s, {found.signal:.0%} of groups with "
        f"signal; mean reward {found.reward_before:.3f} in the beginning, {found.reward_after:.3f} "
        f"in the end; {found.right_before:,} of {found.trial:,} trial questions right before, "
        f"{found.right_after:,} after"
    )


def _merge(run: RunDir, console: Console, progress: Callable[[str], Progress]) -> None:
    if run.merged.exists():
        console.print("[dim]merge: done already[/]")
        return
    from sqlforge.stages.merge import merge_run

    console.rule("merge")
    merge_run(run, console.print, progress=progress("merge"))
    console.print(f"whole model in {run.merged}")


def _score(
    run: RunDir, console: Console, progress: Callable[[str], Progress]
) -> dict[str, dict[str, Summary]]:
    from sqlforge.report.console import print_comparison
    from sqlforge.stages.score import score_run

    console.rule("score")
    scored = score_run(run, progress("verdicts"))
    print_comparison(console, scored.summaries, scored.comparison)
    return scored.summaries


def _note_cost(run: RunDir, seconds: float) -> None:
    from sqlforge.model.progress import peak_memory_bytes

    spent = float(run.manifest().get("seconds", 0.0)) + seconds
    run.note(seconds=round(spent, 1), peak_memory_bytes=peak_memory_bytes())


def _report(run: RunDir, console: Console) -> None:
    from sqlforge.stages.report import report_run

    console.print(f"report: {report_run(run)}")


def as_json(summaries: dict[str, dict[str, Summary]]) -> dict[str, object]:
    """Summaries as plain values, for ``--json``."""
    return {
        source: {system: asdict(summary.metrics) for system, summary in systems.items()}
        for source, systems in summaries.items()
    }
