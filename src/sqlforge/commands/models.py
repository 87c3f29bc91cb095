"""``train``, ``reinforce``, ``merge`` and ``predict``: what needs a model.

Stages are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from sqlforge.cli_support import (
    launched_together,
    new_console,
    print_facts,
    progress_on,
    published_folder,
    quiet_libraries,
)
from sqlforge.commands.options import (
    Constrain,
    DataDir,
    JoinOnKeys,
    Json,
    LinkedLiterals,
    MaxNewTokens,
    RefuseBelow,
    RunArgument,
)
from sqlforge.core.errors import UserError


def train(run: RunArgument, json: Json = None) -> None:
    """Fine-tune the base model of a prepared run; under torchrun, on several cards."""
    from dataclasses import asdict

    from sqlforge.core.run_dir import RunDir
    from sqlforge.model.distributed import ALONE
    from sqlforge.stages.train import train_run

    with launched_together() as processes:
        quiet_libraries()
        console = new_console()
        trained = train_run(RunDir(run), console, console.print, processes or ALONE)
        if trained is not None:
            print_facts(asdict(trained), json)


def reinforce(run: RunArgument, json: Json = None) -> None:
    """Go on with a trained model on the results of its own answers (GRPO).

    Answers to training questions are drawn under the schema constraint and executed; those that
    give the gold's result become likelier. The recipe's part 'reinforce' says how long and how.
    One that was cut off goes on where it stopped; the model as it was is kept in RUN/tuned.
    """
    from dataclasses import asdict

    if (launched := os.environ.get("WORLD_SIZE", "1")) != "1":
        raise UserError(
            f"{launched} processes to reinforce in", "one, on one card", "start it without launcher"
        )
    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.reinforce import reinforce_run

    quiet_libraries()
    console = new_console()
    print_facts(asdict(reinforce_run(RunDir(run), console, console.print)), json)


def merge(
    run: RunArgument,
    base: Annotated[
        Literal["bf16", "dequantised"] | None,
        typer.Option(
            help="bf16: the base's own weights; dequantised: those that QLoRA trained on. "
            "Else what the run trained on."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder; else RUN/merged.")] = None,
    report: Annotated[
        bool,
        typer.Option("--report", help="Compare with the adapter, merged both ways and served."),
    ] = False,
    rows: Annotated[int, typer.Option(min=1, help="Test examples that --report asks.")] = 200,
    json: Json = None,
) -> None:
    """Fold a run's adapter into a whole model that plain transformers and vLLM load.

    A few tensors are in memory at a time. A merge that was cut off goes on where it stopped;
    nothing is overwritten. With --report the run's first test examples are answered by the adapter
    and by the model merged each way (and by vLLM's server where vLLM is installed); a run that is
    merged already is only reported on.
    """
    from dataclasses import asdict

    from sqlforge.core.run_dir import RunDir
    from sqlforge.stages.merge import merge_run

    quiet_libraries()
    bar = progress_on(new_console())("merge")
    directory = RunDir(run)
    merged = directory.merged
    if not (report and out is None and base is None and merged.is_dir()):
        merged = merge_run(directory, typer.echo, base=base, out=out, progress=bar)
    facts: dict[str, object] = {"merged": str(merged)}
    if report:
        from sqlforge.report.merge_parity import print_parity
        from sqlforge.stages.merge_report import report_merge

        parities = report_merge(directory, typer.echo, rows)
        print_parity(new_console(), parities)
        facts["report"] = [asdict(parity) for parity in parities]
    print_facts(facts, json)


def predict(
    model: Annotated[str, typer.Option(help="Catalog name, hub id, merged or adapter folder.")],
    benchmark: Annotated[Literal["spider", "wikisql"], typer.Option(help="What to answer.")],
    out: Annotated[Path, typer.Option(help="JSONL with id, sql and the raw text.")],
    data_dir: DataDir = None,
    split: Annotated[str | None, typer.Option(help="Else spider's dev, wikisql's test.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Only the first so many.")] = None,
    max_new_tokens: MaxNewTokens = 128,
    engine: Annotated[
        Literal["transformers", "vllm"], typer.Option(help="What the model runs on.")
    ] = "transformers",
    constrain: Constrain = "none",
    join_on_keys: JoinOnKeys = False,
    linked_literals: LinkedLiterals = False,
    samples: Annotated[
        int, typer.Option(min=1, help="Answers to each question, for --vote to choose from.")
    ] = 1,
    vote: Annotated[
        bool,
        typer.Option("--vote", help="Execute the samples; the likeliest result that runs wins."),
    ] = False,
    temperature: Annotated[
        float | None, typer.Option(help="Of samples; else 1 with --vote, and 0, greedy, without.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of samples; else 0.")] = None,
    prefer_non_empty: Annotated[
        bool,
        typer.Option("--prefer-non-empty", help="In the vote, results without rows come last."),
    ] = False,
    refuse_below: RefuseBelow = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Of that probability; else that of the model's run.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="Write a calibration here that these answers and their golds make."),
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Also probability, votes and confidence a line.")
    ] = False,
    json: Json = None,
) -> None:
    """Let a model answer a public benchmark."""
    from sqlforge.core.decoding import Decoding

    decoding = Decoding(
        engine=engine,
        constrain=constrain,
        samples=samples,
        vote=vote,
        temperature=temperature,
        seed=seed or 0,
        prefer_non_empty=prefer_non_empty,
        refuse_below=refuse_below,
        join_on_keys=join_on_keys,
        linked_literals=linked_literals,
    )
    if seed is not None and not any(decoding.temperatures):
        raise UserError(
            "--seed for greedy answers", "samples to draw", "add --vote or leave it out"
        )
    _check_calibration(refuse_below, calibration, calibrate)
    from sqlforge.stages.predict_benchmark import Wanted, predict_benchmark

    quiet_libraries()
    found = predict_benchmark(
        model,
        benchmark,
        published_folder(data_dir),
        Wanted(out, details, calibration, calibrate),
        decoding,
        split=split,
        rows=rows,
        max_new_tokens=max_new_tokens,
        progress=progress_on(new_console()),
    )
    print_facts(found, json)


def _check_calibration(
    refuse_below: float | None, calibration: Path | None, calibrate: Path | None
) -> None:
    if calibration is not None and refuse_below is None:
        raise UserError(
            "--calibration without --refuse-below", "both or neither", "add --refuse-below 0.5"
        )
    if calibrate is not None and refuse_below is not None:
        raise UserError(
            "--calibrate with --refuse-below",
            "answers that are all given, to learn from, or some that are refused",
            "calibrate on questions of their own first",
        )
