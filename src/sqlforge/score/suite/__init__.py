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

Both shops of this database are in Oslo and small, so that two wrong answers look right:

>>> import sqlite3, tempfile
>>> from pathlib import Path
>>> from sqlforge.core.records import Database, Example, Prediction
>>> from sqlforge.database.introspect import schema_from_sqlite
>>> from sqlforge.database.sandbox import Sandbox
>>> from sqlforge.score.judge import judge
>>> folder = Path(tempfile.mkdtemp())
>>> connection = sqlite3.connect(folder / "shops.sqlite")
>>> _ = connection.executescript("CREATE TABLE shop (id INTEGER PRIMARY KEY, city TEXT, size INT);"
...                              "INSERT INTO shop VALUES (1, 'Oslo', 20), (2, 'Oslo', 30);")
>>> connection.close()
>>> path = folder / "shops.sqlite"
>>> databases = {"shops": Database("shops", schema_from_sqlite(path), path)}
>>> gold = "SELECT id FROM shop WHERE city = 'Oslo' AND size < 50"
>>> sqls = ["SELECT id FROM shop WHERE size < 50 AND city LIKE 'oslo'", "SELECT id FROM shop",
...         "SELECT id FROM shop WHERE city = 'Oslo' AND size <= 50"]
>>> examples = [Example(sql, "?", gold, "shops", "own", "CC0-1.0") for sql in sqls]
>>> answers = [Prediction(sql, sql, sql) for sql in sqls]
>>> suite = build_suite(examples, databases, size=5, folder=folder / "suites")
>>> with Sandbox() as sandbox:
...     verdicts = judge(examples, answers, databases, sandbox)
...     judged = judge_on_suite(verdicts, examples, answers, databases, suite, sandbox)
>>> [v.execution for v in judged], [v.test_suite for v in judged]
([True, True, True], [True, False, False])
"""

from sqlforge.score.suite.scoring import judge_on_suite
from sqlforge.score.suite.store import Suite, build_suite

__all__ = ["Suite", "build_suite", "judge_on_suite"]
