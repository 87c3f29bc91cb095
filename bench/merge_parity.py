"""What merging changes, for an adapter that was really trained: `sqlforge merge RUN --report`.

    .venv-vllm/bin/python bench/merge_parity.py RUN

RUN is a run directory with an adapter and test data; in an environment without vLLM the served
model is left out.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from rich.console import Console

from claims import ClaimRow, write_claims
from sqlforge.core.run_dir import RunDir
from sqlforge.model.quiet import quiet_libraries
from sqlforge.report.merge_parity import print_parity
from sqlforge.stages.merge_report import report_merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    quiet_libraries()
    run = RunDir(given.run)
    found = report_merge(run, print, given.rows)
    print_parity(Console(width=110), found)
    rows = []
    for one in found:
        name, metric = re.sub(r"\W+", "_", one.system), one.execution_accuracy
        rows += [
            ClaimRow(
                f"{name}_execution_accuracy", metric.value, "fraction",
                low=metric.low, high=metric.high, n=metric.n,
            ),
            ClaimRow(f"{name}_answers_that_differ", one.differ, n=metric.n),
            ClaimRow(f"{name}_gap", one.gap, "nats a token", n=metric.n),
        ]  # fmt: skip
    if given.write:
        command = ".venv-vllm/bin/python bench/merge_parity.py RUN"
        print(write_claims("merge_parity", command=command, seed=run.recipe().seed, rows=rows))


if __name__ == "__main__":
    main()
