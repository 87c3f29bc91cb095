"""What decoding gains with the same weights, and what refusing costs, on Spider dev and WikiSQL.

A tuned model answers Spider dev and a thousand questions on WikiSQL's held-out tables three times:
unconstrained, constrained by the schema, and constrained with a vote over eight samples. Then
Spider's questions are asked of a database that cannot answer them, to see what a calibrated
refusal tells apart. Writes ``docs/results/decode_gain.json`` and ``docs/images/refusing.svg``.
What was written to each question is kept in ``--out``: a run cut off goes on with the next arm,
and the same command measures again without a model.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch  # noqa: F401  (the claims name the GPU where torch is loaded)

from claims import ROOT, ClaimRow, write_claims
from decode_gain_refusing import refusal_rows
from decode_gain_rows import Arm, Book, Judged, accuracy_rows, gain_rows, judged, rule_rows
from finished_run import print_rows
from sqlforge.core.config import PromptPart, PromptStyle
from sqlforge.core.decoding import Decoding
from sqlforge.core.files import writing
from sqlforge.core.records import Dataset
from sqlforge.decode.vote import Candidate
from sqlforge.model.answer import answer
from sqlforge.model.quiet import quiet_libraries
from sqlforge.model.writer import Writer, open_writer
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Shot
from sqlforge.score.benchmarks import BenchmarkName, load_benchmark
from sqlforge.stages.predict_benchmark import prompt_part_of

SEED = 7
WIKISQL_ROWS = 1_000
NAMES: tuple[BenchmarkName, ...] = ("spider", "wikisql")
MAX_NEW_TOKENS = 128
WARM_UP = 16  # questions answered before the clock starts
IMAGES = ROOT / "docs" / "images"


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the model is, how it is asked, and where what it writes is kept."""

    model: str
    out: Path
    batch_tokens: int
    samples: int
    images: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", required=True, help="an adapter or merged folder, or a name")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "decode-gain")
    parser.add_argument("--rows", type=int, help="only so many of each benchmark, to try it out")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--benchmarks", nargs="+", choices=NAMES, default=NAMES, help="not all")
    parser.add_argument("--batch-tokens", type=int, default=262_144)
    told = parser.parse_args()
    quiet_libraries()
    asked = Asked(told.model, told.out, told.batch_tokens, told.samples, IMAGES)
    if told.rows is not None or len(told.benchmarks) < len(NAMES):
        asked = replace(asked, images=asked.out)
    datasets = {
        name: _some(name, load_benchmark(name, told.data_dir), told.rows)
        for name in told.benchmarks
    }
    rows = measured(asked, datasets)
    if told.rows is not None or len(datasets) < len(NAMES):
        print("a trial: nothing is written to docs/")
        return
    command = "python bench/decode_gain.py --data-dir DIR --model runs/real-data/adapter"
    print(write_claims("decode_gain", command=command, seed=SEED, rows=rows))


def measured(asked: Asked, datasets: Mapping[str, Dataset]) -> list[ClaimRow]:
    """All figures; each is printed as soon as it is there.

    All arms are written before any is judged, so that what a GPU is needed for comes first.
    """
    source, ways = Arms(asked), ways_of(asked.samples)
    written = {
        f"{name}_{way}": source.arm(f"{name}_{way}", dataset, decoding)
        for name, dataset in datasets.items()
        for way, decoding in ways.items()
    }
    foreign = None
    if "spider" in datasets:
        foreign = elsewhere(datasets["spider"])
        elsewhere_arm = source.arm("spider_wrong_database", foreign, ways["vote"])
    rows: list[ClaimRow] = []
    kept: dict[str, Judged] = {}
    for name, dataset in datasets.items():
        book = Book(dataset)
        book.learn(written[f"{name}_{way}"] for way in ways)
        for way in ways:
            found = judged(written[f"{name}_{way}"], dataset, book)
            kept[f"{name}_{way}"] = next(iter(found.values()))
            rows += _told(accuracy_rows(kept[f"{name}_{way}"]))
        rows += _told(gain_rows(name, kept))
        rows += _told(rule_rows(name, found, book))
    if foreign is not None:
        other = judged(elsewhere_arm, foreign, None)["vote"]
        rows += _told(refusal_rows(kept, other, asked.images))
    return rows


