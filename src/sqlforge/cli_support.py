"""What the commands share; the only place that prints a user's mistake."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sqlforge.core.errors import DataError, SqlforgeError, UserError
from sqlforge.core.files import CANNOT_STORE

if TYPE_CHECKING:
    from rich.console import Console

    from sqlforge.model.distributed import Processes

_SHARED = ("train", "run", "demo")  # verbs that processes can share
# Package → the extra that brings it; the base install does without.
_EXTRAS = {
    "torch": "train",
    "transformers": "train",
    "peft": "train",
    "bitsandbytes": "train",
    "accelerate": "train",
    "safetensors": "train",
    "gguf": "train",
    "huggingface_hub": "publish",
    "httpx2": "publish",
    "faker": "data",
    "datasets": "data",
    "numpy": "data",
    "pyarrow": "data",
    "fastapi": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
    "prometheus_client": "serve",
}


def run_and_explain(command: Callable[[], object]) -> int:
    """Run ``command`` and return the exit code: 0, or 2 and one sentence for a user's mistake.

    Broken gold queries and failed training are nobody's mistake at the keyboard: they return 1,
    but with their sentence only. Anything else is a defect and keeps its traceback.

    >>> run_and_explain(lambda: None)
    0
    """
    try:
        command()
    except UserError as mistake:
        return _say(mistake, 2)
    except SqlforgeError as failure:
        return _say(failure, 1)
    except ModuleNotFoundError as fault:
        if fault.name not in _EXTRAS:
            raise
        return _say(_no_extra(fault.name), 2)
    except OSError as fault:
        # Paths that the user named; a folder of a run that vanished stays a defect.
        if fault.errno not in CANNOT_STORE or fault.filename is None:
            raise
        return _say(_unusable_path(fault), 2)
    return 0


@contextmanager
def launched_together() -> Iterator[Processes | None]:
    """The processes that a launcher started with this one; ``None`` without a launcher."""
    if "RANK" not in os.environ:
        yield None
        return
    from sqlforge.model.distributed import together

    with together() as processes:
        yield processes


def refuse_launcher(verb: str) -> None:
    """Refuse several processes for a verb that would do the same in each.

    Raises:
        UserError: they were launched for another verb than those that train.
    """
    launched = "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"
    if launched and verb not in _SHARED:
        if os.environ["RANK"] != "0":  # the first one says it
            sys.exit(2)
        raise UserError(
            f"several processes for '{verb}'",
            f"them for {', '.join(_SHARED)} only",
            "start it without torchrun or accelerate launch",
        )


def published_folder(explicit: Path | None) -> Path:
    """The folder with published data that ``--data-dir`` or the environment names."""
    from sqlforge.core.paths import data_dir

    found = data_dir(explicit)
    if found is None:
        raise DataError(
            "no folder with the benchmark's files",
            "--data-dir DIR or the environment variable SQLFORGE_DATA_DIR",
            "name the folder that holds the published files",
        )
    return found


def bundled_recipe(name: str) -> Path:
    """A recipe of the package, or of the source tree beside it."""
    here = Path(__file__).resolve().parent
    for folder in (here / "recipes", here.parents[1] / "recipes"):
        if (folder / f"{name}.yaml").exists():
            return folder / f"{name}.yaml"
    raise UserError(f"an installation without {name}.yaml", "the recipes", "reinstall sqlforge")


def new_console() -> Console:
    """Where people read; lines are not broken for files and pipes."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def progress_on(console: Console) -> Callable[[str], Callable[[int, int], None]]:
    """A maker of progress bars on ``console``."""
    from sqlforge.report.progress import progress_bars

    return progress_bars(console)


def quiet_libraries() -> None:
    """Our bars and sentences say what happens; the libraries' own add noise only."""
    from sqlforge.model.quiet import quiet_libraries

    quiet_libraries()


def print_facts(facts: object, path: Path | None) -> None:
    """Print what was found as JSON, and write it to ``path`` if there is one."""
    typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
    if path is not None:
        write_facts(facts, path)


def write_facts(facts: object, path: Path) -> None:
    """Write what was found as JSON."""
    from sqlforge.core.files import write_json

    write_json(path, facts)


def _say(reason: Exception, code: int) -> int:
    from sqlforge.core.redact import without_password

    typer.echo(without_password(f"sqlforge: {reason}"), err=True)
    return code


def _no_extra(package: str) -> UserError:
    return UserError(
        f"an installation without the package '{package}'",
        f"the extra '{_EXTRAS[package]}'",
        f"in SQLForge's source folder: pip install -e '.[{_EXTRAS[package]}]'",
    )


def _unusable_path(fault: OSError) -> UserError:
    return UserError(
        f"'{fault.strerror}' at {fault.filename}",
        "a path that can be read or written as the command needs",
        "check what it is, who may use it, and whether the disk has room",
    )
