"""What is seen and kept of a reinforcement: a progress bar and one JSON line an update."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from transformers import TrainerCallback

from sqlforge.core.files import storing
from sqlforge.model.progress import keep_lines, peak_memory_bytes, step_bar

# TRL's name → ours; what TRL does not log (the distance without a reference) is left out.
_KEPT = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "reward": "reward",
    "entropy": "entropy",
    "kl": "kl",
    "clip_ratio/region_mean": "clipped",
}
_OURS = "sqlforge/"


class ReinforceLog(TrainerCallback):
    """Appends ``{"step", "reward", "signal", …}`` to a JSONL file and draws the bar.

    Args:
        path: the file; lines past the update that a resumed run starts from are dropped.
        updates: of the whole run.
        console: where the bar is drawn.
    """

    def __init__(self, path: Path, updates: int, console: Console) -> None:
        self._path = path
        self._last = time.monotonic()
        self._facts = ""
        self._progress = step_bar("reinforce", console)
        self._task = self._progress.add_task("reinforce", total=updates, facts="")
        path.parent.mkdir(parents=True, exist_ok=True)

    def resume(self, update: int) -> None:
        """Keep the log up to ``update`` and start the bar there."""
        keep_lines(self._path, update)
        self._progress.update(self._task, completed=update)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock and the bar."""
        self._last = time.monotonic()
        self._progress.start()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Write one update's line."""
        if not logs or "loss" not in logs:
            return
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        row: dict[str, Any] = {"step": state.global_step}
        row |= {ours: logs[theirs] for theirs, ours in _KEPT.items() if theirs in logs}
        row |= {k.removeprefix(_OURS): v for k, v in logs.items() if k.startswith(_OURS)}
        row |= {"seconds": round(seconds, 4), "peak_memory_bytes": peak_memory_bytes()}
        with storing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if "samples" in row:  # not where samples are learnt from again
            self._facts = (
                f"reward {row['reward']:.3f} · signal {row['signal']:.0%} · "
                f"{row['samples'] / seconds:.1f} samples/s"
            )
        self._progress.update(self._task, completed=state.global_step, facts=self._facts)

    def rows(self) -> list[dict[str, Any]]:
        """All updates so far, those before a resumption included."""
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Close the bar, also where training broke off."""
        self._progress.stop()
