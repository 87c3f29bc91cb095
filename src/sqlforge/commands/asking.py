"""``ask``: answers from a database on the terminal.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sqlforge.cli_support import new_console, write_facts
from sqlforge.commands.options import (
    AnswerSeconds,
    Constrain,
    JoinOnKeys,
    Json,
    LinkedLiterals,
    MaxNewTokens,
    ModelToAsk,
    RefuseBelow,
    Timeout,
)
from sqlforge.core.errors import UserError


def ask(
    db: Annotated[
        str, typer.Option(help="An SQLite or DuckDB file, or a SQLAlchemy URL of a server.")
    ],
    question: Annotated[str | None, typer.Argument(help="In your own words.")] = None,
    model: ModelToAsk = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Go on asking; questions may refer to those before.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also show schema text, linking and candidates.")
    ] = False,
    samples: Annotated[
        int, typer.Option(min=1, max=64, help="Answers to vote over; their results are compared.")
    ] = 1,
    constrain: Constrain = "schema",
    join_on_keys: JoinOnKeys = False,
    linked_literals: LinkedLiterals = False,
    refuse_below: RefuseBelow = None,
    max_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Rows shown at most.")] = 100,
    answer_seconds: AnswerSeconds = 1.9,
    timeout: Timeout = None,
    max_new_tokens: MaxNewTokens = 128,
    json: Json = None,
) -> None:
    """Ask a database a question; it is only read.

    Exits 1 if a single question got no rows.
    """
    from sqlforge.core.decoding import Decoding
    from sqlforge.core.environment import uncollected

    if question is None and not chat:
        raise UserError("no question", "one in quotes", "ask something, or add --chat")
    decoding = Decoding(
        constrain=constrain,
        samples=samples,
        vote=samples > 1,
        refuse_below=refuse_below,
        join_on_keys=join_on_keys,
        linked_literals=linked_literals,
    )
    with uncollected():
        from sqlforge.serve.patience import Patience
        from sqlforge.stages.ask import Asked, ask_database

    patience = Patience.told(answer_seconds, timeout)
    seconds = 2.0 if timeout is None else timeout
    asked = Asked(db, question, model, chat, explain, max_rows, seconds, max_new_tokens, patience)
    found = ask_database(asked, decoding, new_console())
    if json is not None:
        write_facts(found if chat else found[0], json)
    if not chat and found[0]["rows"] is None:
        raise typer.Exit(1)
