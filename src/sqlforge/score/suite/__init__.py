"""Test-suite accuracy: many small databases instead of one, so that luck does not count.

A wrong query may well return the right rows on the one database that a benchmark publishes. Here
every database gets a suite of perturbed instances: other rows under the same keys, references,
types and constraints, chosen so that each gold query is told apart from queries that differ from
it in one thing (Zhong, Yu and Klein 2020, "Semantic Evaluation for Text-to-SQL with Distilled
Test Suites").

The way through: :mod:`hints <sqlforge.score.suite.hints>` (what the golds say about values) →
:mod:`profile <sqlforge.score.suite.profile>` (what the tables keep to) →
:mod:`neighbours <sqlforge.score.suite.neighbours>` (wrong queries) →
:mod:`perturb <sqlforge.score.suite.perturb>` (rows) →
:mod:`probes <sqlforge.score.suite.probes>` (golds without one answer) →
:mod:`distil <sqlforge.score.suite.distil>` (the choice) →
:mod:`store <sqlforge.score.suite.store>` (the cache) →
:mod:`scoring <sqlforge.score.suite.scoring>` (the verdicts).
"""

from sqlforge.score.suite.scoring import judge_on_suite
from sqlforge.score.suite.store import Suite, build_suite

__all__ = ["Suite", "build_suite", "judge_on_suite"]
