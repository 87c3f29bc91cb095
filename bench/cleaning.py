"""What cleaning finds in published rows, and where its check of names differs from SQLite's own.

Counts only, no times. Writes ``docs/results/cleaning.json``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.core.records import Example
from sqlforge.core.schema import Schema
from sqlforge.corpus.clean import Dropped, Kept, Origin, Reason, Rules, clean, parse
from sqlforge.corpus.dedupe import without_duplicates
from sqlforge.corpus.fingerprints import fingerprint
from sqlforge.corpus.gold_names import missing_name
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.sql_create_context import open_sql_create_context
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.score.validity import check_validity


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    rows = _context(data_dir) + _spider(data_dir)
    print_rows(rows)
    command = "python bench/cleaning.py --data-dir DIR"
    print(write_claims("cleaning", command=command, seed=None, rows=rows))


@dataclass
class _Names:
    """How often the check of names objects, and how often SQLite says otherwise."""

    rows: int = 0
    objections: int = 0
    differ: int = 0
    quoted: int = 0
    details: list[str] = field(default_factory=list)

    def look(self, sql: str, schema: Schema) -> None:
        trees, _ = parse(sql, ("sqlite",))
        if len(trees) != 1:
            return
        missing = missing_name(trees[0], schema, sql)
        accepted = check_validity(sql, schema, quoted_literals=True).valid
        self.rows += 1
        self.objections += missing is not None
        self.differ += (missing is None) != accepted
        self.quoted += '"' in sql


def _context(data_dir: Path) -> list[ClaimRow]:
    """sql-create-context: the published training rows at hand."""
    source = open_sql_create_context(data_dir)
    origin = Origin(source.name, source.licence, source.dialects)
    names, reasons, repeated = _Names(), Counter[Reason](), 0
    for row in source.rows([]):
        found = clean(row, origin, Rules(), {})
        if isinstance(found, Dropped):
            reasons[found.reason] += 1
        schema = schema_from_ddl(row.ddl or "")
        names.look(row.sql or "", schema)
        repeated += _declared_twice(row.ddl or "")
    n = names.rows
    return [
        ClaimRow("context_rows", n),
        ClaimRow("context_golds_naming_what_is_not_there", reasons[Reason.UNKNOWN_NAME], n=n),
        ClaimRow("context_where_sqlite_says_otherwise", names.differ, n=n),
        ClaimRow("context_declaring_a_table_twice", repeated / n, "fraction", n=n),
        ClaimRow("context_golds_with_double_quotes", names.quoted / n, "fraction", n=n),
    ]


def _spider(data_dir: Path) -> list[ClaimRow]:
    """Spider's golds: the check of names, and what looking at the schema would change."""
    names = _Names()
    kept: list[Kept] = []
    for split in ("train", "dev"):
        dataset = read_spider(data_dir, split).dataset
        for example in dataset.examples:
            schema = dataset.databases[example.db_id].schema
            names.look(example.sql, schema)
            if split == "train":
                kept.append(_kept(example, schema))
    signatures = {row.example.id: row.fingerprint.schema_signature for row in kept}
    other = 0
    for row, dropped in without_duplicates(kept):
        if dropped is not None:
            first = dropped.detail.split()[1].rstrip(",")
            other += signatures[first] != signatures[row.example.id]
    return [
        ClaimRow("spider_golds", names.rows),
        ClaimRow("spider_golds_naming_what_is_not_there", names.objections, n=names.rows),
        ClaimRow("spider_train_repetitions_on_another_schema", other, n=len(kept)),
    ]


def _kept(example: Example, schema: Schema) -> Kept:
    return Kept(fingerprint(example, schema), None)


def _declared_twice(ddl: str) -> bool:
    heads = [part.split("(")[0].split()[-1].lower() for part in ddl.split(";") if "(" in part]
    return len(set(heads)) < len(heads)


if __name__ == "__main__":
    main()
