"""The machine and the tree that something is measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlforge.core.environment import environment, usable_cores

_ROOT = Path(__file__).resolve().parent.parent
_OTHERS = ("triton", "trl", "unsloth")  # whose speed is compared, or counts


def this_machine() -> dict[str, Any]:
    """Hardware and versions, as every file of claims has them."""
    return {"hardware": hardware(), "versions": versions()}


def commit() -> str:
    """The commit measured, with ``+changes`` where tracked code differs from it."""
    if told := os.environ.get("SQLFORGE_COMMIT"):
        return told
    head = _git("rev-parse", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench", "recipes")
    return head + ("+changes" if changed else "")


def hardware() -> dict[str, Any]:
    """CPU, cores that may be used, memory in GiB, and the GPU if torch is loaded and sees one."""
    told = environment()
    found: dict[str, Any] = {
        "cpu": told["processor"],
        "cores": usable_cores(),
        "memory_gib": told["memory_gib"],
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name(0)
        memory = torch.cuda.get_device_properties(0).total_memory
        found["gpu_memory_gib"] = round(memory / 2**30, 1)
    return found


def versions() -> dict[str, str]:
    """Python and those of the packages in play that are installed."""
    packages = environment()["packages"]
    assert isinstance(packages, dict)
    others = {d.name: d.version for d in importlib.metadata.distributions() if d.name in _OTHERS}
    return {"python": platform.python_version(), **packages, **others}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
