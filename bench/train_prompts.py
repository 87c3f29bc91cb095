"""The prompts of bench/train_throughput.py: real ones, as token ids in a small file.

``python bench/train_throughput.py --prepare --data-dir DIR`` draws whole schemas of Spider's and
WikiSQL's training splits, encodes them with the vocabularies of Mistral v0.3 and SmolLM2, and puts
ids and Mistral's tokenizer into ``build/train``; the card's machine then needs neither data nor
readers.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from claims import ROOT
from sqlforge.prompt.encode import Encoded

FOLDER = ROOT / "build" / "train"
SEED = 7
EXAMPLES = 4_500
MISTRAL, SMOLLM2 = "mistral-7b-v0.3", "smollm2-135m"


def prepare(given: Path | None) -> None:
    """Write the prompts of both models, and the tokenizer that peers ask for."""
    from mistral_vocabulary import mistral_tokenizer, vocabulary_file
    from sqlforge.core.paths import data_dir
    from sqlforge.model.load import load_tokenizer

    published, vocabulary = data_dir(given), vocabulary_file()
    if published is None or vocabulary is None:
        sys.exit("--prepare needs --data-dir and mistral-common")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        mistral: Any = mistral_tokenizer(vocabulary, Path(folder))
        mistral.save_pretrained(FOLDER / "tokenizer")
        for name, tokenizer in ((MISTRAL, mistral), (SMOLLM2, load_tokenizer(SMOLLM2))):
            _write(name, *_encoded(published, tokenizer))


def prompts(name: str) -> tuple[list[Encoded], list[str]]:
    """The encoded examples of a model, and the schema of each."""
    file = _file(name)
    if not file.exists():
        sys.exit(f"{file} is missing: run --prepare --data-dir DIR first")
    with np.load(file) as found:
        ids, lengths, schemas = found["ids"].tolist(), found["lengths"], found["schemas"]
    encoded: list[Encoded] = []
    start = 0
    for prompt, answer in lengths.tolist():
        middle, end = start + prompt, start + prompt + answer
        encoded.append(Encoded(tuple(ids[start:middle]), tuple(ids[middle:end])))
        start = end
    return encoded, [str(key) for key in schemas.tolist()]


def _encoded(published: Path, tokenizer: Any) -> tuple[list[Encoded], list[str]]:
    from plan_lengths import RECIPE
    from sqlforge.core.config import load_recipe
    from sqlforge.corpus.spider import read_spider
    from sqlforge.corpus.wikisql import read_wikisql
    from sqlforge.prompt.encode import encode_example
    from sqlforge.prompt.prompter import Prompter

    datasets = [read(published, "train").dataset for read in (read_spider, read_wikisql)]
    share = EXAMPLES / sum(len(dataset.examples) for dataset in datasets)
    encoded: list[Encoded] = []
    keys: list[str] = []
    for dataset in datasets:
        every = sorted({example.db_id for example in dataset.examples})
        chosen = set(random.Random(SEED).sample(every, max(1, round(share * len(every)))))
        databases = {key: dataset.databases[key] for key in chosen}
        prompter = Prompter.of(load_recipe(RECIPE).prompt, databases)
        for example in dataset.examples:
            if example.db_id in chosen:
                chat = prompter.ask(example.db_id, example.question)
                encoded.append(encode_example(tokenizer, chat, example.sql))
                keys.append(example.db_id)
    return encoded, keys


def _write(name: str, encoded: list[Encoded], keys: list[str]) -> None:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    np.savez_compressed(
        _file(name),
        ids=np.array([i for e in encoded for i in (*e.prompt, *e.answer)], dtype=np.uint16),
        lengths=np.array([(len(e.prompt), len(e.answer)) for e in encoded], dtype=np.uint16),
        schemas=np.array([numbers[key] for key in keys], dtype=np.uint16),
    )
    mean = sum(map(len, encoded)) / len(encoded)
    print(f"{_file(name)}: {len(encoded):,} examples, {len(numbers):,} schemas, {mean:.1f} tokens")


def _file(name: str) -> Path:
    return FOLDER / f"{name}.npz"
