"""Everything that a model card says, as plain frozen records, gathered from a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from sqlforge.core.config import Recipe
from sqlforge.core.files import read_jsonl
from sqlforge.core.redact import without_password
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.licences import redistributable
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.model.catalog import CATALOG
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import prompt_version
from sqlforge.report.data import DataShare, ReportData, SourceResult
from sqlforge.report.gather import gather
from sqlforge.score.predictions_file import read_answers
from sqlforge.score.summary import Summary

Part = Literal["adapter", "merged"]
# What the benchmarks of the audit are called as sources of test questions.
_BENCHMARK_OF = {"spider-dev": "spider", "wikisql-dev": "wikisql", "wikisql-test": "wikisql"}
_ENVIRONMENT = ("python", "platform", "processor", "cores", "memory_gib", "commit")


@dataclass(frozen=True, slots=True)
class Base:
    """The base model; ``hub_id`` and ``licence`` are ``None`` where nobody knows them.

    The weights of a ``packaged`` one come out of a Python package, quantised: the hub's are not
    quite the same.
    """

    name: str
    hub_id: str | None
    licence: str | None
    gated: bool = False
    packaged: bool = False


@dataclass(frozen=True, slots=True)
class Leaks:
    """What the leak audit found in one benchmark: ``leaked`` of its ``n`` questions."""

    name: str
    title: str
    rows: int
    leaked: int
    n: int


@dataclass(frozen=True, slots=True)
class Audit:
    """The leak audit of ``rows`` training rows; ``leaking`` of them were ``removed`` or not."""

    rows: int
    leaking: int
    removed: bool
    contaminated: tuple[str, ...]
    benchmarks: tuple[Leaks, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A test question whose data may be passed on, as the model saw and answered it."""

    id: str
    source: str
    licence: str
    prompt: str
    gold: str
    answer: str


@dataclass(frozen=True, slots=True)
class CardData:
    """One run, ready to be described on its model's page.

    ``results`` are without slices. ``mistakes`` are the most frequent classes of what went wrong
    with the ``failures`` of the tuned model, ``merged_differs`` how many of how many answers are
    not the adapter's, ``merged_into`` the weights that the adapter went into. ``recipe`` is YAML
    without places and passwords.
    """

    name: str
    part: Part
    base: Base
    method: str
    rank: int
    dialects: tuple[str, ...]
    results: tuple[SourceResult, ...]
    data: tuple[DataShare, ...]
    audit: Audit | None
    example: Shown | None
    failures: int
    mistakes: Mapping[str, int]
    merged_differs: tuple[int, int] | None
    training: Mapping[str, float]
    trained_on: str | None
    environment: Mapping[str, str | int | float | None]
    packages: Mapping[str, str]
    started: str | None
    seed: int
    prompt_version: str
    max_new_tokens: int
    recipe: str
    data_sha256: Mapping[str, str] = field(default_factory=dict)
    merged_into: str | None = None
    reinforced: bool = False

    @property
    def contaminated(self) -> frozenset[str]:
        """The test sources whose questions, or some of them, were left in the training data."""
        names = self.audit.contaminated if self.audit else ()
        return frozenset(_BENCHMARK_OF.get(name, name) for name in names)

    @property
    def system(self) -> str:
        """The row of the results that these weights are."""
        return _system(self.part, self.method, self.reinforced)

    @property
    def scored(self) -> bool:
        """Whether the results have that row."""
        return any(self.system in result.summaries for result in self.results)


