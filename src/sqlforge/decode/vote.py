"""Execution-guided choice: of several answers to one question, the one whose result most agree on.

Candidates are executed, those that fail or run out of time are dropped, the others are grouped by
their result, and the group of the highest probability wins. The gold query is never looked at.

A group's probability is the sum over its *distinct* texts, each with the probability that the
model gives the whole of it. How often a text was drawn is not counted besides: a sample comes with
its probability already, and counting would weigh it twice. So it does not matter how candidates
were found (greedily, by sampling at any temperature, or as beams), and what was found adds up to a
lower bound of the probability that the model answers with this result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlforge.core.records import Database, QueryResult, Status
from sqlforge.database.sandbox import BATCH, Sandbox
from sqlforge.score.execution import gold_is_ordered, results_match
from sqlforge.score.extract import extract_sql

Asked = tuple[Database, Sequence["Candidate"]]

FIRST_STEPS = 5_000_000
"""Of SQLite's virtual machine, which a query gets at first: about a tenth of a second, and twenty
times what any of Spider dev's golds takes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text that a model wrote as its answer, and the SQL in it.

    ``logprob`` is the natural logarithm of the probability of the whole text, its end included,
    at temperature 1; under a constraint, among what that allows. ``tokens`` counts the end too.
    ``cut_short`` says that its limit or its deadline may have kept the model from writing more.
    """

    text: str
    sql: str
    logprob: float
    tokens: int
    cut_short: bool = False

    @classmethod
    def of(cls, text: str, logprob: float, tokens: int) -> Candidate:
        """The candidate that a text is, with the SQL taken out of any prose around it."""
        return cls(text, extract_sql(text), logprob, tokens)

    @classmethod
    def query(cls, text: str, logprob: float, tokens: int) -> Candidate:
        """The candidate that a text is which a constraint made: all of it is the query.

        >>> Candidate.query("SELECT 1\\n\\nFROM t;", -1.0, 6).sql
        'SELECT 1\\n\\nFROM t'
        """
        return cls(text, text.strip().removesuffix(";").rstrip(), logprob, tokens)


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate taken, and how much speaks for it.

    ``votes`` of the ``samples`` candidates have its result and ``failed`` of them did not run to
    an end. ``mass`` is the logarithm of the summed probability of the distinct texts with its
    result, ``share`` that sum's part of what all candidates have. ``empty`` says that its result
    has no row, or NULL only. Where ``ran`` is false nothing could be executed, and the candidate
    is the most probable one; ``None`` says that nothing was executed because there was no vote.
    """

    candidate: Candidate
    samples: int
    votes: int
    failed: int
    mass: float
    share: float
    empty: bool | None
    ran: bool | None


def only(candidate: Candidate) -> Choice:
    """The choice where there is nothing to choose: nothing is executed."""
    return Choice(candidate, 1, 1, 0, candidate.logprob, 1.0, None, None)


def choose(
    candidates: Sequence[Candidate],
    results: Mapping[str, QueryResult],
    *,
    prefer_non_empty: bool = False,
) -> Choice:
    """The candidate of the most probable group, given what each candidate's SQL came to.

    Two results are the same if no scorer could tell them apart, whichever of the two queries were
    its gold: bags of rows under any order of columns, lists where one of the queries orders
    (:func:`sqlforge.score.execution.results_match`). Ties go to the more probable candidate, then
    to the earlier one.

    Args:
        candidates: at least one; the same text may come several times.
        results: of each candidate's ``sql``; what lacks failed.
        prefer_non_empty: whether groups whose result has rows come before those without.

    >>> from sqlforge.core.records import Status
    >>> one, two = (QueryResult(Status.OK, ("n",), ((n,),)) for n in (1, 2))
    >>> texts = {"SELECT 2": -1.0, "SELECT 1": -1.1, "SELECT 3-2": -1.2}
    >>> found = choose(
    ...     [Candidate(sql, sql, logprob, 4) for sql, logprob in texts.items()],
    ...     {"SELECT 2": two, "SELECT 1": one, "SELECT 3-2": one},
    ... )
    >>> found.candidate.sql, found.votes, round(found.share, 2)
    ('SELECT 1', 2, 0.63)
    """
    texts = _distinct(candidates)
    groups = _groups(texts, results)
    if not groups:
        best = texts[0]
        return Choice(best, len(candidates), 0, len(candidates), best.logprob, 0.0, True, False)
    best_group = min(  # the first of equals, and they come with the most probable candidate first
        groups,
        key=lambda group: (
            prefer_non_empty and _is_empty(results[group[0].sql]),
            -_mass(group),
        ),
    )
    winners = {candidate.sql for candidate in best_group}
    mass = _mass(best_group)
    return Choice(
        candidate=best_group[0],
        samples=len(candidates),
        votes=sum(candidate.sql in winners for candidate in candidates),
        failed=sum(not _ran(candidate, results) for candidate in candidates),
        mass=mass,
        share=_part(mass, _mass(texts)),
        empty=_is_empty(results[best_group[0].sql]),
        ran=True,
    )


