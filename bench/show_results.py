"""Print every claim of ``docs/results`` as one table, or rewrite their quotes in the documents.

python bench/show_results.py [--update-docs]
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from claims import RESULTS, ROOT, ClaimRow, documents, format_claim, read_claims, update_quotes

_MARKS = {True: "yes", False: "[red]no[/red]", None: ""}


def main() -> int:
    """Print the table; missed bounds are marked, not an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update-docs", action="store_true", help="rewrite quoted figures")
    if parser.parse_args().update_docs:
        for path in documents():
            if update_quotes(path):
                print(f"rewrote {path.relative_to(ROOT)}")
    table = Table("claim", "figure", "95 % interval", "n", "bound", "met")
    for path in sorted(RESULTS.glob("*.json")):
        for row in read_claims(path):
            table.add_row(
                f"{path.stem}/{row.name}",
                format_claim(row),
                _interval(row),
                "" if row.n is None else f"{row.n:,}",
                row.bound or "",
                _MARKS[row.met],
            )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 0


def _interval(row: ClaimRow) -> str:
    if row.low is None or row.high is None:
        return ""
    ends = (ClaimRow(row.name, end, row.unit) for end in (row.low, row.high))
    return " to ".join(map(format_claim, ends))


if __name__ == "__main__":
    sys.exit(main())
