"""Run a command and watch its whole cost: wall time, and memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY = 0.5  # seconds between two looks at the memory


@dataclass(frozen=True, slots=True)
class Cost:
    """``peak_bytes`` is the largest sum of resident memory over the process tree, sampled."""

    seconds: float
    peak_bytes: int
    returncode: int


def watched(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Cost:
    """Run ``command`` in ``folder``, its output passed through, and measure it."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **(environment or {})})
    peak = 0
    over = threading.Event()

    def look() -> None:
        nonlocal peak
        while not over.wait(_EVERY):
            peak = max(peak, _tree_bytes(process.pid))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    code = process.wait()
    over.set()
    watcher.join()
    return Cost(time.monotonic() - started, peak, code)


def _tree_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; shared pages count once a process."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return total
    return total
