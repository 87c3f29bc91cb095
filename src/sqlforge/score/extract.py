"""Finding the SQL in what a model wrote."""

from __future__ import annotations

import re

_FENCE = re.compile(r"```[ \t]*([\w+-]*)[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_LABEL = re.compile(
    r"^\W*(?:sqlite|sql|sql query|query|answer|output|response|final answer)\W*?:\W*?(?=\w)",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"</?s>|<\|[^|>]*\|>|\[/?INST\]")
# The first word that can begin a query; WITH must look like one, for it is also an English word.
_START = re.compile(
    r"\bselect\b(?!\s+(?:the|all\s+the|statement|query)\b)"
    r"|\bwith\s+(?:recursive\s+)?[\w\"`\[\]]+\s*(?:\([^()]*\)\s*)?as\s*(?:(?:not\s+)?materialized\s*)?\("
    r"|\bvalues\s*\(",
    re.IGNORECASE,
)
_PROSE = re.compile(
    r"\n\s*\n|\n\s*(?:#|--+\s*\n|\*\*|This\b|The\b|Note\b|Explanation\b|Here\b|In this\b|It\b|"
    r"Question\b|Answer\b|SQL\s*:|Schema\b|Q:|A:|```)"
)
_TOKEN = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|`[^`]*(?:`|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|;",
    re.DOTALL,
)


def extract_sql(text: str) -> str:
    """The first SQL statement in ``text``, without fence, label, prose or closing semicolon.

    The rules, in order:

    1. Special tokens of chat templates are dropped.
    2. If there are Markdown fences, the first one that holds a query is read (an unclosed one to
       the end); a fence that holds none is ignored.
    3. A label such as ``SQL:`` or ``Answer:`` at the start is dropped.
    4. Reading starts at the first ``SELECT``, ``WITH name AS (`` or ``VALUES (``. Where there is
       none the text is kept as it is: it is not for this function to turn a ``DROP TABLE`` into
       something else.
    5. Outside a fence the query ends at a blank line or at a line that opens an explanation.
    6. Only the first statement counts: up to the first semicolon outside quotes and comments.
    7. White space around it goes; inside it stays.

    >>> extract_sql("Sure! Here you go:\\n```sql\\nSELECT 1;\\n```\\nIt returns one.")
    'SELECT 1'
    """
    text = _SPECIAL.sub(" ", text)
    for fence in _FENCE.finditer(text):
        if _START.search(fence.group(2)):
            return _first_statement(_from_start(fence.group(2)))
    text = _LABEL.sub("", text.strip().lstrip("`")).strip()
    if _START.search(text):
        text = _from_start(text)
        end = _PROSE.search(text)
        text = text[: end.start()] if end else text
    return _first_statement(text.strip("` \t\r\n"))


def _from_start(text: str) -> str:
    start = _START.search(text)
    return text[start.start() :] if start else text


def _first_statement(text: str) -> str:
    for token in _TOKEN.finditer(text):
        if token.group() == ";":
            return text[: token.start()].strip()
    return text.strip()
