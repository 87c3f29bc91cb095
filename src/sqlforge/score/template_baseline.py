"""A baseline without a neural network: the nearest training question's SQL, re-filled.

Whatever a fine-tuned model gains has to be more than what looking up a similar question gives.
The lookup gets an honest chance: numbers, values and the words that only some databases are asked
with are masked before questions are compared, and the SQL found is adapted to the asked database
slot by slot (see :mod:`sqlforge.score.template_fill`).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nsmallest

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Schema
from sqlforge.database.values import distinct_text_values
from sqlforge.score.question_words import QUOTED, ValueIndex, index_values, mentions, split_words
from sqlforge.score.template_fill import MAX_TABLES, Refill

RAW_WEIGHT = 0.3  # of a word that belongs to some databases only, beside its mask
COMMON_SHARE = 0.2  # of the training databases; a word in as many is no name
SLOT_PENALTY = 0.05  # of cosine similarity, per value or number more or less than asked
NEIGHBOURS = 10  # the nearest one whose SQL parses and fits is taken


def fit(examples: Sequence[Example], databases: Mapping[str, Database]) -> TemplateBaseline:
    """Index the training ``examples`` by TF-IDF of their masked questions.

    >>> fit([], {}).predict("How many shops?", Database("d", Schema(())))
    ''
    """
    indices = {db_id: _value_index(databases[db_id]) for db_id in {e.db_id for e in examples}}
    masked = [_masked(e.question, indices[e.db_id]) for e in examples]
    common = _common_words(masked, [e.db_id for e in examples])
    counts = [_features(words, common) for words in masked]
    frequency = Counter(word for words in counts for word in words)
    rarity = {w: math.log(1 + len(examples) / n) for w, n in frequency.items()}
    return TemplateBaseline(
        examples=[(e, databases[e.db_id].schema) for e in examples],
        slots=[_slots(words) for words in masked],
        common=common,
        rarity=rarity,
        weights=_weights(counts, rarity),
    )


@dataclass
class TemplateBaseline:
    """Training questions as sparse vectors of unit length; made by :func:`fit`.

    ``weights`` is turned round, by word: which questions have it, and how much it weighs there.
    """

    examples: list[tuple[Example, Schema]]
    slots: list[int]  # values and numbers in each question
    common: frozenset[str]
    rarity: dict[str, float]
    weights: dict[str, list[tuple[int, float]]]
    _values: dict[str, ValueIndex] = field(default_factory=dict)

    def predict(self, question: str, database: Database) -> str:
        """SQL for ``question`` over ``database``; empty if there is nothing to go by."""
        if not self.examples or not database.schema.tables:
            return ""
        if database.db_id not in self._values:
            self._values[database.db_id] = _value_index(database)
        values = self._values[database.db_id]
        for number in self._nearest(question, values):
            example, schema = self.examples[number]
            tree = _parsed(example.sql)
            if tree is not None and _fits(tree, database.schema):
                refill = Refill(question, database.schema, values, example.question, schema)
                return refill.fill(tree.copy())
        return ""

    def _nearest(self, question: str, values: ValueIndex) -> list[int]:
        words = _masked(question, values)
        asked = {
            word: count * self.rarity[word]
            for word, count in _features(words, self.common).items()
            if word in self.rarity
        }
        length = math.hypot(*asked.values()) or 1.0
        slots = _slots(words)
        scores = [-SLOT_PENALTY * abs(other - slots) for other in self.slots]
        for word, weight in asked.items():
            for number, other_weight in self.weights[word]:
                scores[number] += weight * other_weight / length
        return nsmallest(NEIGHBOURS, range(len(scores)), key=lambda i: -scores[i])


def _weights(
    counts: Sequence[Mapping[str, float]], rarity: Mapping[str, float]
) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, words in enumerate(counts):
        weights = {word: count * rarity[word] for word, count in words.items()}
        length = math.hypot(*weights.values()) or 1.0
        for word, weight in weights.items():
            found[word].append((number, weight / length))
    return dict(found)


def _masked(question: str, values: ValueIndex) -> list[str]:
    """The question's words with numbers, quoted texts and values of its database masked."""
    for value in mentions(question, values):
        question = question.replace(value.text, " valueslot ", 1)
    words = split_words(QUOTED.sub(" valueslot ", question))
    return ["numberslot" if word[0].isdigit() else word for word in words]


def _slots(words: Sequence[str]) -> int:
    return sum(word in ("valueslot", "numberslot") for word in words)


def _common_words(questions: Sequence[Sequence[str]], db_ids: Sequence[str]) -> frozenset[str]:
    """The words of the language of questions: those that many databases are asked with."""
    asked: dict[str, set[str]] = defaultdict(set)
    for words, db_id in zip(questions, db_ids, strict=True):
        for word in words:
            asked[word].add(db_id)
    enough = COMMON_SHARE * len(set(db_ids))
    return frozenset(word for word, ids in asked.items() if len(ids) >= enough)


def _features(words: Sequence[str], common: frozenset[str]) -> dict[str, float]:
    """Weights of words and word pairs; what only some databases are asked about is masked."""
    found: dict[str, float] = defaultdict(float)
    masked = ["^"]
    for word in words:
        if word in common:
            masked.append(word)
        else:
            found[word] += RAW_WEIGHT
            if masked[-1] != "<name>":  # a name of several words counts once
                masked.append("<name>")
    for first, second in zip(masked, [*masked[1:], "$"], strict=True):
        found[first] += 1.0
        found[f"{first} {second}"] += 1.0
    return found


def _fits(tree: exp.Expr, schema: Schema) -> bool:
    names = {table.name.lower() for table in tree.find_all(exp.Table)}
    return len(names) <= min(MAX_TABLES, len(schema.tables))


def _value_index(database: Database) -> ValueIndex:
    return index_values(distinct_text_values(database))


@lru_cache(maxsize=4096)
def _parsed(sql: str) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(sql, dialect="sqlite")
    except SqlglotError:
        return None
