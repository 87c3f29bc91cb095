"""What is seen and kept of a training run: a progress bar and one JSON line a step."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback

from sqlforge.core.files import storing, write_text
from sqlforge.model.pack import Pack, size_of
from sqlforge.model.validation import Validation


def peak_memory_bytes() -> int:
    """Peak memory of this process: reserved on the GPU where one is used, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_reserved() > 0:
        return int(torch.cuda.max_memory_reserved())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def step_bar(name: str, console: Console) -> Progress:
    """A bar of steps with its ETA; its task has a field ``facts``."""
    return Progress(
        TextColumn(name),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=console,
        refresh_per_second=2,
    )


def keep_lines(path: Path, steps: int) -> None:
    """Drop what a log of one line a step holds past ``steps``; there need be none yet."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    # A kill may have cut the last line; steps are one line each, so the first ones are whole.
    kept = [line for line in lines[:steps] if line.endswith("}")]
    write_text(path, "".join(line + "\n" for line in kept))


class MetricsLog(TrainerCallback):
    """Appends ``{"step", "loss", …}`` to ``logs/metrics.jsonl`` and draws the bar.

    Args:
        path: the JSONL file; lines past the step that a resumed run starts from are dropped.
        packs: what is trained on, in order, to count tokens and examples.
        accumulation: packs a step.
        steps: steps of the whole run.
        console: where the bar is drawn.
        validate: measures on validation examples, every ``validate_steps`` and at the end.
    """

    def __init__(
        self,
        path: Path,
        packs: Sequence[Pack],
        accumulation: int,
        steps: int,
        console: Console,
        validate: Callable[[], Validation] | None = None,
        validate_steps: int = 1,
    ) -> None:
        self._validate, self._validate_steps = validate, validate_steps
        self._validated: Validation | None = None
        self._told = ""
        self._path, self._packs, self._accumulation = path, packs, accumulation
        self._started = time.monotonic()
        self._last = self._started
        self._steps = steps
        self._progress = step_bar("train", console)
        self._task = self._progress.add_task("train", total=steps, facts="")

    def resume(self, step: int) -> None:
        """Keep the log up to ``step`` and start the bar there."""
        keep_lines(self._path, step)
        self._progress.update(self._task, completed=step)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock and the bar."""
        self._started = self._last = time.monotonic()
        self._progress.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Validate, if it is time; the step's line has what came out."""
        due = state.global_step % self._validate_steps == 0 or state.global_step == self._steps
        if self._validate is not None and due:
            began = time.monotonic()
            self._validated = self._validate()
            self._last += time.monotonic() - began  # no part of training

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Write one step's line."""
        if not logs or "loss" not in logs:
            return
        row = self._row(state.global_step, logs)
        with storing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        facts = (
            f"loss {row['loss']:.3f} · {row['tokens_per_second']:.0f} tokens/s · "
            f"{row['examples_per_second']:.1f} examples/s · "
            f"peak {row['peak_memory_bytes'] / 2**30:.1f} GiB"
        )
        if "validation_loss" in row:
            self._told = f" · validation {row['validation_loss']:.3f}"
        self._progress.update(self._task, completed=state.global_step, facts=facts + self._told)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self._progress.stop()

    def seconds(self) -> float:
        """Wall time of all steps in the log, those before a resumption included."""
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        return float(sum(json.loads(line)["seconds"] for line in lines))

    def close(self) -> None:
        """Close the bar, also where training broke off."""
        self._progress.stop()

    def _row(self, step: int, logs: dict[str, Any]) -> dict[str, Any]:
        now = time.monotonic()
        end = min(step * self._accumulation, len(self._packs))
        sizes = [size_of(self._packs, i) for i in range((step - 1) * self._accumulation, end)]
        tokens, examples = sum(size[0] for size in sizes), sum(size[1] for size in sizes)
        seconds, self._last = now - self._last, now
        row = {
            "step": step,
            "loss": logs["loss"],
            "learning_rate": logs.get("learning_rate"),
            "grad_norm": logs.get("grad_norm"),
            "tokens": tokens,
            "examples": examples,
            "seconds": round(seconds, 4),
            "tokens_per_second": round(tokens / seconds, 1) if seconds else 0.0,
            "examples_per_second": round(examples / seconds, 2) if seconds else 0.0,
            "peak_memory_bytes": peak_memory_bytes(),
        }
        if self._validated is not None:
            row |= {f"validation_{k}": round(v, 6) for k, v in asdict(self._validated).items()}
            self._validated = None
        return row