def card_of(run: RunDir, part: Part, data: ReportData | None = None) -> CardData:
    """What the card of a scored run says; ``data`` if it is gathered already.

    Raises:
        UserError: no predictions have been scored yet, or the folder is no run.
    """
    recipe, manifest = run.recipe(), run.manifest()
    data = data or gather(run)
    environment = manifest.get("environment", {})
    databases = read_databases(run.data_file("databases.jsonl"))
    return CardData(
        name=recipe.name,
        part=part,
        base=base_of(recipe.model.name),
        method=recipe.train.method,
        rank=recipe.train.rank,
        dialects=tuple(sorted({database.schema.dialect for database in databases.values()})),
        results=tuple(map(_without_slices, data.sources)),
        data=data.data,
        audit=_audit(run),
        example=_example(run, recipe, _system(part, recipe.train.method, run.tuned.is_dir())),
        failures=data.failure_count,
        mistakes=_mistakes(data),
        merged_differs=(len(data.merged.ids), data.merged.n) if data.merged else None,
        training=data.training,
        trained_on=manifest.get("trained_on"),
        environment={key: environment.get(key) for key in _ENVIRONMENT},
        packages=environment.get("packages", {}),
        started=data.started,
        seed=recipe.seed,
        prompt_version=prompt_version(recipe.prompt),
        max_new_tokens=recipe.evaluate.max_new_tokens,
        recipe=public_recipe(recipe),
        data_sha256=manifest.get("data_sha256", {}),
        merged_into=manifest.get("merged_into"),
        reinforced=run.tuned.is_dir(),
    )


def base_of(name: str) -> Base:
    """The base model that a recipe names: of the catalog, of the hub, or a local folder.

    >>> base_of("smollm2-135m").hub_id, base_of("/models/mine").hub_id
    ('HuggingFaceTB/SmolLM2-135M-Instruct', None)
    """
    if known := CATALOG.get(name):
        return Base(known.name, known.hub_id, known.licence, known.gated, known.embedded)
    if Path(name).is_dir() or name.count("/") != 1 or name.startswith((".", "/", "~")):
        return Base(Path(name).name, None, None)
    return Base(name, name, None)


def public_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, with names instead of places and without what is not set."""
    facts = recipe.model_dump(mode="json", exclude_none=True)
    facts["model"]["name"] = base_of(recipe.model.name).name
    for split in ("train", "validation", "test"):
        for source in facts["data"][split]:
            if "path" in source:
                source["path"] = Path(source["path"]).name
            if "database" in source:
                source["database"] = "held back"
    return without_password(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))


def _system(part: Part, method: str, reinforced: bool) -> str:
    if part == "merged" and method != "full":
        return "merged"
    return "reinforced" if reinforced else "tuned"


def _without_slices(result: SourceResult) -> SourceResult:
    def short(summaries: Mapping[str, Summary]) -> dict[str, Summary]:
        return {system: replace(found, by_kind={}) for system, found in summaries.items()}

    return replace(
        result,
        summaries=short(result.summaries),
        official=short(result.official),
        strict=short(result.strict),
        breakdowns={},
    )


def _audit(run: RunDir) -> Audit | None:
    file = run.data / "audit.json"
    if not file.exists():
        return None
    facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    benchmarks = (
        Leaks(name, b["title"], b["leaking"]["rows"], b["leaked"]["examples"], b["n"])
        for name, b in facts["benchmarks"].items()
    )
    return Audit(
        rows=facts["rows"],
        leaking=facts["leaking"],
        removed=facts["removed"],
        contaminated=tuple(facts["contaminated"]),
        benchmarks=tuple(benchmarks),
    )


def _mistakes(data: ReportData) -> dict[str, int]:
    total: dict[str, int] = {}
    for result in data.sources:
        found = result.breakdowns.get("tuned")
        for name, count in (found.mistakes.primary if found and found.mistakes else {}).items():
            total[name] = total.get(name, 0) + count
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return {name: count for name, count in ranked[:5] if count}


def _example(run: RunDir, recipe: Recipe, system: str) -> Shown | None:
    """The first test question that may be shown and was answered rightly."""
    if not run.predictions(system).exists():
        return None
    answers = read_answers(run.predictions(system))
    right = {
        row["id"]
        for file in run.scores.glob(f"{system}-*.verdicts.jsonl")
        for row in read_jsonl(file)
        if row["execution"]
    }
    for example in read_examples(run.data_file("test.jsonl")):
        if redistributable(example.licence) and example.id in answers and example.id in right:
            prompter = Prompter.of(recipe.prompt, read_databases(run.data_file("databases.jsonl")))
            (message,) = prompter.ask(example.db_id, example.question, sql=example.sql)
            return Shown(
                id=example.id,
                source=example.source,
                licence=example.licence,
                prompt=message["content"],
                gold=example.sql,
                answer=answers[example.id].sql,
            )
    return None
