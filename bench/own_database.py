"""Does forging on questions made from a database's own rows help with its real questions?

Spider's dev databases are unseen in training, and people have asked real questions about them. For
each of some of them ``sqlforge synth --db`` makes questions from the SQLite file alone. The small
model is then trained twice over the same number of steps: ``without`` on Spider train and a part
of WikiSQL, ``with`` on the same and the questions made. Both answer Spider dev. Execution accuracy
by the official rules on the chosen databases, and on the others, goes to
``docs/results/own_database.json``, whatever it is.

The databases are chosen by how many questions dev has about them; nothing else of dev is looked at
before the answers are judged. Started again with the same ``--out`` it goes on where it ended.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch  # noqa: F401  (the claims name the GPU where torch is loaded)
from rich.console import Console

from claims import ROOT, ClaimRow, write_claims
from finished_run import print_rows, read_json
from sqlforge.core.config import Recipe, load_recipe
from sqlforge.core.files import new_folder, write_json, write_jsonl
from sqlforge.core.records import Database, Example, Verdict
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.store import read_databases, read_examples, write_databases, write_examples
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.pipeline import begin
from sqlforge.report.progress import progress_bars
from sqlforge.score.judge import judge
from sqlforge.score.predictions_file import read_answers
from sqlforge.score.statistics import (
    bootstrap_by_group,
    bootstrap_difference,
    mcnemar,
    paired_difference,
    wilson,
)

ARMS = ("without", "with")
FEWEST = 40  # dev questions that a database must have to be chosen
UNFIT = ("wta_1",)  # its published file is a reconstruction with an empty table


def main() -> None:
    asked = arguments()
    recipe = recipe_of(asked)
    own = chosen_databases(asked)
    print(f"databases: {', '.join(own)}", flush=True)
    if asked.arm is not None:
        forge(recipe, asked.arm, asked, own)
        return
    for db_id in own:
        make_questions(db_id, asked)
    for arm in ARMS:  # a process each, so that one model's memory is free for the next
        started = time.monotonic()
        command = [sys.executable, __file__, *sys.argv[1:], "--arm", arm]
        if subprocess.run(command, cwd=ROOT).returncode != 0:
            sys.exit(f"the training '{arm}' failed; start the script again to go on")
        print(f"{arm}: {time.monotonic() - started:,.0f} s", flush=True)
    rows = measured(asked, own)
    print_rows(rows)
    if asked.small:
        print("--small checks the plumbing: nothing is written to docs/results")
        return
    command = f"python bench/own_database.py --data-dir DIR --n {asked.n} --steps {asked.steps}"
    command += f" --recipe {recipe.name} --databases {' '.join(own)}"
    command += " --only-own" if asked.only_own else ""
    print(write_claims("own_database", command=command, seed=asked.seed, rows=rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--databases", nargs="*", help="else those with 40 dev questions or more")
    parser.add_argument("--n", type=int, help="questions made a database")
    parser.add_argument("--steps", type=int, help="optimizer steps of each training")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--recipe", help="of recipes/, by name; else own-database-gpu")
    parser.add_argument("--only-own", action="store_true", help="leave other databases unasked")
    parser.add_argument("--small", action="store_true", help="minutes on a CPU, as a check")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.n = asked.n or (60 if asked.small else 2000)
    name = "own-database-small" if asked.small else "own-database"
    asked.out = asked.out or ROOT / "runs" / name
    return asked


def recipe_of(asked: argparse.Namespace) -> Recipe:
    name = asked.recipe or ("own-database-cpu-small" if asked.small else "own-database-gpu")
    recipe = load_recipe(ROOT / "recipes" / f"{name}.yaml")
    asked.steps = asked.steps or recipe.train.max_steps
    changed = recipe.train.model_copy(update={"max_steps": asked.steps})
    return recipe.model_copy(update={"train": changed, "seed": asked.seed})


def chosen_databases(asked: argparse.Namespace) -> list[str]:
    """The databases that dev has most questions about; only their names are counted."""
    if asked.databases:
        return list(asked.databases)
    counts = Counter(e.db_id for e in read_spider(asked.data_dir, "dev").dataset.examples)
    found = [d for d, n in counts.most_common() if n >= FEWEST and d not in UNFIT]
    return found[:2] if asked.small else found


def make_questions(db_id: str, asked: argparse.Namespace) -> None:
    """``sqlforge synth --db`` on the SQLite file of one database, nothing else given."""
    out = asked.out / "questions" / db_id
    if out.exists():
        return
    path = read_spider(asked.data_dir, "dev").dataset.databases[db_id].path
    command = ["synth", "--db", str(path), "--out", str(out), "--n", str(asked.n)]
    command += ["--seed", str(asked.seed)]
    done = subprocess.run(
        [sys.executable, "-m", "sqlforge", *command], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"synth on {db_id} failed: {done.stderr}")
    summary = read_json(out / "summary.json")
    print(f"{db_id}: {summary['questions']:,} questions made", flush=True)


def forge(recipe: Recipe, arm: str, asked: argparse.Namespace, own: Sequence[str]) -> None:
    """Train and answer one arm; what is done already is skipped."""
    from sqlforge.model.quiet import quiet_libraries
    from sqlforge.stages.predict import predict_run
    from sqlforge.stages.train import train_run

    quiet_libraries()
    console = Console(highlight=False)
    run = begin(recipe, asked.out / arm)
    if not run.data.exists():
        gather(recipe, run, asked, own if arm == "with" else [])
    if not run.adapter.exists():
        train_run(run, console, console.print)
    if not run.predictions("tuned").exists():
        predict_run(run, "tuned", console.print, progress_bars(console)("answers"))


def gather(recipe: Recipe, run: RunDir, asked: argparse.Namespace, own: Sequence[str]) -> None:
    """The arm's ``data/``: the recipe's training sources, the questions made, Spider dev."""
    dev = read_spider(asked.data_dir, "dev").dataset
    train: list[Example] = []
    databases: dict[str, Database] = dict(dev.databases)
    for part in recipe.data.train:
        read = read_spider if part.source == "spider" else read_wikisql
        found = read(asked.data_dir, "train").dataset
        examples = list(found.examples)
        if part.rows is not None:
            examples = random.Random(f"{recipe.seed}/{part.source}").sample(examples, part.rows)
        train += examples
        databases |= {e.db_id: found.databases[e.db_id] for e in examples}
    for db_id in own:
        train += read_examples(asked.out / "questions" / db_id / "train.jsonl")
    test = list(dev.examples)
    if asked.small or asked.only_own:
        chosen = chosen_databases(asked)
        inside = [e for e in test if e.db_id in chosen]
        test = inside[:8] + test[-8:] if asked.small else inside
    with new_folder(run.data) as folder:
        write_examples(folder / "train.jsonl", train)
        write_examples(folder / "validation.jsonl", [])
        write_examples(folder / "test.jsonl", test)
        write_databases(folder / "databases.jsonl", databases.values())
    run.note(questions_made_for=list(own))


def judged(run: RunDir, seconds: float) -> tuple[list[Example], list[Verdict]]:
    """Every answer of a run with its verdict by the official rules."""
    examples = [e for e in read_examples(run.data_file("test.jsonl")) if e.db_id not in UNFIT]
    databases = read_databases(run.data_file("databases.jsonl"))
    wanted = {example.id for example in examples}
    answers = list(read_answers(run.predictions("tuned")).values())
    with Sandbox(Limits(seconds=seconds)) as sandbox:
        verdicts = judge([*examples], [a for a in answers if a.id in wanted], databases, sandbox)
    write_jsonl(run.path / "verdicts.jsonl", (asdict(verdict) for verdict in verdicts))
    return examples, verdicts


def measured(asked: argparse.Namespace, own: Sequence[str]) -> list[ClaimRow]:
    """Accuracies of both arms, on the chosen databases, each of them, and the others."""
    runs = {arm: RunDir(asked.out / arm) for arm in ARMS}
    found = {arm: judged(run, run.recipe().evaluate.query_seconds) for arm, run in runs.items()}
    examples = found["with"][0]
    right = {arm: [v.execution for v in verdicts] for arm, (_, verdicts) in found.items()}
    inside = [i for i, e in enumerate(examples) if e.db_id in own]
    outside = [i for i, e in enumerate(examples) if e.db_id not in own]
    rows = compared("own", right, inside, [examples[i].db_id for i in inside])
    if outside:
        rows += compared("others", right, outside, [examples[i].db_id for i in outside])
    for db_id in own:
        places = [i for i in inside if examples[i].db_id == db_id]
        for arm in ARMS:
            rows.append(accuracy(f"{db_id}_{arm}", [right[arm][i] for i in places]))
    unknown = {
        arm: sum("no such" in (v.error or "") or "unknown" in (v.error or "") for v in verdicts)
        for arm, (_, verdicts) in found.items()
    }
    total = len(examples)
    rows += [ClaimRow(f"answers_with_unknown_names_{a}", n, n=total) for a, n in unknown.items()]
    for arm, run in runs.items():
        trained = run.manifest()["training"]
        rows += [
            ClaimRow(f"steps_{arm}", trained["steps"]),
            ClaimRow(f"training_seconds_{arm}", trained["seconds"], "s"),
            ClaimRow(f"training_examples_{arm}", trained["examples"]),
        ]
    rows.append(ClaimRow("databases", len(own)))
    write_json(asked.out / "measured.json", [asdict(row) for row in rows])
    return rows


def compared(
    name: str, right: dict[str, list[bool]], places: Sequence[int], groups: Sequence[str]
) -> list[ClaimRow]:
    """Both accuracies, their paired difference with intervals, and McNemar's p."""
    without, with_ = ([right[arm][i] for i in places] for arm in ARMS)
    n = len(places)
    paired = paired_difference(without, with_)
    drawn = bootstrap_difference(without, with_)
    grouped = bootstrap_by_group(without, with_, groups)
    return [
        accuracy(f"{name}_without", without),
        accuracy(f"{name}_with", with_),
        ClaimRow(f"{name}_gain", paired.value, "fraction", None, paired.low, paired.high, n),
        ClaimRow(f"{name}_gain_bootstrap", drawn.value, "fraction", None, drawn.low, drawn.high, n),
        ClaimRow(
            f"{name}_gain_bootstrap_databases",
            grouped.value,
            "fraction",
            None,
            grouped.low,
            grouped.high,
            len(set(groups)),
        ),
        ClaimRow(f"{name}_mcnemar_p", mcnemar(without, with_).p_value, n=n),
    ]


def accuracy(name: str, right: Sequence[bool]) -> ClaimRow:
    """Execution accuracy with its Wilson interval."""
    found = wilson(sum(right), len(right))
    return ClaimRow(name, found.value, "fraction", None, found.low, found.high, found.n)


if __name__ == "__main__":
    main()
