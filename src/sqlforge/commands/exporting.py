"""``export``: files with which other programs answer as SQLForge does.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sqlforge.cli_support import print_facts, quiet_libraries
from sqlforge.commands.options import Json
from sqlforge.core.errors import UserError


def export(
    out: Annotated[Path, typer.Option(help="The file of a grammar; else a new folder.")],
    gguf: Annotated[
        Literal["f16", "q8_0"] | None,
        typer.Option(help="The model for llama.cpp, and a Modelfile for Ollama."),
    ] = None,
    safetensors: Annotated[
        bool, typer.Option("--safetensors", help="The model for transformers and vLLM.")
    ] = False,
    grammar: Annotated[
        Literal["lark", "ebnf", "gbnf"] | None,
        typer.Option(help="lark for llguidance, ebnf for xgrammar, gbnf for llama.cpp."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A run, a merged folder, or a base model by name.")
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(help="An SQLite file, its URL, or a .sql file of CREATE TABLE statements."),
    ] = None,
    json: Json = None,
) -> None:
    """Write a model for other programs, or the grammar of the queries a database can answer.

    --gguf and --safetensors need --model, --grammar needs --db. A GGUF file is read back and
    compared tensor by tensor. A grammar knows the names of tables and columns, not which of them a
    query may use where: docs/decoding.md says what is left.
    """
    kinds = [name for name, given in _asked(gguf, safetensors, grammar) if given]
    if len(kinds) != 1:
        raise UserError(
            " and ".join(kinds) or "no kind of export",
            "one of --gguf f16|q8_0, --safetensors and --grammar lark|ebnf|gbnf",
            "say which; see 'sqlforge export --help'",
        )
    (kind,) = kinds
    needed, other = ("--db", "--model") if grammar else ("--model", "--db")
    given, unwanted = (db, model) if grammar else (model, db)
    if given is None:
        raise UserError(f"{kind} without {needed}", f"{kind} with {needed}", f"add {needed}")
    if unwanted is not None:
        raise UserError(f"{kind} with {other}", f"{kind} with {needed}", f"leave {other} out")
    from sqlforge.stages.export import export_a_grammar, export_gguf, export_safetensors

    found: dict[str, object]
    if grammar:
        schema = export_a_grammar(given, grammar, out)
        found = {"grammar": str(out), "bytes": out.stat().st_size, "tables": len(schema.tables)}
    elif gguf:
        from dataclasses import asdict

        quiet_libraries()
        found = {"folder": str(out), **asdict(export_gguf(given, gguf, out))}
    else:
        quiet_libraries()
        found = {"folder": str(out), "bytes": export_safetensors(given, out)}
    print_facts(found, json)


def _asked(
    gguf: str | None, safetensors: bool, grammar: str | None
) -> tuple[tuple[str, object], ...]:
    return (("--gguf", gguf), ("--safetensors", safetensors), ("--grammar", grammar))
