"""How fast training examples become token ids on disk, with the vocabulary of Mistral v0.3.

10,000 and 100,000 examples of the embedded corpus (databases of up to three tables, linked values,
the default prompt), with ``--million`` a million, each in a process of its own; where Spider and
WikiSQL are at hand, their training splits too. Writes ``docs/results/tokenise.json``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

from claims import ClaimRow, write_claims
from finished_run import print_rows
from mistral_vocabulary import mistral_tokenizer, vocabulary_file
from sqlforge.core.config import Recipe
from sqlforge.core.paths import data_dir
from sqlforge.core.records import Database, Example
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.store import read_databases, read_examples, write_databases, write_examples
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.prompt.tokenise import tokenise

SEED = 7
SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
MADE = 100_000  # examples that are generated; a million are these under other ids, ten times
AUGMENT = {"shuffle": True, "distractors": 2, "rename": 0.3, "mask_values": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="a million examples too")
    parser.add_argument("--data-dir", type=Path, help="the folder that holds spider/ and wikisql/")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, count, augmented = options.measure
        print(json.dumps(measure(Path(folder), int(count), augmented == "augmented")))
        return
    with tempfile.TemporaryDirectory() as temporary:
        rows = measured(Path(temporary), options.million, data_dir(options.data_dir))
    print_rows(rows)
    command = "python bench/tokenise.py" + (" --million" if options.million else "")
    print(write_claims("tokenise", command=command, seed=SEED, rows=rows))


def measured(folder: Path, million: bool, published: Path | None) -> list[ClaimRow]:
    made = folder / "made"
    corpus = generate_corpus(made / "databases", seed=SEED, counts={"train": MADE}, max_tables=3)
    dataset = corpus["train"]
    write(made, dataset.examples, dict(dataset.databases))
    rows: list[ClaimRow] = []
    seconds: dict[str, float] = {}
    for name, count in SIZES.items():
        if name == "1m" and not million:
            continue
        found = in_a_process(made, count, "plain")
        seconds[name] = found["seconds"]
        bound = "<= 60" if name == "100k" else None
        rows += [
            ClaimRow(f"seconds_{name}", found["seconds"], "s", bound, n=count),
            ClaimRow(f"peak_memory_{name}", found["peak_bytes"] / 1e9, "GB", n=count),
        ]
        if name == "100k":
            rows.append(ClaimRow("mean_tokens", found["tokens"] / count, "tokens", n=count))
            again = ClaimRow("seconds_100k_found_again", found["again"], "s", n=count)
            rows.append(again)
    largest = "1m" if million else "100k"
    growth = seconds[largest] / seconds["10k"] / (SIZES[largest] / SIZES["10k"])
    rows.append(ClaimRow("time_a_row_largest_to_smallest", growth, bound="<= 1.2"))
    found = in_a_process(made, SIZES["10k"], "augmented")
    rows.append(ClaimRow("seconds_10k_augmented", found["seconds"], "s", n=SIZES["10k"]))
    if published is not None:
        rows += published_rows(folder / "published", published)
    return rows


def published_rows(folder: Path, published: Path) -> list[ClaimRow]:
    parts = [read_spider(published, "train").dataset, read_wikisql(published, "train").dataset]
    examples = [example for part in parts for example in part.examples]
    databases = {key: db for part in parts for key, db in part.databases.items()}
    write(folder, examples, databases)
    found = in_a_process(folder, len(examples), "plain")
    return [
        ClaimRow("seconds_spider_and_wikisql", found["seconds"], "s", n=len(examples)),
        ClaimRow("mean_tokens_spider_and_wikisql", found["tokens"] / len(examples), "tokens",
                 n=len(examples)),
    ]  # fmt: skip


def write(
    folder: Path, examples: list[Example] | tuple[Example, ...], databases: dict[str, Database]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_examples(folder / "train.jsonl", examples)
    write_databases(folder / "databases.jsonl", databases.values())


def in_a_process(folder: Path, count: int, how: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(folder), str(count), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{folder.name}, {count:,} {how}: {found['seconds']:.1f} s", flush=True)
    return found


def measure(folder: Path, count: int, augmented: bool) -> dict[str, float]:
    """Seconds, bytes at the peak and tokens of one run; loading text and tokenizer not counted."""
    vocabulary = vocabulary_file()
    if vocabulary is None:
        sys.exit("this bench needs mistral-common: pip install mistral-common")
    made = read_examples(folder / "train.jsonl")
    examples = list(
        islice(
            (
                replace(example, id=f"{turn}-{example.id}") if turn else example
                for turn in range(-(-count // len(made)))
                for example in made
            ),
            count,
        )
    )
    databases = read_databases(folder / "databases.jsonl")
    recipe = Recipe.model_validate(
        {
            "name": "bench",
            "model": {"name": "mistral-7b-v0.3"},
            "data": {"train": [{"source": "spider"}], "test": [{"source": "spider"}]},
            "prompt": {"max_tokens": 4096},
            "augment": AUGMENT if augmented else None,
        }
    )
    with tempfile.TemporaryDirectory() as temporary:
        tokenizer = mistral_tokenizer(vocabulary, Path(temporary))
        out = Path(temporary) / "tokens"
        started = time.perf_counter()
        tokenise(recipe, out, tokenizer, examples, databases)
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        again = tokenise(recipe, out, tokenizer, examples, databases)
        assert again.reused
        again_seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        tokens = sum(again.epochs[0].lengths)
    return {"seconds": seconds, "again": again_seconds, "peak_bytes": peak, "tokens": tokens}


if __name__ == "__main__":
    main()
