"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sqlforge.core.files import check_writable

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder with the published data; else $SQLFORGE_DATA_DIR."),
]


def _told_early(path: Path | None) -> Path | None:
    """What cannot be written is told before the work, not after it."""
    if path is not None:
        check_writable(path)
    return path


Json = Annotated[
    Path | None,
    typer.Option("--json", help="Also write what was found here, as JSON.", callback=_told_early),
]
RunArgument = Annotated[Path, typer.Argument(help="The run directory.")]
RecipeArgument = Annotated[Path, typer.Argument(help="A recipe; see recipes/.")]
ModelToAsk = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Catalog name, hub id, or a folder of a run, a model or an adapter; else the model "
        "trained last under runs/, else smollm2-135m.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.1,
        max=600,
        help="Seconds a query may take, in full; else what --answer-seconds leaves it.",
    ),
]
AnswerSeconds = Annotated[
    float,
    typer.Option(
        "--answer-seconds",
        min=0.0,
        max=600,
        help="Seconds from question to rows; nearing them, the model has to end. 0: no limit.",
    ),
]
MaxNewTokens = Annotated[
    int, typer.Option("--max-new-tokens", min=1, help="Where an answer is cut.")
]
Constrain = Annotated[
    Literal["none", "schema"],
    typer.Option("--constrain", help="schema: only SQL that names what the database has."),
]
JoinOnKeys = Annotated[
    bool, typer.Option("--join-on-keys", help="Under the constraint, ON begins with keys.")
]
LinkedLiterals = Annotated[
    bool,
    typer.Option(
        "--linked-literals",
        help="Under it, literals after a text column and = are values that the question names.",
    ),
]
RefuseBelow = Annotated[
    float | None,
    typer.Option(
        "--refuse-below", help="Refuse answers that are right with a lower probability than this."
    ),
]