def vote(
    asked: Sequence[Asked],
    sandbox: Sandbox,
    *,
    prefer_non_empty: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Choice]:
    """The choice for each question, in their order.

    Args:
        asked: for each question its database and the candidates, one at least.
        sandbox: executes, read-only and within its limits.
        prefer_non_empty: see :func:`choose`.
        progress: called with (done, total) after each question.

    Where a database has no rows to execute on, the most probable candidate is taken.

    Samples hold joins without conditions that would run for minutes. So every query gets
    ``FIRST_STEPS`` at first, and only where those that need more could still change who wins
    (:func:`settled`) the question's queries run within the sandbox's limits.
    """
    choices: list[Choice | None] = []
    left: list[int] = []
    for (_, candidates), results in zip(asked, executed(asked, sandbox, FIRST_STEPS), strict=True):
        done = settled(candidates, results, prefer_non_empty=prefer_non_empty)
        if not done:
            left.append(len(choices))
        found = choose(candidates, results, prefer_non_empty=prefer_non_empty) if done else None
        choices.append(found)
        if done and progress is not None:
            progress(len(choices) - len(left), len(asked))
    again = [asked[place] for place in left]
    for n, (place, results) in enumerate(
        zip(left, executed(again, sandbox, together=1), strict=True), 1
    ):
        choices[place] = choose(asked[place][1], results, prefer_non_empty=prefer_non_empty)
        if progress is not None:
            progress(len(asked) - len(left) + n, len(asked))
    for choice in choices:
        assert choice is not None
        yield choice


def executed(
    asked: Sequence[Asked], sandbox: Sandbox, steps: int = 0, together: int = BATCH
) -> Iterator[dict[str, QueryResult]]:
    """What the candidates' SQL comes to, question by question; each distinct one runs once.

    ``steps`` bounds a query besides the sandbox's limits, and a worker gets ``together`` of them at
    a time; see :meth:`Sandbox.run_many`.
    """
    queries = [tuple(dict.fromkeys(c.sql for c in candidates)) for _, candidates in asked]
    items = (
        (database, sql) for (database, _), sqls in zip(asked, queries, strict=True) for sql in sqls
    )
    results = sandbox.run_many(items, steps=steps, together=together)
    for sqls in queries:
        yield {sql: next(results) for sql in sqls}


def settled(
    candidates: Sequence[Candidate],
    results: Mapping[str, QueryResult],
    *,
    prefer_non_empty: bool = False,
) -> bool:
    """Whether the candidate chosen stays the same whatever those come to that ran out of time.

    It does where its group outweighs any other that had all of them besides, and each of them is
    less probable than the candidate itself. They count as failed all the same.

    >>> from sqlforge.core.records import Status
    >>> ran, stopped = QueryResult(Status.OK, ("n",), ((1,),)), QueryResult(Status.TIMEOUT)
    >>> some = [Candidate("SELECT 1", "SELECT 1", -1.0, 4), Candidate("slow", "slow", -9.0, 4)]
    >>> settled(some, {"SELECT 1": ran, "slow": stopped})
    True
    >>> settled(some, {"SELECT 1": stopped, "slow": ran})
    False
    """
    texts = _distinct(candidates)
    stopped = [c for c in texts if results[c.sql].status is Status.TIMEOUT]
    if not stopped:
        return True
    found = choose(candidates, results, prefer_non_empty=prefer_non_empty)
    best = found.candidate
    if not found.ran or (prefer_non_empty and found.empty) or stopped[0].logprob >= best.logprob:
        return False
    groups = _groups(texts, results)
    others = [group for group in groups if group[0] is not best]
    rival = max(others, key=_mass, default=[])
    return found.mass > _mass([*rival, *stopped])


def same_answer(sql: str, result: QueryResult, other_sql: str, other_result: QueryResult) -> bool:
    """Whether two results count as one answer; see :func:`choose`."""
    ordered = gold_is_ordered(sql) or gold_is_ordered(other_sql)
    return results_match(result, other_result, ordered=ordered)


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate a text, the most probable first; earlier ones first among equals."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        known = best.get(candidate.text)
        if known is None or candidate.logprob > known.logprob:  # the last bits depend on the batch
            best[candidate.text] = candidate
    return sorted(best.values(), key=lambda candidate: -candidate.logprob)


def _groups(
    texts: Sequence[Candidate], results: Mapping[str, QueryResult]
) -> list[list[Candidate]]:
    """Candidates that ran, by result; each group and the list of them most probable first."""
    groups: list[list[Candidate]] = []
    for candidate in texts:
        if not _ran(candidate, results):
            continue
        for group in groups:
            first = group[0].sql
            if candidate.sql == first or same_answer(
                first, results[first], candidate.sql, results[candidate.sql]
            ):
                group.append(candidate)
                break
        else:
            groups.append([candidate])
    return groups


def _ran(candidate: Candidate, results: Mapping[str, QueryResult]) -> bool:
    found = results.get(candidate.sql)
    return found is not None and found.ok


def _is_empty(result: QueryResult) -> bool:
    return all(value is None for row in result.rows for value in row)


def _mass(candidates: Sequence[Candidate]) -> float:
    """The logarithm of the summed probabilities, whole even where each of them is 0 in floats."""
    top = max(candidate.logprob for candidate in candidates)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(c.logprob - top) for c in candidates))


def _part(mass: float, total: float) -> float:
    return 0.0 if total == -math.inf else min(1.0, math.exp(mass - total))