def ways_of(samples: int) -> dict[str, Decoding]:
    """The arms: the same weights, decoded in three ways."""
    return {
        "unconstrained": Decoding(),
        "constrained": Decoding(constrain="schema"),
        "vote": Decoding(constrain="schema", samples=samples, vote=True, seed=SEED),
    }


class Arms:
    """What the model wrote in each arm: kept from an earlier run, or written now.

    The model is loaded when the first arm needs it.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._writer: Writer | None = None

    def arm(
        self,
        name: str,
        dataset: Dataset,
        decoding: Decoding,
        prompt: PromptPart | None = None,
        style: PromptStyle = "plain",
        shots: Sequence[Shot] = (),
    ) -> Arm:
        """The candidates to every example of ``dataset``, and the seconds that they took.

        ``prompt`` and ``style`` say how to ask; without them the model's own recipe says it.
        """
        asked, file = self._asked, self._asked.out / f"{name}.jsonl"
        ids = [example.id for example in dataset.examples]
        head = {"arm": name, "model": asked.model, "decoding": decoding.facts(), "ids": ids}
        if (kept := _kept(file, name, decoding, head)) is not None:
            print(f"{name}: kept from an earlier run in {asked.out}")
            return kept
        if self._writer is None:
            self._writer = open_writer(asked.model, decoding.engine)
        prompter = Prompter.of(prompt or prompt_part_of(asked.model), dataset.databases)
        print(f"{name}: {len(ids):,} questions, {decoding.samples} samples each", flush=True)
        for examples in (dataset.examples[:WARM_UP], dataset.examples):
            started = time.perf_counter()
            candidates = answer(
                self._writer,
                prompter,
                examples,
                decoding,
                style=style,
                shots=shots,
                max_new_tokens=MAX_NEW_TOKENS,
                batch_tokens=asked.batch_tokens,
                progress=_progress,
            )
            seconds = time.perf_counter() - started
        print(f"{name}: {seconds:,.1f} s", flush=True)
        with writing(file) as out:
            out.write(json.dumps({**head, "seconds": seconds}) + "\n")
            for row in candidates:
                out.write(json.dumps([asdict(candidate) for candidate in row]) + "\n")
        return Arm(name, decoding, tuple(map(tuple, candidates)), seconds)


def _kept(file: Path, name: str, decoding: Decoding, head: Mapping[str, object]) -> Arm | None:
    if not file.is_file():
        return None
    with file.open(encoding="utf-8") as lines:
        found = json.loads(next(lines))
        seconds = found.pop("seconds")
        if found != json.loads(json.dumps(head)):
            return None
        candidates = tuple(tuple(Candidate(**c) for c in json.loads(line)) for line in lines)
    return Arm(name, decoding, candidates, seconds)


def elsewhere(dataset: Dataset) -> Dataset:
    """Each question asked of another of the databases, drawn from those without a table in common.

    Most of them cannot answer it; one that happens to can is refused wrongly.
    """
    tables = {
        name: {table.name.lower() for table in database.schema.tables}
        for name, database in dataset.databases.items()
    }
    asked = dict.fromkeys(example.db_id for example in dataset.examples)
    examples = []
    for example in dataset.examples:
        others = [n for n in asked if not tables[n] & tables[example.db_id]]
        other = random.Random(f"{SEED}/{example.id}").choice(others)
        examples.append(replace(example, db_id=other))
    return Dataset(f"{dataset.name}-elsewhere", tuple(examples), dataset.databases)


def _some(name: str, dataset: Dataset, rows: int | None) -> Dataset:
    """All of Spider dev; of WikiSQL those that ``real_data.json`` is about; fewer in a trial."""
    examples = dataset.examples
    wanted = len(examples) if name == "spider" else min(WIKISQL_ROWS, len(examples))
    rng = random.Random(f"{SEED}/test/{name}")
    examples = [examples[i] for i in sorted(rng.sample(range(len(examples)), wanted))]
    if rows is not None and rows < wanted:
        examples = [examples[i] for i in sorted(rng.sample(range(wanted), rows))]
    return Dataset(dataset.name, tuple(examples), dataset.databases)


def _told(rows: Iterable[ClaimRow]) -> list[ClaimRow]:
    found = list(rows)
    print_rows(found)
    return found


def _progress(done: int, total: int) -> None:
    if done == total or done % max(1, total // 10) == 0:
        print(f"  {done:,} of {total:,}", flush=True)


if __name__ == "__main__":
    main()
