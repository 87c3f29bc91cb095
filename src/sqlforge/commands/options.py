"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder with the published data; else $SQLFORGE_DATA_DIR."),
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also write what was found here, as JSON.")
]
RunArgument = Annotated[Path, typer.Argument(help="The run directory.")]
RecipeArgument = Annotated[Path, typer.Argument(help="A recipe; see recipes/.")]
AnsweringModel = Annotated[
    str | None,
    typer.Option(
        help="Catalog name, hub id, or a folder of a run, a model or an adapter; else the "
        "model trained last under runs/, else smollm2-135m."
    ),
]
Constrain = Annotated[
    Literal["none", "schema"],
    typer.Option(help="schema: only SQL that names what the database has."),
]
RefuseBelow = Annotated[
    float | None,
    typer.Option(help="Refuse answers that are right with a lower probability than this."),
]
QuerySeconds = Annotated[float, typer.Option(min=0.1, max=600, help="Seconds a query may take.")]
