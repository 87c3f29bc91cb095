"""``trace``: follow one example through the house, station by station."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from sqlforge.core.config import Recipe
from sqlforge.core.errors import DataError
from sqlforge.core.files import read_jsonl, write_text
from sqlforge.core.records import Database, Example, Prediction, QueryResult, Verdict
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import example_row, read_databases, read_examples
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.model.load import load_tokenizer
from sqlforge.model.pack import IGNORED, plan_packs
from sqlforge.prompt.encode import Encoded, encode_example
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Message, prompt_version
from sqlforge.report.stations import Station, to_console, to_markdown
from sqlforge.score.extract import extract_sql
from sqlforge.score.judge import judge
from sqlforge.score.summary import summarise

_SPLITS = ("train", "validation", "test")
_ROWS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """An example in its run, with the others that share its database."""

    recipe: Recipe
    split: str
    example: Example
    siblings: list[Example]
    databases: dict[str, Database]


def trace_example(
    example_id: str,
    run: RunDir,
    answer: str | None,
    markdown: Path | None,
    console: Console,
    command: str,
) -> dict[str, Any]:
    """Print every station of ``example_id`` and return them by title.

    Args:
        run: the run directory in which the example is looked up; its data must be prepared.
        answer: a model's raw text to judge; without one, the run's own prediction of the tuned
            (or base) model is taken, and without that the stations end before it.
        markdown: write the stations there instead of printing them in colour.
        command: what makes the Markdown page again; it stands at its top.

    Raises:
        UserError: the folder is no run, or has no data.
        DataError: no example has that id.
    """
    found = _find(run, example_id)
    judged = _own_answer(run, example_id) if answer is None else answer
    stations = list(_stations(found, judged))
    if markdown is None:
        to_console(stations, console)
    else:
        write_text(markdown, to_markdown(stations, command))
    return {station.title: station.text for station in stations}


def _find(run: RunDir, example_id: str) -> _Found:
    recipe = run.recipe()
    databases = read_databases(run.data_file("databases.jsonl"))
    for split in _SPLITS:
        examples = read_examples(run.data_file(f"{split}.jsonl"))
        for example in examples:
            if example.id == example_id:
                siblings = [e for e in examples if e.db_id == example.db_id]
                return _Found(recipe, split, example, siblings, databases)
    raise DataError(
        f"the example id '{example_id}'",
        "an id from the run's data/*.jsonl",
        "look one up there; synthetic ones read like synthetic-test-000003",
    )


def _own_answer(run: RunDir, example_id: str) -> str | None:
    for system in ("tuned", "base"):
        if run.predictions(system).exists():
            for row in read_jsonl(run.predictions(system)):
                if row["id"] == example_id:
                    return str(row["text"])
    return None


def _stations(found: _Found, answer: str | None) -> Iterator[Station]:
    example = found.example
    tokenizer: Any = load_tokenizer(found.recipe.model.name)
    prompter = Prompter.of(found.recipe.prompt, found.databases)
    conversation = prompter.ask(example.db_id, example.question, sql=example.sql)
    written = prompter.answer(example.sql, prompter.schema(example.db_id))
    encoded = encode_example(tokenizer, conversation, written)
    yield Station("Example", "corpus/, core/records.py", json.dumps(example_row(example), indent=1))
    yield Station(
        "Split",
        "stages/prepare.py",
        f"{found.split}: one of {len(found.siblings)} questions about {example.db_id}; no database "
        "is on two sides",
    )
    shown = prompter.schema_text(example.db_id, example.sql)
    yield Station("Schema text", "prompt/schema_text.py", shown)
    links = "\n".join(f"{k.table}.{k.column} = '{k.value}'" for k in prompter.links(
        example.db_id, example.question))  # fmt: skip
    yield Station("Linked values", "prompt/linking.py", links or "(the question names none)")
    version = prompt_version(found.recipe.prompt)
    yield Station("Messages", f"prompt/template.py, version {version}", _messages(conversation))
    yield _token_station(tokenizer, encoded)
    yield _pack_station(found, tokenizer, prompter)
    if answer is not None:
        yield from _verdict_stations(found, answer)


def _messages(conversation: list[Message]) -> str:
    return "\n".join(f"[{message['role']}]\n{message['content']}" for message in conversation)


def _token_station(tokenizer: Any, encoded: Encoded) -> Station:
    pieces = [(tokenizer.decode([i]), False) for i in encoded.prompt]
    pieces += [(tokenizer.decode([i]), True) for i in encoded.answer]
    note = (
        f"{len(encoded.prompt)} prompt ids, {len(encoded.answer)} supervised ids: "
        f"{' '.join(map(str, encoded.answer))}"
    )
    return Station("Token ids", "prompt/encode.py", note, tuple(pieces))


def _pack_station(found: _Found, tokenizer: Any, prompter: Prompter) -> Station:
    """The pack that the example's database would give, the example's own questions first."""
    part = found.recipe.train
    others = [e for e in found.siblings if e.id != found.example.id]
    chosen = [found.example, *others][: part.questions_per_schema]
    asked = [prompter.ask(e.db_id, e.question, sql=e.sql) for e in chosen]
    answers = [prompter.answer(e.sql, prompter.schema(e.db_id)) for e in chosen]
    encoded = [encode_example(tokenizer, a, w) for a, w in zip(asked, answers, strict=True)]
    packs = plan_packs(
        encoded,
        [e.db_id for e in chosen],
        budget=part.pack_tokens,
        questions_per_schema=part.questions_per_schema,
        seed=found.recipe.seed,
    )
    lines = [
        f"pack {number}: {pack.examples} examples of one schema in {len(pack)} tokens "
        f"(trunk {pack.branches.count(0)}), {sum(label != IGNORED for label in pack.labels)} "
        "supervised"
        for number, pack in enumerate(packs, start=1)
    ]
    plain = sum(len(e) for e in encoded)
    lines.append(f"the same {len(chosen)} examples one by one: {plain} tokens")
    return Station("Packed batch", "model/pack.py", "\n".join(lines))


def _verdict_stations(found: _Found, answer: str) -> Iterator[Station]:
    example, database = found.example, found.databases[found.example.db_id]
    sql = extract_sql(answer)
    yield Station("Generated text", "model/generate.py", answer)
    yield Station("SQL", "score/extract.py", sql)
    with Sandbox(Limits(seconds=found.recipe.evaluate.query_seconds)) as sandbox:
        yield Station("Result of gold", "database/sandbox.py", _result(sandbox.run(
            database, example.sql)))  # fmt: skip
        yield Station("Result of prediction", "database/sandbox.py", _result(sandbox.run(
            database, sql)))  # fmt: skip
        prediction = Prediction(example.id, sql, answer)
        verdicts = judge([example], [prediction], found.databases, sandbox, match="internal")
    yield Station("Verdict", "score/judge.py", _verdict(verdicts[0]))
    metric = summarise(verdicts).execution_accuracy
    yield Station(
        "Metrics",
        "score/summary.py",
        f"execution accuracy of this one example: {metric.value:.0%} "
        f"(95 % interval {metric.low:.0%} to {metric.high:.0%}, n = {metric.n})",
    )


def _result(result: QueryResult) -> str:
    if not result.ok:
        return f"{result.status}: {result.error}"
    shown = [" | ".join(map(str, row)) for row in result.rows[:_ROWS_SHOWN]]
    more = len(result.rows) - len(shown)
    return "\n".join(
        [" | ".join(result.columns), *shown] + ([f"… {more} more rows"] if more else [])
    )


def _verdict(verdict: Verdict) -> str:
    return json.dumps(asdict(verdict), indent=1)
