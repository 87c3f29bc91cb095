"""What bench/whole_recipe.py has seen, and what it claims of that."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from claims import ClaimRow

REFERENCE_SECONDS = 1_173  # that the reference recipe took for 500 answers


@dataclass(slots=True)
class State:
    """What has been seen so far, over all calls; seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    killed_at: int = 0
    log_when_killed: list[str] = field(default_factory=list)
    short_of_memory: list[str] = field(default_factory=list)
    most_on_card: float = 0.0  # GiB


def logged(run: Path) -> list[str]:
    """One line a step, as far as training has got."""
    file = run / "logs" / "metrics.jsonl"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def claims(run: Path, state: State) -> list[ClaimRow]:
    """What the finished run shows; times are of this card, with random weights."""
    log = logged(run)
    same = [a == b for a, b in zip(log, state.log_when_killed, strict=False)]
    went_on = same.index(False) if False in same else len(same)
    steps = [json.loads(line)["step"] for line in log]
    rows = [
        ClaimRow("steps", len(set(steps)), bound=">= 100"),
        ClaimRow("killed_after_step", state.killed_at),
        ClaimRow("went_on_from_step", went_on, bound=">= 1"),
        ClaimRow("out_of_memory", len(state.short_of_memory), bound="<= 0"),
        ClaimRow("merged", float((run / "merged" / "config.json").exists()), bound=">= 1"),
    ]
    for system in ("base", "tuned", "merged"):
        file = run / "predictions" / f"{system}.jsonl"
        bound = ">= 500" if system == "tuned" else None
        answers = len(file.read_text(encoding="utf-8").splitlines())
        rows.append(ClaimRow(f"answers_{system}", answers, bound=bound))
    files = [run / "scores" / f"tuned-{source}.json" for source in ("spider", "wikisql")]
    scored = sum(json.loads(file.read_text())["n"] for file in files)
    rows.append(ClaimRow("answers_tuned_scored", scored, bound=">= 500"))
    peaks = [json.loads(line)["peak_memory_bytes"] for line in log]
    rows.append(ClaimRow("training_peak_reserved", max(peaks) / 2**30, "GiB", "<= 11.25"))
    if state.most_on_card:
        rows.append(ClaimRow("most_on_card", state.most_on_card, "GiB"))
    for stage, seconds in state.seconds.items():
        bound = f"<= {REFERENCE_SECONDS}" if stage == "predict: tuned" else None
        name = "seconds_" + re.sub(r"\W+", "_", stage)
        rows.append(ClaimRow(name, seconds, "s", bound))
    return rows
