"""Tokens a text-to-SQL example with the real tokenizers, on Spider's and WikiSQL's training rows.

Draws whole schemas, makes the prompts of ``recipes/mistral-7b-12gb.yaml`` and encodes them with the
vocabularies of Mistral v0.3 (mistral-common), Llama 3 (llama-models) and SmolLM2. Also whether a
longer conversation begins with the shorter one, and whether the whole tokenises as its parts.
Writes ``docs/results/plan_tokens.json`` and, with ``--carry``, the lengths that the planner carries
(``src/sqlforge/plan/lengths.json``) and the means (``tokens.json``).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from claims import ROOT, ClaimRow, write_claims
from finished_run import print_rows
from llama_vocabulary import llama_tokenizer
from llama_vocabulary import vocabulary_file as llama_vocabulary
from mistral_vocabulary import mistral_tokenizer
from mistral_vocabulary import vocabulary_file as mistral_vocabulary
from sqlforge.core.config import load_recipe
from sqlforge.core.files import write_json, write_text
from sqlforge.core.paths import data_dir
from sqlforge.core.records import Database, Example
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.model.load import load_tokenizer
from sqlforge.plan.lengths import lengths_of
from sqlforge.prompt.encode import Encoded, encode_example, rendered_example
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Message

SEED = 7
SHARE = 0.2  # of the schemas
CARRIED = ROOT / "src" / "sqlforge" / "plan" / "lengths.json"
MEANS = CARRIED.with_name("tokens.json")
MODELS = {"mistral": "mistral-7b-v0.3", "llama": "llama-3.1-8b", "smollm2": "smollm2-135m"}
RECIPE = ROOT / "recipes" / "mistral-7b-12gb.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="the folder that holds spider/ and wikisql/")
    parser.add_argument("--carry", action="store_true", help="also write the planner's lengths")
    options = parser.parse_args()
    published = data_dir(options.data_dir)
    vocabularies = mistral_vocabulary(), llama_vocabulary()
    if published is None or None in vocabularies:
        sys.exit("this bench needs --data-dir, mistral-common and llama-models")
    examples, databases, count = drawn(published)
    with tempfile.TemporaryDirectory() as folder:
        tokenizers = {
            "mistral": mistral_tokenizer(vocabularies[0], Path(folder)),
            "llama": llama_tokenizer(vocabularies[1]),
            "smollm2": load_tokenizer("smollm2-135m"),
        }
        rows, encoded = measured(examples, databases, tokenizers)
    print_rows(rows)
    if options.carry:
        carry(examples, encoded["mistral"], count)
        carry_means(rows)
    command = "python bench/plan_lengths.py --data-dir DIR"
    print(write_claims("plan_tokens", command=command, seed=SEED, rows=rows))


def drawn(published: Path) -> tuple[list[Example], dict[str, Database], int]:
    """All examples of a share of the schemas, and how many there are in all."""
    examples: list[Example] = []
    databases: dict[str, Database] = {}
    count = 0
    for read in (read_spider, read_wikisql):
        dataset = read(published, "train").dataset
        keys = sorted({example.db_id for example in dataset.examples})
        chosen = set(random.Random(SEED).sample(keys, round(SHARE * len(keys))))
        examples += [example for example in dataset.examples if example.db_id in chosen]
        databases |= {key: dataset.databases[key] for key in chosen}
        count += len(dataset.examples)
    return examples, databases, count


def measured(
    examples: list[Example], databases: dict[str, Database], tokenizers: dict[str, Any]
) -> tuple[list[ClaimRow], dict[str, list[Encoded]]]:
    prompter = Prompter.of(load_recipe(RECIPE).prompt, databases)
    asked = [prompter.ask(e.db_id, e.question) for e in examples]
    rows: list[ClaimRow] = []
    found: dict[str, list[Encoded]] = {}
    for name, tokenizer in tokenizers.items():
        pairs = list(zip(asked, examples, strict=True))
        encoded = [encode_example(tokenizer, chat, e.sql) for chat, e in pairs]
        kept = sum(keeps_turns(tokenizer, chat, e.sql) for chat, e in pairs)
        alike = sum(
            whole_ids(tokenizer, chat, e.sql)[: len(one)] == [*one.prompt, *one.answer]
            for (chat, e), one in zip(pairs, encoded, strict=True)
        )
        n = len(pairs)
        rows += [
            ClaimRow(f"{name}_tokens", sum(map(len, encoded)) / n, "tokens", n=n),
            ClaimRow(
                f"{name}_answer_tokens", sum(len(e.answer) for e in encoded) / n, "tokens", n=n
            ),
            ClaimRow(f"{name}_prefix_kept", kept / n, "fraction", n=n),
            ClaimRow(f"{name}_whole_tokenises_as_its_parts", alike / n, "fraction", n=n),
        ]
        found[name] = encoded
    return rows, found


def keeps_turns(tokenizer: Any, chat: list[Message], sql: str) -> bool:
    """Whether a conversation that goes on begins, to the letter, with what was there."""
    answered: list[Message] = [*chat, {"role": "assistant", "content": sql.rstrip()}]
    longer: list[Message] = [*answered, {"role": "user", "content": "And how many are there?"}]
    before, after = (
        str(tokenizer.apply_chat_template(turns, tokenize=False)) for turns in (answered, longer)
    )
    return after.startswith(before)


def whole_ids(tokenizer: Any, chat: list[Message], sql: str) -> list[int]:
    prompt, answer = rendered_example(tokenizer, chat, sql)
    return list(tokenizer.encode(prompt + answer, add_special_tokens=False))


def carry(examples: list[Example], encoded: list[Encoded], count: int) -> None:
    lengths = lengths_of(encoded, [example.db_id for example in examples])
    told = {
        "source": "Spider and WikiSQL, training splits, Mistral v0.3's vocabulary",
        "made_by": "python bench/plan_lengths.py --data-dir DIR --carry",
        "examples": count,
        "lengths": [[one.schema, one.shared, one.prompt, one.answer] for one in lengths],
    }
    write_text(CARRIED, json.dumps(told, separators=(",", ":")) + "\n")
    print(f"{CARRIED}: {len(lengths):,} of {count:,} examples")


def carry_means(rows: list[ClaimRow]) -> None:
    by_name = {row.name: row for row in rows}
    models = {
        model: {
            "example": round(by_name[f"{short}_tokens"].value, 2),
            "turns_kept": by_name[f"{short}_prefix_kept"].value,
            "parts_kept": by_name[f"{short}_whole_tokenises_as_its_parts"].value,
            "n": by_name[f"{short}_tokens"].n,
        }
        for short, model in MODELS.items()
    }
    write_json(
        MEANS, {"made_by": "python bench/plan_lengths.py --data-dir DIR --carry", "models": models}
    )


if __name__ == "__main__":
    main()
