"""The print-out of ``sqlforge trace``: one station after another, in colour or as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Station:
    """One stop on an example's way.

    ``where`` is the module that does it. ``tokens`` are pieces of text with whether each is
    supervised; most stations have none.
    """

    title: str
    where: str
    text: str
    tokens: tuple[tuple[str, bool], ...] = ()


def to_console(stations: Sequence[Station], console: Console) -> None:
    """Print the stations; supervised tokens stand out in green.

    >>> to_console([Station("SQL", "score/extract.py", "SELECT 1")], Console(width=40))
    ──────── SQL (score/extract.py) ────────
    SELECT 1
    """
    for station in stations:
        console.rule(f"{station.title} ({station.where})")
        console.print(Text(station.text))
        if station.tokens:
            console.print(_coloured(station.tokens))


def to_markdown(stations: Sequence[Station], command: str) -> str:
    """The stations as a Markdown page that begins with the command that makes it again."""
    lines = ["# Follow one example", "", f"Made by `{command}`; a test holds it to that.", ""]
    for number, station in enumerate(stations, start=1):
        lines += [f"## {number}. {station.title}", "", f"`{station.where}`", ""]
        fence = "````" if "```" in station.text else "```"  # a model may answer in a fence
        lines += [f"{fence}text", station.text, fence, ""]
        if station.tokens:
            lines += ["Supervised tokens in bold, one box a token:", "", _bold(station.tokens), ""]
    return "\n".join(lines)


def command_line(words: Sequence[str]) -> str:
    """``words`` as one line for a shell; SQL with its quotes stays readable.

    >>> print(command_line(["sqlforge", "trace", "x-1", "--answer", "SELECT 'a'"]))
    sqlforge trace x-1 --answer "SELECT 'a'"
    """
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    quoted = shlex.quote(word)
    plain = quoted == word or any(mark in word for mark in '"$`!\\')
    return quoted if plain else f'"{word}"'


def _coloured(tokens: Sequence[tuple[str, bool]]) -> Text:
    text = Text()
    for number, (piece, supervised) in enumerate(tokens):
        shade = ("black on green", "black on bright_green") if supervised else ("dim", "default")
        text.append(piece, style=shade[number % 2])
    return text


def _bold(tokens: Sequence[tuple[str, bool]]) -> str:
    boxes = []
    for piece, supervised in tokens:
        shown = piece.replace("\n", "⏎").replace(" ", "␣").replace("`", "'")
        boxes.append(f"**`{shown}`**" if supervised else f"`{shown}`")
    return " ".join(boxes)
