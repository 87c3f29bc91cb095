"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
