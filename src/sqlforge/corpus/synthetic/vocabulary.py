"""Which column names are plain English, so that a question may say them as they are spelled.

People who know their database do say "unit price" for ``unit_price``; nobody says "px mega". A
name counts as English if all its words occur in the phrases written for the domains' columns and
its last one ends such a phrase.
"""

from __future__ import annotations

from functools import lru_cache

from sqlforge.corpus.synthetic.domain import DomainColumn
from sqlforge.corpus.synthetic.domains import DOMAINS
from sqlforge.corpus.synthetic.spelling import tokens_of

_SHORTEST = 3  # letters: shorter words in names are mostly units and abbreviations
_VERBS = frozenset({"born", "since"})


@lru_cache(maxsize=4096)
def spelled_out(column: DomainColumn) -> str | None:
    """The column's name as a noun phrase, or ``None`` where it is not one.

    >>> spelled_out(DomainColumn("unitPrice", "money", ("cost", "price")))
    'unit price'
    >>> spelled_out(DomainColumn("opened_on", "date", ("opening date", "first day"))) is None
    True
    """
    if column.role in ("key", "foreign_key"):
        return None
    words, endings = _known()
    tokens = tokens_of(column.name)
    if not tokens or tokens[-1] not in endings or tokens[-1].endswith("ed"):
        return None
    plain = all(t in words and len(t) >= _SHORTEST and t not in _VERBS for t in tokens)
    return " ".join(tokens) if plain else None


@lru_cache(maxsize=1)
def _known() -> tuple[frozenset[str], frozenset[str]]:
    """All words in the domains' phrases, and those that end a phrase of one or two words."""
    phrases = [
        phrase.split()
        for domain in DOMAINS
        for table in domain.tables
        for column in table.columns
        for phrase in column.words
    ]
    words = frozenset(token for phrase in phrases for token in phrase)
    return words, frozenset(phrase[-1] for phrase in phrases if len(phrase) <= 2)
