"""What the official evaluator does to the text of a query before it runs it."""

from __future__ import annotations

import re

_DISTINCT = re.compile(r"\bdistinct\b", re.IGNORECASE)


def executed_text(sql: str, *, predicted: bool) -> str:
    """The text that is executed for ``sql``.

    DISTINCT goes. In predictions ``value`` becomes ``1``, wherever it stands: systems that do not
    predict values wrote it as a placeholder.

    >>> executed_text("SELECT DISTINCT a FROM t WHERE b = value", predicted=True)
    'SELECT  a FROM t WHERE b = 1'
    """
    sql = _DISTINCT.sub("", sql)
    return sql.replace("value", "1") if predicted else sql
