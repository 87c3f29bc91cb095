"""A check that is told to look away says why, and nothing is told so in vain.

Whether a suppression is needed at all, ruff (RUF100) and mypy (warn_unused_ignores) know.
"""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHECKED_BY_MYPY = "src"
FOLDERS = (CHECKED_BY_MYPY, "tests", "bench", "docs")
WITH_REASON = re.compile(
    r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z,-]+\])\s+[#(-].{8,}"
)
SUPPRESSION = re.compile(r"# *(?:noqa\b|type: *ignore\b)")


def comments(file: Path) -> Iterator[tuple[int, str]]:
    text = file.read_text(encoding="utf-8")
    if "noqa" not in text and "ignore" not in text:  # most files; tokens take seconds
        return
    with file.open("rb") as opened:
        for token in tokenize.tokenize(opened.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


FILES = [*ROOT.glob("*.py"), *(f for folder in FOLDERS for f in (ROOT / folder).rglob("*.py"))]


def test_every_suppression_says_why() -> None:
    bare = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in FILES
        for line, text in comments(file)
        if SUPPRESSION.match(text) and not WITH_REASON.match(text)
    ]
    assert not bare, "\n".join(bare)


def test_types_are_ignored_only_where_they_are_checked() -> None:
    elsewhere = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in FILES
        if not file.is_relative_to(ROOT / CHECKED_BY_MYPY)
        for line, text in comments(file)
        if "type: ignore" in text
    ]
    assert not elsewhere, "\n".join(elsewhere)


@pytest.mark.parametrize(
    ("comment", "fine"),
    [
        ("# noqa: BLE001  (told in full; the others have their figures)", True),
        ("# type: ignore[misc]  # vLLM is another environment's", True),
        ("# noqa: E501 -- a rule a line", True),
        ("# noqa: SIM115", False),
        ("# noqa", False),
        ("# type: ignore", False),
        ("# type: ignore[misc]  # x", False),
    ],
)
def test_a_reason_is_told_from_none(comment: str, fine: bool) -> None:
    assert bool(WITH_REASON.match(comment)) is fine
