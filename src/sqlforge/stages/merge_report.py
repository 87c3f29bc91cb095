"""``merge --report``: what merging changed, on the first of a run's test examples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.config import Recipe
from sqlforge.core.decoding import GREEDY
from sqlforge.core.errors import UserError
from sqlforge.core.files import write_json
from sqlforge.core.records import Database, Example, Prediction
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.model.answer import answer
from sqlforge.model.fold import MergeBase
from sqlforge.model.likelihood import answer_logprobs
from sqlforge.model.load import load_model, load_tokenizer, pick_device
from sqlforge.model.merge import load_adapted
from sqlforge.model.merge_shards import merge
from sqlforge.model.vllm_server import has_vllm, serving
from sqlforge.model.writer import TransformersWriter
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter
from sqlforge.report.merge_parity import Parity
from sqlforge.score.extract import extract_sql
from sqlforge.score.judge import judge
from sqlforge.score.statistics import wilson

Say = Callable[[str], None]
REPORT = "merge_report.json"


def report_merge(run: RunDir, say: Say, rows: int = 200) -> list[Parity]:
    """Ask the adapter on what it was trained on, and the model merged each way; compare.

    Where vLLM is installed, its server is asked too, with the folder merged into what the adapter
    was trained on. ``merge_report.json`` in the run says the same as what is returned.

    Raises:
        UserError: the run has no adapter or no test data.
        ModelError, StorageError: see :func:`sqlforge.model.merge_shards.merge`.
    """
    recipe = run.recipe()
    if recipe.train.method == "full" or not run.adapter.is_dir():
        raise UserError(
            f"{run.path} without adapter/", "a run that trained an adapter",
            "leave --report out, or train first",
        )  # fmt: skip
    asked = _asked(run, recipe, rows)
    say(_name(recipe))
    texts, likely = _by_adapter(run, recipe, asked)
    answers = [asked.ids_of(text) for text in texts]
    systems = [(_name(recipe), texts, likely)]
    bases: tuple[MergeBase, ...] = (
        ("dequantised", "bf16") if recipe.train.method == "qlora" else ("bf16",)
    )
    for base in bases:
        say(f"merged into {base}")
        with _merged(run, recipe, base) as folder:
            model = load_model(str(folder), dtype=recipe.model.dtype, device=recipe.model.device)
            found = _written(model, recipe, asked)
            systems.append((f"merged, {base}", found, _likely(model, asked, answers)))
            del model
            if has_vllm() and base == bases[0]:
                say("served by vLLM")
                systems.append((f"served, {base}", *_served(folder, recipe, asked, answers)))
    parities = [_held(asked, recipe, systems[0], system, answers) for system in systems]
    write_json(
        run.path / REPORT, {"n": len(asked.examples), "systems": [asdict(p) for p in parities]}
    )
    return parities


@dataclass(frozen=True, slots=True)
class _Asked:
    examples: list[Example]
    databases: dict[str, Database]
    prompter: Prompter
    tokenizer: Any
    prompts: list[tuple[int, ...]]

    def ids_of(self, text: str) -> list[int]:
        return [*self.tokenizer.encode(text, add_special_tokens=False), self.tokenizer.eos_token_id]


_System = tuple[str, list[str], list[float]]
"""Its name, what it wrote, and how likely it finds the adapter's answers."""


def _asked(run: RunDir, recipe: Recipe, rows: int) -> _Asked:
    examples = read_examples(run.data_file("test.jsonl"))[:rows]
    databases = read_databases(run.data_file("databases.jsonl"))
    prompter = Prompter.of(recipe.prompt, databases)
    tokenizer = load_tokenizer(recipe.model.name)
    prompts = [
        encode_prompt(tokenizer, prompter.ask(e.db_id, e.question, "plain", (), e.sql))
        for e in examples
    ]
    return _Asked(examples, databases, prompter, tokenizer, prompts)


def _name(recipe: Recipe) -> str:
    return "4-bit + adapter" if recipe.train.method == "qlora" else "16-bit + adapter"


def _by_adapter(run: RunDir, recipe: Recipe, asked: _Asked) -> tuple[list[str], list[float]]:
    model = load_adapted(
        run.adapter,
        dtype=recipe.model.dtype,
        device=recipe.model.device,
        quantization="nf4" if recipe.train.method == "qlora" else "none",
        unpack=pick_device(recipe.model.device) == "cpu",
    )
    texts = _written(model, recipe, asked)
    return texts, _likely(model, asked, [asked.ids_of(text) for text in texts])


@contextmanager
def _merged(run: RunDir, recipe: Recipe, base: MergeBase) -> Iterator[Path]:
    """A folder merged into ``base``: the run's own where it is that, else one made for a while."""
    if run.merged.is_dir() and run.manifest().get("merged_into") == base:
        yield run.merged
        return
    with tempfile.TemporaryDirectory(prefix=".merged.", dir=run.path) as place:
        device = "cpu" if recipe.model.device == "cpu" else "auto"
        merge(run.adapter, Path(place) / base, base=base, dtype=recipe.model.dtype, device=device)
        yield Path(place) / base


def _written(model: Any, recipe: Recipe, asked: _Asked) -> list[str]:
    found = answer(
        TransformersWriter(model, asked.tokenizer),
        asked.prompter,
        asked.examples,
        GREEDY,
        max_new_tokens=recipe.evaluate.max_new_tokens,
        batch_tokens=recipe.evaluate.batch_tokens,
    )
    return [candidates[0].text for candidates in found]


def _likely(model: Any, asked: _Asked, answers: Sequence[Sequence[int]]) -> list[float]:
    return answer_logprobs(model, asked.prompts, answers)


def _served(
    folder: Path, recipe: Recipe, asked: _Asked, answers: Sequence[Sequence[int]]
) -> tuple[list[str], list[float]]:
    end = asked.tokenizer.eos_token_id
    with serving(folder) as served:
        written = served.complete(asked.prompts, recipe.evaluate.max_new_tokens)
        likely = served.logprobs(asked.prompts, answers)
    cut = [ids[: ids.index(end)] if end in ids else ids for ids in written]
    return [str(asked.tokenizer.decode(ids)).strip() for ids in cut], likely


def _held(
    asked: _Asked,
    recipe: Recipe,
    first: _System,
    system: _System,
    answers: Sequence[Sequence[int]],
) -> Parity:
    """One system's row."""
    name, texts, likely = system
    queries = [extract_sql(text) for text in texts]
    pairs = zip(asked.examples, queries, texts, strict=True)
    predictions = [Prediction(example.id, sql, text) for example, sql, text in pairs]
    with Sandbox(Limits(seconds=recipe.evaluate.query_seconds)) as sandbox:
        verdicts = judge(asked.examples, predictions, asked.databases, sandbox, match="internal")
    right = sum(verdict.execution is True for verdict in verdicts)
    differ = sum(a != extract_sql(b) for a, b in zip(queries, first[1], strict=True))
    gaps = [abs(a - b) / len(ids) for a, b, ids in zip(likely, first[2], answers, strict=True)]
    return Parity(name, wilson(right, len(verdicts)), differ, sum(gaps) / max(1, len(gaps)))
