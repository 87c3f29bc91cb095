"""One condition: its SQL, and the forms in which a question can say it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sqlforge.core.records import SqlValue
from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.phrases import article, is_plural
from sqlforge.corpus.synthetic.view import View

ALIAS = "\0"  # stands for the table's alias until the query knows whether it needs one


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, ready to be put into a question and a query.

    ``template`` is the SQL; ``predicate`` follows "whose <word>", ``owned`` follows "with" or
    "have", ``naming`` is a third form ("named Ada") where the language has one, ``joined`` the
    whole relative clause where two conditions were combined.
    """

    columns: tuple[str, ...]
    template: str
    word: str
    predicate: str
    owned: str
    naming: str | None = None
    joined: str | None = None

    def sql(self, alias: str = "", *, beside: bool = False) -> str:
        """The condition in SQL, its columns qualified by ``alias`` if there is one.

        ``beside`` says that it stands beside another one, so that an OR needs parentheses.
        """
        text = self.template.replace(ALIAS, f"{alias}." if alias else "")
        return f"({text})" if beside and " OR " in text else text

    def clause(self, rng: random.Random) -> str:
        """A relative clause that follows a noun, singular or plural."""
        if self.joined:
            return self.joined
        if self.naming and rng.random() < 0.6:
            return self.naming
        pick = rng.random()
        if pick < 0.45:
            return f"whose {self.word} {self.predicate}"
        if pick < 0.6:
            return f"where the {self.word} {self.predicate}"
        return f"{'with' if pick < 0.9 else 'having'} {self.owned}"


@dataclass(frozen=True, slots=True)
class Asked:
    """The column that a condition is about, the word chosen for it, and its values."""

    table: DomainTable
    column: DomainColumn
    word: str
    labels: bool
    values: tuple[SqlValue, ...]
    rng: random.Random

    @classmethod
    def about(
        cls, view: View, table: DomainTable, column: DomainColumn, rng: random.Random
    ) -> Asked:
        """A condition's raw material, with a word drawn for the column."""
        labels = column is view.label(table)
        word = view.word(table, column, rng)
        return cls(table, column, word, labels, view.values(table, column), rng)

    @property
    def owned(self) -> str:
        """The word with its article, as it follows "with"."""
        return article(self.word)

    @property
    def verb(self) -> str:
        """ "is" or "are", as the word wants it."""
        return "are" if is_plural(self.word) else "is"

    @property
    def is_year(self) -> bool:
        """Whether the values are years: by role, or by what the column is called."""
        tokens = self.word.split()
        return self.column.role == "year" or (self.column.role == "number" and "year" in tokens)

    def several(self, count: int) -> list[SqlValue]:
        """Up to ``count`` different values."""
        different = sorted(set(self.values), key=str)
        return self.rng.sample(different, min(count, len(different)))

    def condition(
        self, comparison: str, predicate: str, owned: str, naming: str | None = None
    ) -> Condition:
        """A condition of the form "column comparison"."""
        template = f"{ALIAS}{name(self.column.name)} {comparison}"
        return Condition((self.column.name,), template, self.word, predicate, owned, naming)
