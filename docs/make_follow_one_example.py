"""Make docs/follow-one-example.md anew: ``python docs/make_follow_one_example.py``.

The example and the answer are those that the page's own command line names, unless ``--id`` and
``--answer`` say otherwise.
"""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from rich.console import Console

from sqlforge.core.config import load_recipe
from sqlforge.pipeline import temporary_run
from sqlforge.report.stations import command_line
from sqlforge.stages.trace import trace_example

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = "docs/follow-one-example.md"
RECIPE = REPOSITORY / "recipes" / "smollm2-135m-cpu.yaml"
_COMMAND = re.compile(r"^Made by `(sqlforge trace .+)`;", re.M)


def command_of(page: str) -> tuple[str, str]:
    """The example's id and the answer in the command at the top of the page.

    >>> command_of("Made by `sqlforge trace x-1 --answer 'SELECT 1' --markdown p.md`; …")
    ('x-1', 'SELECT 1')
    """
    found = _COMMAND.search(page)
    if found is None:
        raise SystemExit(f"{PAGE} names no command: give --id and --answer")
    words = shlex.split(found.group(1))
    return words[2], words[words.index("--answer") + 1]


def make(example_id: str, answer: str, target: Path) -> None:
    """Write the page to ``target``; its command names the page in ``docs/`` wherever it goes."""
    command = ["sqlforge", "trace", example_id, "--answer", answer, "--markdown", PAGE]
    with temporary_run(load_recipe(RECIPE)) as run:
        trace_example(example_id, run, answer, target, Console(), command_line(command))


def main() -> None:
    """Read the options, or the page, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", help="else the page's own")
    parser.add_argument("--answer", help="a model's raw answer; else the page's own")
    given = parser.parse_args()
    page = REPOSITORY / PAGE
    example_id, answer = given.id, given.answer
    if example_id is None or answer is None:
        old_id, old_answer = command_of(page.read_text(encoding="utf-8"))
        example_id, answer = example_id or old_id, answer or old_answer
    make(example_id, answer, page)


if __name__ == "__main__":
    main()
