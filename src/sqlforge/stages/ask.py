"""``ask``: questions in words, answered from a database on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from sqlforge.core.decoding import Decoding
from sqlforge.core.environment import let_threads_sleep, uncollected
from sqlforge.core.errors import UserError
from sqlforge.core.records import SqlValue
from sqlforge.database.place import place_of
from sqlforge.serve.answering import Answerer
from sqlforge.serve.answers import Answer, Rows
from sqlforge.serve.patience import Patience

if TYPE_CHECKING:
    from sqlforge.database.cells import Cells

_ENDS = ("quit", "exit", "\\q", ":q")
_LONGEST = 60  # characters of a cell that are shown
_CANDIDATES = 8
CUT_SHORT = (
    "The SQL may have been brought to an end before the model would have: it may lack something. "
    "Allow more with --answer-seconds or --max-new-tokens."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said on the command line."""

    db: str
    question: str | None
    model: str | None
    chat: bool
    explain: bool
    max_rows: int
    timeout_s: float
    max_new_tokens: int
    patience: Patience


def ask_database(asked: Asked, decoding: Decoding, console: Console) -> list[dict[str, Any]]:
    """Answer a question, or question after question, and print each answer; they come as facts.

    Raises:
        DatabaseError, ModelError: one of them cannot be had.
        UserError: the question does not fit the model.
    """
    place = place_of(asked.db)  # told before the libraries are loaded
    let_threads_sleep()
    with ExitStack() as opened:
        with uncollected():
            from sqlforge.model.online import default_model
            from sqlforge.model.quiet import quiet_libraries

            quiet_libraries()
            model = asked.model or default_model()
            console.print(Text(f"{model} answers from {place.shown}"), style="dim")
            answerer = opened.enter_context(_opened(asked, model, decoding))
        for line in answerer.advice():
            console.print(Text(line), style="dim")
        if asked.chat:
            read = _reader(console)
            answers = list(
                chat(answerer, console, read, first=asked.question, explain=asked.explain)
            )
        else:
            answers = [answerer.answer(asked.question or "")]
            show(answers[0], console, explain=asked.explain, cells=answerer.cells)
        return [facts(answer, model) for answer in answers]


def _opened(asked: Asked, model: str, decoding: Decoding) -> Answerer:
    return Answerer.open(
        model,
        asked.db,
        decoding,
        max_rows=asked.max_rows,
        timeout_s=asked.timeout_s,
        max_new_tokens=asked.max_new_tokens,
        patience=asked.patience,
    )


def _reader(console: Console) -> Callable[[], str]:
    """Questions from the terminal, with a prompt, or from a pipe, without one."""
    if not sys.stdin.isatty():
        return input
    console.print("Ask; an empty line is passed over, quit ends.", style="dim")
    return lambda: input("> ")


def chat(
    answerer: Answerer,
    console: Console,
    read: Callable[[], str],
    *,
    first: str | None,
    explain: bool,
) -> Iterator[Answer]:
    """Answer questions until ``read`` raises ``EOFError`` or gives a word that ends.

    Each answer is printed and given; later questions may go on from those that had SQL. What is
    wrong with a question is said, and the next one read.
    """
    history: list[tuple[str, str]] = []
    question = first
    while True:
        if question is None:
            try:
                question = read().strip()
            except (EOFError, KeyboardInterrupt):
                return
        if question.lower() in _ENDS:
            return
        if question:
            try:
                answer = answerer.answer(question, history=history)
            except UserError as mistake:
                console.print(Text(str(mistake)))
            else:
                show(answer, console, explain=explain, cells=answerer.cells)
                if answer.sql is not None and answer.rows is not None:
                    history.append((question, answer.sql))
                yield answer
        question = None


def show(
    answer: Answer, console: Console, *, explain: bool = False, cells: Cells | None = None
) -> None:
    """Print an answer: its SQL, its rows as a table, and with ``explain`` what led to it."""
    if explain:
        _explain(answer, console, cells)
    elif answer.tables_shown < answer.tables:
        console.print(_pruned(answer), style="dim")
    if answer.sql is not None:
        console.print(Text(plain(answer.sql, lines=True)), style="bold")
    if answer.rows is not None:
        _show_rows(answer.rows, console)
    else:
        console.print(Text(plain(answer.error or "No rows.")), style="red")
    if answer.cut_short:
        console.print(Text(CUT_SHORT), style="yellow")
    console.print(_last_line(answer), style="dim")


def facts(answer: Answer, model: str) -> dict[str, Any]:
    """An answer as JSON has it."""
    told = asdict(answer)
    if answer.rows is not None:
        told["rows"]["rows"] = [[_json_value(v) for v in row] for row in answer.rows.rows]
    return {**told, "model": model}


def plain(text: str, *, lines: bool = False) -> str:
    """Text without what a terminal would take for a command.

    >>> plain("red\\x1b[31m\\ttape")
    'red�[31m�tape'
    """
    kept = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in kept else "\ufffd" for c in text)


def _explain(answer: Answer, console: Console, cells: Cells | None) -> None:
    console.print("Schema as the model reads it", style="dim")
    console.print(Text(plain(answer.schema_text, lines=True)))
    if answer.tables_shown < answer.tables:
        console.print(_pruned(answer), style="dim")
    console.print("Linked", style="dim")
    for link in answer.linked:
        place = link.table if link.column is None else f"{link.table}.{link.column}"
        value = "" if link.value is None else f" = {link.value!r}"
        console.print(Text(plain(f"  {link.said!r} → {place}{value}")))
    if not answer.linked:
        console.print("  nothing that the question names")
    if cells is not None and cells.read < cells.columns:
        console.print(f"  (values of {cells.read:,} of {cells.columns:,} text columns were read)")
    console.print("Candidates", style="dim")
    for tried in answer.candidates[:_CANDIDATES]:
        votes = f"{tried.votes} vote{'' if tried.votes == 1 else 's'}"
        fault = f"  ({tried.error})" if tried.error else ""
        told = f"  {tried.probability:.3f}  {votes}  {' '.join(tried.sql.split())}{fault}"
        console.print(Text(plain(told)))
    console.print("Answer", style="dim")


def _show_rows(rows: Rows, console: Console) -> None:
    grid = Grid(show_lines=False)
    for index, name in enumerate(rows.columns):
        numbers = all(isinstance(row[index], int | float | None) for row in rows.rows)
        grid.add_column(Text(plain(name)), justify="right" if numbers else "left")
    for row in rows.rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    console.print(grid)


def _cell(value: SqlValue) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    text = plain(f"{value:.10g}" if isinstance(value, float) else str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _pruned(answer: Answer) -> str:
    return (
        f"The schema has {answer.tables:,} tables: the model was shown the "
        f"{answer.tables_shown:,} that the question seems to be about."
    )


def _last_line(answer: Answer) -> str:
    parts = []
    if answer.rows is not None:
        count = len(answer.rows.rows)
        more = "the first " if answer.rows.truncated else ""
        parts.append(f"{more}{count:,} row{'' if count == 1 else 's'}")
    if answer.confidence is not None:
        word = "confidence" if answer.calibrated else "agreement"
        parts.append(f"{word} {answer.confidence:.0%}")
    parts.append(f"{answer.seconds:.1f} s")
    return ", ".join(parts)


def _json_value(value: SqlValue) -> str | int | float | None:
    return value.hex() if isinstance(value, bytes) else value
