"""The verbs of the command line, each with an example; their options are in ``commands/``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from sqlforge.cli_support import refuse_launcher, run_and_explain
from sqlforge.commands import (
    asking,
    auditing,
    data,
    exporting,
    judging,
    models,
    planning,
    publishing,
    serving,
    whole_runs,
)

VERBS: tuple[tuple[Callable[..., None], str], ...] = (
    (whole_runs.demo, "sqlforge demo --out runs/demo"),
    (whole_runs.run, "sqlforge run recipes/smollm2-135m-gpu.yaml --data-dir data"),
    (data.prepare, "sqlforge prepare recipes/smollm2-135m-cpu.yaml --out runs/mine"),
    (data.synth, "sqlforge synth --db shop.sqlite --out corpus --n 2000"),
    (auditing.audit, "sqlforge audit sql-create-context --data-dir data --report leaks.html"),
    (planning.plan, "sqlforge plan --model mistral-7b-v0.3 --gpu 12GB"),
    (models.train, "sqlforge train runs/mine"),
    (models.reinforce, "sqlforge reinforce runs/mine"),
    (
        models.predict,
        "sqlforge predict --model runs/mine/merged --benchmark spider "
        "--data-dir data --out predictions.jsonl",
    ),
    (judging.score, "sqlforge score --benchmark spider --data-dir data --predictions pred.sql"),
    (judging.report, "sqlforge report runs/mine"),
    (models.merge, "sqlforge merge runs/mine"),
    (exporting.export, "sqlforge export --grammar lark --db shop.sqlite --out shop.lark"),
    (publishing.publish, "sqlforge publish runs/mine --to user/name --dry-run"),
    (serving.serve, "sqlforge serve --model runs/mine --db shop.sqlite --port 8000"),
    (asking.ask, 'sqlforge ask --db shop.db "Which customers spent the most in 2024?"'),
    (judging.trace, "sqlforge trace synthetic-test-000003 --run runs/demo"),
)

app = typer.Typer(
    name="sqlforge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Forge a language model into a text-to-SQL specialist, and prove what came out.",
)
for _verb, _example in VERBS:
    app.command(epilog=f"Example: {_example}")(_verb)


def main() -> None:
    """Entry point: exit code 2 and one sentence for a user's mistake, 1 for a defect."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # PyTorch and oneDNN below it keep what they prepared for each shape of a product on the CPU,
    # 1,024 of them: batches have ever new shapes, and a server would grow for many minutes.
    for cache in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "64")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # of connections to processes that ended
    sys.exit(run_and_explain(_start))


def _start() -> None:
    refuse_launcher("".join(sys.argv[1:2]))
    app()
