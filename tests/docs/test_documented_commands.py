"""What documents, recipes and help tell to type is what the real command line takes.

Commands are parsed, not run: options exist, values have their types, nothing required is missing.
"""

import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import typer

from claims import documents
from sqlforge.cli import VERBS, app

ROOT = Path(__file__).resolve().parents[2]
PARSER = typer.main.get_command(app)
TO_COPY = re.compile(r"^(?:\$ |#.*\bRun: |\t\$\(BIN\)/(?=sqlforge ))(.+)$", re.M)
NAMED = re.compile(r"(?<!`)`((?:sqlforge|make|python|pip)\s[^`]+)`")


def documented(pattern: re.Pattern[str], paths: Iterable[Path]) -> list[tuple[str, str]]:
    """(file, command line), in one line and without its comment."""
    return [
        (path.relative_to(ROOT).as_posix(), " ".join(found.split()))
        for path in paths
        for found in pattern.findall(path.read_text(encoding="utf-8"))
    ]


COPIED = documented(
    TO_COPY, [*documents(), *sorted(ROOT.glob("recipes/**/*.yaml")), ROOT / "Makefile"]
)
SPOKEN = documented(NAMED, [*documents(), *sorted(ROOT.glob("recipes/**/*.yaml"))])
EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
)
# Programs of others that a model card names: what they take is theirs to say.
ELSEWHERE = {"hf", "ollama", "vllm"}
EXAMPLES = [("--help", example) for _, example in VERBS]


def check(line: str, whole: bool) -> None:
    """Fails as the command line, ``make`` or a script would if ``line`` were typed."""
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.M), "no such target"
    elif program == "python":
        script = (ROOT / words[0]).read_text(encoding="utf-8")
        options = [word for word in words[1:] if word.startswith("--")]
        assert not [option for option in options if f'"{option}"' not in script]
    elif program == "sqlforge":
        top = PARSER.make_context("sqlforge", list(words), resilient_parsing=True)
        verb = PARSER.commands[words[0]]
        if whole:
            verb.make_context(words[0], words[1:], parent=top)
        else:  # without what is required, and with N for a number
            context = verb.make_context(words[0], [], parent=top, resilient_parsing=True)
            verb.make_parser(context).parse_args(words[1:])
        for word in words:
            assert not word.startswith("recipes/") or (ROOT / word).is_file(), "no such recipe"
    elif program in ELSEWHERE:
        return
    else:
        assert program == "pip", f"nobody checks {program}"
        # The index has another package of this name: what is installed is the checkout.
        found = re.fullmatch(r"\.(?:\[([\w,]+)\])?", words[-1])
        assert found, f"{words[-1]} is not this checkout"
        assert set(filter(None, (found[1] or "").split(","))) <= EXTRAS


@pytest.mark.parametrize(("where", "line"), [*COPIED, *EXAMPLES])
def test_what_a_reader_copies_is_taken(where: str, line: str) -> None:
    check(line, whole=True)


@pytest.mark.parametrize(("where", "line"), SPOKEN)
def test_what_a_sentence_names_exists(where: str, line: str) -> None:
    check(line, whole=False)


@pytest.mark.parametrize(
    "line",
    [
        "sqlforge forge",
        "sqlforge score --benchmark spider --prediction pred.sql",
        "sqlforge score --predictions pred.sql",
        "sqlforge score --benchmark spider --predictions pred.sql --suite many",
        "sqlforge run recipes/none.yaml",
        "make everything",
        "pip install sqlforge[train]",
        "pip install -e .[trian]",
        "python bench/score.py --faster",
    ],
)
def test_the_check_can_fail(line: str) -> None:
    with pytest.raises((AssertionError, KeyError, typer.TyperException)):
        check(line, whole=True)


def test_commands_are_found_in_every_place() -> None:
    files = {where for where, _ in COPIED}
    assert {"README.md", "CONTRIBUTING.md", "Makefile", "docs/leaks.md"} <= files
    assert {"recipes/own-database.yaml", "recipes/smollm2-135m-gpu.yaml"} <= files
    assert len(SPOKEN) > 20
