"""The data of a recipe: its sources, how they are cleaned and audited, shown and varied."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sqlforge.core.config_part import Part, Share

PromptStyle = Literal["plain", "instructed", "few_shot"]
SourceName = Literal[
    "synthetic", "spider", "wikisql", "sql-create-context", "gretel", "own", "internal"
]
AuditedBenchmark = Literal["spider-dev", "wikisql-dev", "wikisql-test"]
SchemaFormName = Literal["compact", "ddl", "markdown"]
RenameStyle = Literal["snake", "camel", "abbreviate", "opaque"]


class SourcePart(Part):
    """One source of examples: ``rows`` draws that many by seed, ``cap`` at most that many.

    Without either all are taken, or, where ``data.train_rows`` says how many there shall be, a
    share by ``weight``. Training goes through them ``passes`` times in all its epochs together, or
    once in each. ``sql-create-context`` and ``gretel`` may be called by their names on the
    hub; ``path`` names their file where it is not in the data folder, ``revision`` a commit of
    the hub. ``own`` is a file of one's own (``path``) with a ``name`` and ``licence`` for the
    results and, unless each row brings its schema, a ``database`` (URL or SQLite file); or it is
    the folder that ``sqlforge synth`` wrote.
    ``internal`` holds out whole schemas of the training sources.
    """

    source: SourceName
    rows: Annotated[int, Field(gt=0)] | None = None
    cap: Annotated[int, Field(gt=0)] | None = None
    weight: Annotated[float, Field(gt=0)] | None = None
    passes: Annotated[float, Field(gt=0)] | None = None
    path: Path | None = None
    revision: str | None = None
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")] | None = None
    licence: str | None = None
    database: str | None = None
    dialect: str | None = None

    @property
    def key(self) -> str:
        """What its examples carry as ``source``."""
        return self.name or self.source

    @field_validator("source", mode="before")
    @classmethod
    def _by_hub_name(cls, value: object) -> object:
        return _HUB_NAMES.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _keys_make_sense(self) -> SourcePart:
        takers = {"path": _WITH_FILES, "revision": _ON_HUB}
        takers |= dict.fromkeys(("name", "licence", "database", "dialect"), ("own",))
        for key, sources in takers.items():
            if getattr(self, key) is not None and self.source not in sources:
                raise ValueError(f"'{key}' is for {' and '.join(sources)} only")
        if self.source == "own" and self.path is None:
            raise ValueError("rows of one's own need the 'path' of their file")
        if self.source == "own" and self.name in _TAKEN:
            raise ValueError(f"the name '{self.name}' belongs to another source: choose one")
        if self.rows is not None and (self.cap is not None or self.weight is not None):
            raise ValueError("'rows' is exact: give neither 'cap' nor 'weight' with it")
        return self


_HUB_NAMES: dict[str, str] = {
    "b-mc2/sql-create-context": "sql-create-context",
    "gretelai/synthetic_text_to_sql": "gretel",
}
_ON_HUB = ("sql-create-context", "gretel")
_WITH_FILES = (*_ON_HUB, "own")
_TAKEN = {"synthetic", "spider", "wikisql", "internal", *_ON_HUB}


class CleanPart(Part):
    """What is left out of the training rows; the reasons are listed in ``data/dropped.jsonl``.

    ``statements: all`` keeps INSERT, UPDATE, DDL and the like. Of rows with the same normalised
    question and canonical SQL the first stays; ``near_duplicates`` also leaves out questions that
    nearly repeat an earlier one on the same SQL.
    """

    statements: Literal["queries", "all"] = "queries"
    near_duplicates: bool = True


class AuditPart(Part):
    """The leak audit of the training rows; what it finds is written to ``data/audit.json``.

    ``against`` names benchmarks in the data folder; test and validation examples that the run
    draws itself are always among them. ``remove`` leaves out rows that are a benchmark's own.
    """

    against: tuple[AuditedBenchmark, ...] = ("spider-dev", "wikisql-dev", "wikisql-test")
    remove: bool = True


class DataPart(Part):
    """Where examples come from.

    ``validation`` examples of a benchmark are drawn from databases of its *training* split, which
    are then left out of training; those of ``internal`` from schemas of any training source.
    ``synthetic`` sources need ``rows``; ``synthetic_max_tables`` cuts their domains into small
    databases, ``synthetic_kinds`` weighs the kinds of query. ``train_rows`` is the size of the
    training mix where sources are weighed. ``audit`` compares training with benchmarks.
    """

    train: tuple[SourcePart, ...] = Field(min_length=1)
    validation: tuple[SourcePart, ...] = ()
    test: tuple[SourcePart, ...] = Field(min_length=1)
    train_rows: Annotated[int, Field(gt=0)] | None = None
    clean: CleanPart = CleanPart()
    audit: AuditPart | None = None
    synthetic_max_tables: Annotated[int, Field(ge=1)] | None = None
    synthetic_kinds: dict[str, Annotated[float, Field(ge=0)]] | None = None
    skip_bad_rows: bool = False

    @model_validator(mode="after")
    def _sources_make_sense(self) -> DataPart:
        for parts in (self.train, self.validation, self.test):
            if any(part.source == "synthetic" and part.rows is None for part in parts):
                raise ValueError("the synthetic corpus has no end: give 'rows'")
            if any(part.source == "internal" and part.rows is None for part in parts):
                raise ValueError("an internal split has no size of its own: give 'rows'")
            if len({part.key for part in parts}) < len(parts):
                raise ValueError("one split draws twice from one source: add up its 'rows'")
        if any(part.source == "internal" for part in self.train):
            raise ValueError("'internal' is drawn from training, it cannot be training")
        for part in (*self.validation, *self.test):
            if part.source == "sql-create-context":
                raise ValueError("sql-create-context has training rows only: test on 'internal'")
            if part.weight is not None or part.passes is not None:
                raise ValueError("'weight' and 'passes' are for training sources")
        if any(part.source == "gretel" for part in self.validation):
            raise ValueError("gretel has no validation rows: use 'internal'")
        if self.train_rows is None and any(part.weight is not None for part in self.train):
            raise ValueError("'weight' shares out 'train_rows': give them")
        exact = sum(part.rows or 0 for part in self.train)
        rest = (self.train_rows or exact) - exact
        if rest < 0 or (rest > 0 and all(part.rows for part in self.train)):
            raise ValueError(f"'train_rows' is {self.train_rows}, the sources' 'rows' are {exact}")
        return self


class PromptPart(Part):
    """What the model is shown; ``max_tokens`` bounds prompt and answer together.

    ``form`` spells the schema. ``schema_shown: used`` shows only what the gold SQL uses, as
    sql-create-context does: scores on it flatter, and questions without a gold see everything.
    ``samples`` values of each column are shown, ``descriptions`` where a database has them.
    ``link_values`` shows the values that a question names, out of ``values_per_column`` at most;
    ``fuzzy_values`` finds them through typing errors, inflections and other spellings of dates.
    ``answers: plain`` trains on golds whose tables go by their own names instead of aliases, all
    names spelled as the prompt shows them.
    """

    form: SchemaFormName = "compact"
    schema_shown: Literal["full", "used"] = "full"
    descriptions: bool = False
    samples: Annotated[int, Field(ge=0, le=20)] = 0
    foreign_keys: bool = True
    link_values: bool = True
    fuzzy_values: bool = False
    answers: Literal["as_written", "plain"] = "as_written"
    values_per_column: Annotated[int, Field(ge=1)] = 5_000
    max_tokens: Annotated[int, Field(ge=32)] = 1024


class AugmentPart(Part):
    """How training examples are varied; validation and test are never touched.

    In each epoch a database takes as many forms as it has groups of ``questions_per_schema``
    questions, at most ``variants``; questions share a form as they share a schema. A share
    ``keep`` of the forms is the database as it is. The others have tables and columns reordered
    (``shuffle``), up to ``distractors`` tables of another training database added and, a share
    ``rename`` of them, new names in schema and SQL. ``mask_values`` is the share of examples in
    which the values that question and SQL both name are replaced by made-up ones.
    """

    variants: Annotated[int, Field(ge=1)] = 8
    keep: Share = 0.25
    shuffle: bool = True
    distractors: Annotated[int, Field(ge=0)] = 0
    rename: Share = 0.0
    rename_styles: tuple[RenameStyle, ...] = Field(("snake", "camel", "abbreviate"), min_length=1)
    mask_values: Share = 0.0
