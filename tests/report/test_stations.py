import io
import re
import shlex

import pytest
from rich.console import Console

from sqlforge.report.stations import Station, command_line, to_console, to_markdown

PLAIN = Station("SQL", "score/extract.py", "SELECT [bold]1[/] -- *not* markup")
TOKENS = Station(
    "Token ids",
    "prompt/encode.py",
    "2 prompt ids, 2 supervised ids",
    ((" a", False), ("\n", False), ("SEL`ECT", True), (" 1", True)),
)


def printed(*stations: Station, colour: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=60, color_system="standard" if colour else None)
    to_console(stations, console)
    return stream.getvalue()


def test_every_station_is_printed_under_its_title_and_module() -> None:
    shown = printed(PLAIN, TOKENS)
    assert "SQL (score/extract.py)" in shown
    assert "Token ids (prompt/encode.py)" in shown
    assert "SELECT [bold]1[/] -- *not* markup" in shown


def test_supervised_tokens_stand_on_green_and_the_prompt_does_not() -> None:
    coloured = printed(TOKENS, colour=True)
    green = re.findall(r"\x1b\[[0-9;]*(?:42|102)m([^\x1b]*)", coloured)
    assert "".join(green) == "SEL`ECT 1"


def test_the_page_begins_with_its_command_and_numbers_its_stations() -> None:
    page = to_markdown([PLAIN, TOKENS], "sqlforge trace x-1").splitlines()
    assert page[0] == "# Follow one example"
    assert page[2].startswith("Made by `sqlforge trace x-1`;")
    assert [line for line in page if line.startswith("## ")] == ["## 1. SQL", "## 2. Token ids"]
    assert page.count("```text") == page.count("```") == 2


def test_on_the_page_supervised_tokens_are_bold_and_blanks_visible() -> None:
    page = to_markdown([TOKENS], "sqlforge trace x-1")
    assert "`␣a` `⏎` **`SEL'ECT`** **`␣1`**" in page.splitlines()


def test_text_with_a_fence_of_its_own_stays_inside_its_block() -> None:
    fenced = Station("Generated text", "model/generate.py", "Here:\n```sql\nSELECT 1\n```\nDone.")
    page = to_markdown([fenced], "sqlforge trace x-1").splitlines()
    start = page.index("````text")
    assert page[start + 1 : start + 6] == fenced.text.splitlines()
    assert page[start + 6] == "````"


def test_a_page_without_stations_is_a_title_only() -> None:
    assert to_markdown([], "sqlforge trace x-1").count("\n## ") == 0


@pytest.mark.parametrize(
    "answer",
    ["SELECT 'a'", 'SELECT "a"', "SELECT 'it''s \"x\"'", "a $HOME `ls` \\ !", "SELECT\n1", "", "1"],
)
def test_a_shell_reads_the_command_line_as_it_was_meant(answer: str) -> None:
    words = ["sqlforge", "trace", "x-1", "--answer", answer]
    assert shlex.split(command_line(words)) == words
