"""``serve``: a model, and a database to ask about, over HTTP.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import quiet_libraries, write_facts
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
from sqlforge.core.environment import let_threads_sleep
from sqlforge.core.errors import UserError


def serve(
    model: ModelToAsk = None,
    db: Annotated[
        str | None,
        typer.Option(help="What questions are about: a SQLAlchemy URL, an SQLite or DuckDB file."),
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(help="A server of OpenAI's interface, vLLM's say, that writes instead."),
    ] = None,
    host: Annotated[str, typer.Option(help="Other than this machine's own needs keys.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    api_key_file: Annotated[
        Path | None,
        typer.Option(help="SECRET or NAME SECRET a line; SQLFORGE_API_KEYS holds keys too."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What clients call the model; else its folder's name.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Texts written at once.")] = 32,
    waiting: Annotated[
        int, typer.Option(min=0, help="Texts that may wait; beyond, clients get 429.")
    ] = 256,
    context: Annotated[
        int, typer.Option(min=16, help="Longest prompt and text together, in tokens.")
    ] = 2048,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute of one key; else unlimited.")
    ] = None,
    max_request_bytes: Annotated[
        int, typer.Option(min=1024, help="Longer requests are refused with 413.")
    ] = 256 * 1024,
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds to finish what runs when told to stop.")
    ] = 30.0,
    samples: Annotated[
        int, typer.Option(min=1, max=64, help="Answers to a question to vote over.")
    ] = 1,
    constrain: Constrain = "schema",
    join_on_keys: JoinOnKeys = False,
    linked_literals: LinkedLiterals = False,
    refuse_below: RefuseBelow = None,
    max_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Rows of a result.")] = 1000,
    answer_seconds: AnswerSeconds = 1.9,
    timeout: Timeout = None,
    max_new_tokens: MaxNewTokens = 128,
    json: Json = None,
) -> None:
    """Serve a model over HTTP: OpenAI's interface, and questions about a database with a page.

    SIGTERM finishes what runs and takes nothing new. See docs/serving.md.
    """
    if upstream is not None and name is not None:
        raise UserError(
            "--name with --upstream",
            "the name by which the other server calls its model, which clients have to say",
            "leave out --name",
        )
    if upstream is not None and (model is None) != (db is None):
        raise UserError(
            "--upstream with --db but no --model" if model is None else "--upstream with --model",
            "both to answer from a database, the model being the one that is served there, or none",
            "name the folder that it serves, for its tokenizer and prompts"
            if model is None
            else "leave out --model, or add --db",
        )
    from sqlforge.core.decoding import Decoding
    from sqlforge.serve.keys import read_keys
    from sqlforge.serve.patience import Patience

    let_threads_sleep()
    from sqlforge.serve.settings import ServeSettings
    from sqlforge.stages.serve import Asking, Place, Writing
    from sqlforge.stages.serve import serve as run_server

    decoding = Decoding(
        constrain=constrain,
        samples=samples,
        vote=samples > 1,
        refuse_below=refuse_below,
        join_on_keys=join_on_keys,
        linked_literals=linked_literals,
    )
    keys = read_keys(api_key_file, os.environ)
    if upstream is None and model is None:
        from sqlforge.model.online import default_model

        model = default_model()

    def found(facts: object) -> None:
        if json is not None:
            write_facts(facts, json)

    quiet_libraries()
    settings = ServeSettings(
        model=name or _called(Path(model or "upstream")),
        keys=keys,
        body_bytes=max_request_bytes,
        per_minute=rate,
        running=rows,
        waiting=waiting,
    )
    patience = Patience.told(answer_seconds, timeout)
    seconds = 10.0 if timeout is None else timeout
    run_server(
        Writing(model, context, upstream, os.environ.get("SQLFORGE_UPSTREAM_KEY")),
        None if db is None else Asking(db, decoding, max_rows, seconds, max_new_tokens, patience),
        settings,
        Place(host, port, grace),
        say=lambda told: typer.echo(told, err=True),
        found=found,
    )


def _called(model: Path) -> str:
    """A model's name, of a run's the run's."""
    inside = model.name in ("adapter", "merged") and model.parent.name != ""
    return model.parent.name if inside else model.name
