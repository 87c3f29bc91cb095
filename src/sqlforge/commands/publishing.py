"""``publish``: a run's model on a model hub.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sqlforge.cli_support import print_facts, write_facts
from sqlforge.commands.options import Json, RunArgument

if TYPE_CHECKING:
    from sqlforge.stages.publish import Publication


def publish(
    run: RunArgument,
    to: Annotated[str, typer.Option(help="user/name on the hub.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the files and the card; needs no token.")
    ] = False,
    private: Annotated[
        bool, typer.Option("--private", help="Make the repository a private one.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Upload what is held back too: you say that you may.")
    ] = False,
    revision: Annotated[
        str | None, typer.Option("--revision", "--branch", help="A branch; else main.")
    ] = None,
    merged: Annotated[
        bool | None,
        typer.Option("--merged/--adapter", help="Which; else the merged model where there is one."),
    ] = None,
    data: Annotated[bool, typer.Option("--data", help="Also the run's questions and SQL.")] = False,
    json: Json = None,
) -> None:
    """Upload a scored run's model with a card that says what was measured.

    The card is made from the run's own files. Nothing of a private database gets into it; what
    licences or the leak audit do not let go is held back unless you add --yes.
    """
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.publish import file_rows, plan_publication, publish_run

    part: Literal["adapter", "merged"] | None = None
    if merged is not None:
        part = "merged" if merged else "adapter"
    directory = RunDir(run)
    planned = plan_publication(directory, to, part, with_data=data)
    if not planned.digests_noted:
        typer.echo(
            "the manifest notes no digests of these weights: they are not compared", err=True
        )
    facts: dict[str, object] = {
        "to": to,
        "part": planned.part,
        "files": file_rows(planned.files),
        "held_back": list(planned.held),
    }
    if dry_run:
        _show(planned)
        if json is not None:
            write_facts({**facts, "uploaded": False, "card": planned.card}, json)
        return
    url = publish_run(directory, planned, private=private, revision=revision, agreed=yes)
    print_facts({**facts, "uploaded": True, "commit": url}, json)


def _show(planned: Publication) -> None:
    for file in planned.files:
        typer.echo(f"{file.size:>15,} bytes  {file.path}")
    total = sum(file.size for file in planned.files)
    typer.echo(f"{total:>15,} bytes in {len(planned.files)} files for {planned.repository}")
    for reason in planned.held:
        typer.echo(f"held back without --yes: {reason}")
    typer.echo(f"\n{planned.card}")
