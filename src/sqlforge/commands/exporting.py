"""``export``: files with which other programs answer as SQLForge does.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sqlforge.cli_support import print_facts
from sqlforge.commands.options import Json


def export(
    grammar: Annotated[
        Literal["lark", "ebnf", "gbnf"],
        typer.Option(help="lark for llguidance, ebnf for xgrammar, gbnf for llama.cpp."),
    ],
    db: Annotated[
        str,
        typer.Option(help="An SQLite file, its URL, or a .sql file of CREATE TABLE statements."),
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    json: Json = None,
) -> None:
    """Write the grammar of the queries that a database can answer.

    Servers that take grammars then write nothing else. A grammar knows the names of tables and
    columns, not which of them a query may use where: docs/decoding.md says what is left.
    """
    from sqlforge.stages.export import export_a_grammar

    schema = export_a_grammar(db, grammar, out)
    found = {"grammar": str(out), "bytes": out.stat().st_size, "tables": len(schema.tables)}
    print_facts(found, json)
