"""``audit``: what leaks.

Stages are imported inside the command, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqlforge.cli_support import new_console, progress_on, write_facts
from sqlforge.commands.options import DataDir, Json
from sqlforge.core.errors import UserError


def audit(
    train: Annotated[
        list[str],
        typer.Argument(
            help="Run directories, prepared folders, files of rows (question, sql, schema), or "
            "corpora by name: spider, wikisql, sql-create-context, gretel."
        ),
    ],
    data_dir: DataDir = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Benchmarks, with commas: spider-dev, wikisql-dev, wikisql-test, internal (the "
            "folder's own test set). Else all that are at hand."
        ),
    ] = None,
    remove: Annotated[
        Path | None,
        typer.Option(
            help="Write the training data without leaks here (rows: .jsonl), and what was removed."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with pairs side by side: .html or .md.")
    ] = None,
    near: Annotated[
        float,
        typer.Option(min=0.5, max=1.0, help="Least share of common shingles of near questions."),
    ] = 0.7,
    json: Json = None,
) -> None:
    """Find training examples that are a benchmark's own, by question, SQL and schema."""
    from sqlforge.core.files import check_writable, write_text
    from sqlforge.core.paths import data_dir as named_data_dir
    from sqlforge.report.audit import audit_markdown, audit_page, print_audit
    from sqlforge.stages.audit import audit_training

    if report is not None and report.suffix not in (".html", ".md"):
        raise UserError(f"--report {report}", "a name that ends in .html or .md", "rename it")
    for path in (report, json):
        if path is not None:
            check_writable(path)
    console = new_console()
    found = audit_training(
        train,
        named_data_dir(data_dir),
        against=[name.strip() for name in against.split(",")] if against else None,
        remove=remove,
        threshold=near,
        say=typer.echo,
        progress=progress_on(console),
    )
    print_audit(console, found.report)
    if report is not None:
        title = f"Leak audit of {', '.join(train)}"
        page = audit_page if report.suffix == ".html" else audit_markdown
        write_text(report, page(found.report, title))
    if json is not None:
        write_facts(found.facts, json)
