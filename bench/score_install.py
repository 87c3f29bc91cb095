"""How large the scorer is without the training extra, and how fast it says what it can do.

Builds a fresh virtual environment, installs the checkout into it, and writes
``docs/results/score_install.json``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from claims import ROOT, ClaimRow, write_claims

HELP_RUNS = 7
# Nobody scores with these two: they came with the environment, not with SQLForge.
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        environment = Path(temporary) / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        python = environment / "bin" / "python"
        install = ["-m", "pip", "--disable-pip-version-check", "install", "-q", str(ROOT)]
        subprocess.run([str(python), *install], check=True)
        packages = next((environment / "lib").glob("python*/site-packages"))
        command = [str(environment / "bin" / "sqlforge"), "score", "--help"]
        seconds = [_seconds(command) for _ in range(HELP_RUNS)]
        rows = [
            ClaimRow("megabytes", _megabytes(environment), "MB", "<= 250"),
            ClaimRow("megabytes_without_pip", _megabytes(packages, TOOLS), "MB"),
            ClaimRow("packages", len(list(packages.glob("*.dist-info")))),
            ClaimRow("torch_packages", len(list(packages.glob("torch*"))), bound="== 0"),
            ClaimRow("help_seconds", statistics.median(seconds), "s", "<= 0.5", n=HELP_RUNS),
        ]
    for row in rows:
        print(f"{row.name:<24} {row.value:,.3g} {row.unit} {row.bound or ''}")
    command_line = "python bench/score_install.py"
    print(write_claims("score_install", command=command_line, seed=None, rows=rows))


def _megabytes(folder: Path, without: tuple[str, ...] = ()) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    kept = (path for path in files if not _belongs(path.relative_to(folder).parts[0], without))
    return sum(path.stat().st_size for path in kept) / 1e6


def _belongs(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}-") for package in packages)


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
