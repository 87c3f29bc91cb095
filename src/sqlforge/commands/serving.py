"""``serve``: a model over HTTP.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import quiet_libraries, write_facts
from sqlforge.commands.options import Json


def serve(
    model: Annotated[str, typer.Option(help="Catalog name, hub id, merged or adapter folder.")],
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
    json: Json = None,
) -> None:
    """Serve a model over HTTP: OpenAI's interface, health and metrics.

    SIGTERM finishes what runs and takes nothing new. See docs/serving.md.
    """
    from sqlforge.serve.keys import read_keys
    from sqlforge.serve.settings import ServeSettings
    from sqlforge.stages.serve import Place
    from sqlforge.stages.serve import serve as run_server

    def found(facts: object) -> None:
        if json is not None:
            write_facts(facts, json)

    quiet_libraries()
    settings = ServeSettings(
        model=name or Path(model).name or model,
        keys=read_keys(api_key_file, os.environ),
        body_bytes=max_request_bytes,
        per_minute=rate,
        running=rows,
        waiting=waiting,
    )
    run_server(
        model,
        settings,
        Place(host, port, grace),
        context=context,
        say=lambda told: typer.echo(told, err=True),
        found=found,
    )
