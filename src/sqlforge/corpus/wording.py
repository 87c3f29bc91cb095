"""Whether two normalised questions ask for the same in nearly the same words.

Needed where nothing else tells: WikiSQL's official questions come without their tables, so that
"the home team's score" and "the away team's score" have the same skeleton.
"""

from __future__ import annotations

import difflib
from itertools import chain

from sqlforge.corpus.fingerprints import normal_question

_KEYWORDS = frozenset(
    "select from where and or not in a t min max count sum avg by order group limit".split()
)
_LIGHT = frozenset(
    "a an the this that these those what whats which who whom whose s is are was were be been has "
    "have had do does did to of in at on for from with by as and it its their there any all me "
    "name list show tell give find display state listed shown game match play played plays "
    "playing than then".split()
)
_SAME_WORD = 0.8  # of difflib's ratio: a typing mistake, another ending


def same_wording(one: str, other: str, sql: str) -> bool:
    """Whether two questions differ in light words, endings and spelling only.

    Args:
        one: the normalised question of ``sql``.
        other: another one.
        sql: the query as written; both have to mention its names in the same order.

    >>> sql = 'SELECT "Home team" FROM t WHERE Venue = \\'lake oval\\''
    >>> question = "who was the home team at lake oval"
    >>> same_wording(question, "which home team played the match at lake ovall", sql)
    True
    >>> same_wording(question, "who was the away team at lake oval", sql)
    False
    """
    names = frozenset(map(_stem, normal_question(sql).split())) - _KEYWORDS
    if _mentions(one, names) != _mentions(other, names):
        return False
    left, right = _content(one), _content(other)
    pairs = ((word, right) for word in left), ((word, left) for word in right)
    return all(_nearest(word, others) is not None for word, others in chain(*pairs))


def _content(question: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in question.split() if word not in _LIGHT)


def _mentions(question: str, names: frozenset[str]) -> list[str]:
    """The names that a question has words for, in the order of the words."""
    found = (_nearest(word, names) for word in map(_stem, question.split()))
    return [name for name in found if name is not None]


def _stem(word: str) -> str:
    return word.removesuffix("s")


def _nearest(word: str, others: frozenset[str]) -> str | None:
    """The same word, or else the most alike one; ``None`` if none is alike enough."""
    if word in others:
        return word
    if len(word) < 4 or not word.isalpha():
        return None
    ranked = [(_likeness(word, other), other) for other in others if other.isalpha()]
    best = max(ranked, default=(0.0, ""))
    return best[1] if best[0] >= _SAME_WORD else None


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
