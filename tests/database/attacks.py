"""What a prediction may try, with the statuses in which it may end; and what a file looks like.

Some attacks are refused by one layer on one version of SQLite and by another on the next.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlforge.core.records import Status

COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
DOUBLING = "WITH c0(a) AS (SELECT 1)" + "".join(
    f", c{i}(a) AS (SELECT x.a FROM c{i - 1} x JOIN c{i - 1} y)" for i in range(1, 30)
)

ATTACKS: dict[str, tuple[str, set[Status]]] = {
    "infinite recursion": (COUNT + "SELECT count(*) FROM c", {Status.TIMEOUT}),
    "infinite rows": (COUNT + "SELECT x FROM c", {Status.TOO_LARGE}),
    "ten-way cross join": (
        "SELECT count(*) FROM " + ", ".join(f"sale s{i}" for i in range(10)),
        {Status.TIMEOUT},
    ),
    "sorting a cross join": (
        "SELECT a.id FROM sale a, sale b, sale c, sale d ORDER BY random()",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "two gigabytes of zeroes": ("SELECT zeroblob(2000000000)", {Status.TOO_LARGE}),
    "two gigabytes of padding": (
        "SELECT printf('%.*c', 2000000000, 'x')",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "many large cells": (
        "SELECT hex(zeroblob(500000)), hex(zeroblob(500000)) FROM sale",
        {Status.TOO_LARGE},
    ),
    "large aggregate": (
        "SELECT group_concat(hex(zeroblob(100000))) FROM sale",
        {Status.TOO_LARGE},
    ),
    "memory by sorting": (
        "SELECT a.id, hex(randomblob(200000)) AS h FROM sale a, sale b ORDER BY h",
        {Status.TOO_LARGE, Status.TIMEOUT},
    ),
    "deep parentheses": ("SELECT " + "(" * 50_000 + "1" + ")" * 50_000, {Status.ERROR}),
    "deep expression": ("SELECT 1" + " + 1" * 100_000, {Status.ERROR}),
    "deep subqueries": ("SELECT * FROM (" * 3000 + "SELECT 1" + ")" * 3000, {Status.ERROR}),
    "a billion copies": (DOUBLING + " SELECT a FROM c29", {Status.TIMEOUT, Status.TOO_LARGE}),
    "five megabytes": ("SELECT '" + "x" * 5_000_000 + "'", {Status.ERROR}),
    "a NUL byte": ("SELECT 'a\0b'", {Status.ERROR}),
    "a lone surrogate": ("SELECT '\ud800'", {Status.ERROR}),
    "nothing": ("", {Status.ERROR}),
    "a comment": ("-- nothing", {Status.ERROR}),
    "two statements": ("SELECT 1; DROP TABLE shop", {Status.ERROR}),
    "a parameter": ("SELECT ?", {Status.ERROR}),
    "drop": ("DROP TABLE shop", {Status.DENIED}),
    "delete": ("DELETE FROM shop", {Status.DENIED}),
    "delete behind WITH": ("WITH c AS (SELECT 1) DELETE FROM shop", {Status.DENIED}),
    "insert": ("INSERT INTO shop VALUES (99, 'x', 'y')", {Status.DENIED}),
    "update": ("UPDATE shop SET name = 'x'", {Status.DENIED}),
    "create": ("CREATE TABLE mine (a)", {Status.DENIED}),
    "create in memory": ("CREATE TEMP TABLE mine AS SELECT * FROM secret", {Status.DENIED}),
    "attach": ("ATTACH '{folder}/new.sqlite' AS x", {Status.DENIED}),
    "vacuum into": ("VACUUM INTO '{folder}/copy.sqlite'", {Status.DENIED}),
    "begin": ("BEGIN EXCLUSIVE", {Status.DENIED}),
    "pragma": ("PRAGMA writable_schema = 1", {Status.DENIED}),
    "pragma as a table": ("SELECT * FROM pragma_database_list", {Status.DENIED}),
    "database pages": ("SELECT * FROM sqlite_dbpage", {Status.ERROR, Status.DENIED}),
    "the schema table": ("SELECT sql FROM sqlite_master", {Status.DENIED}),
    "rows of the schema table": ("SELECT count(*) FROM sqlite_schema", {Status.DENIED}),
    "another database's table": ("SELECT word FROM secret", {Status.DENIED}),
    "its row count": ("SELECT count(*) FROM main.secret", {Status.DENIED}),
    "it in a subquery": ("SELECT (SELECT max(word) FROM secret)", {Status.DENIED}),
    "it behind a view": ("SELECT * FROM leak", {Status.DENIED}),
    "it behind a view's name": (
        "WITH big_sale AS (SELECT word FROM secret) SELECT * FROM big_sale",
        {Status.DENIED},
    ),
    "reading a file": ("SELECT readfile('/etc/passwd')", {Status.ERROR, Status.DENIED}),
    "writing a file": ("SELECT writefile('{folder}/x', 'x')", {Status.ERROR, Status.DENIED}),
    "an extension": ("SELECT load_extension('evil')", {Status.ERROR, Status.DENIED}),
    "a tokenizer": ("SELECT fts3_tokenizer('simple')", {Status.ERROR, Status.DENIED}),
    "a long pattern": (f"SELECT 'a' LIKE '{'%a' * 5000}'", {Status.ERROR}),
    "wide compound": (" UNION ALL ".join(["SELECT 1"] * 5000), {Status.ERROR}),
    "overflow": ("SELECT abs(-9223372036854775808)", {Status.ERROR}),
    "recursion that remembers": (
        COUNT.replace("UNION ALL", "UNION") + "SELECT count(*) FROM c",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "recursion over large cells": (
        "WITH RECURSIVE c(x) AS (SELECT hex(zeroblob(100000)) UNION ALL SELECT x || '1' FROM c) "
        "SELECT x FROM c ORDER BY x",
        {Status.TOO_LARGE, Status.TIMEOUT},
    ),
    "a window without end": (
        COUNT + "SELECT sum(x) OVER (ORDER BY x) FROM c",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "a list that never ends": (
        COUNT + "SELECT json_group_array(x) FROM c",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "one call that takes minutes": (  # within one step, where no progress handler is asked
        "SELECT instr(zeroblob(900000), zeroblob(450000) || x'01')",
        {Status.TIMEOUT},
    ),
    "sixty-four tables": (
        "SELECT count(*) FROM " + ", ".join(f"sale s{i}" for i in range(64)),
        {Status.TIMEOUT},
    ),
    "sixty-five tables": (
        "SELECT count(*) FROM " + ", ".join(f"sale s{i}" for i in range(65)),
        {Status.ERROR},
    ),
    "random bytes": ("SELECT randomblob(2000000000)", {Status.TOO_LARGE}),
    "a text that grows": (
        "SELECT " + "replace(" * 12 + "'a'" + ", 'a', 'aaaaaaaaaa')" * 12,
        {Status.TOO_LARGE},
    ),
    "five thousand columns": ("SELECT " + ", ".join(["1"] * 5000), {Status.ERROR}),
    "columns that double": (
        "SELECT * FROM " + "(SELECT *, * FROM " * 12 + "sale" + ")" * 12,
        {Status.ERROR},
    ),
    "a list of constants": (
        "SELECT 1 IN (" + ",".join(["1"] * 300_000) + ")",
        {Status.TOO_LARGE, Status.ERROR},
    ),
    "negations": ("SELECT " + "~" * 500_000 + "1", {Status.ERROR}),
    "deep CASE": ("SELECT " + "CASE WHEN 1 THEN " * 3000 + "1" + " END" * 3000, {Status.ERROR}),
    "deep JSON": ("SELECT json('" + "[" * 200_000 + "')", {Status.ERROR}),
    "deep EXISTS": ("SELECT " + "EXISTS (SELECT " * 400 + "1" + ")" * 400, {Status.ERROR}),
    "a regular expression": ("SELECT 'aaaaaaaaaaaaaaaaa!' REGEXP '(a+)+$'", {Status.ERROR}),
    "a NUL byte at the end": ("SELECT 1\0; DROP TABLE shop", {Status.ERROR}),
    "a NUL byte in a name": ('SELECT "a\0b" FROM shop', {Status.ERROR}),
    "a command of the shell": (".shell touch {folder}/x", {Status.ERROR}),
    "reading by the shell": (".read /etc/passwd", {Status.ERROR}),
    "replace into": ("REPLACE INTO shop VALUES (1, 'x', 'y')", {Status.DENIED}),
    "returning": ("DELETE FROM shop RETURNING id", {Status.DENIED}),
    "upsert": (
        "INSERT INTO shop VALUES (1, 'x', 'y') ON CONFLICT DO NOTHING RETURNING id",
        {Status.DENIED},
    ),
    "alter": ("ALTER TABLE shop RENAME TO mine", {Status.DENIED}),
    "trigger": (
        "CREATE TEMP TRIGGER t AFTER INSERT ON shop BEGIN DELETE FROM sale; END",
        {Status.DENIED, Status.ERROR},
    ),
    "savepoint": ("SAVEPOINT mine", {Status.DENIED}),
    "analyze": ("ANALYZE", {Status.DENIED}),
    "reindex": ("REINDEX", {Status.DENIED, Status.ERROR}),
    "vacuum": ("VACUUM", {Status.DENIED}),
    "detach": ("DETACH main", {Status.DENIED}),
    "attach in memory": ("ATTACH ':memory:' AS x", {Status.DENIED}),
    "attach by URI": ("ATTACH 'file:{folder}/new.sqlite?mode=rwc' AS x", {Status.DENIED}),
    "attach another database": ("ATTACH '{folder}/shop #1?.sqlite' AS x", {Status.DENIED}),
    "a journal mode": ("PRAGMA journal_mode = WAL", {Status.DENIED}),
    "a pragma's function": ("SELECT * FROM pragma_function_list", {Status.DENIED}),
    "full-text search": ("CREATE VIRTUAL TABLE f USING fts5(a)", {Status.DENIED}),
    "a file as a table": (
        "CREATE VIRTUAL TABLE temp.x USING csv(filename='/etc/passwd')",
        {Status.DENIED},
    ),
    "a folder as a table": ("SELECT * FROM fsdir('/')", {Status.ERROR, Status.DENIED}),
    "an archive as a table": ("SELECT * FROM zipfile('/x.zip')", {Status.ERROR, Status.DENIED}),
    "pages as a table": ("SELECT * FROM dbstat", {Status.ERROR, Status.DENIED}),
    "an editor": ("SELECT edit('a', 'vi')", {Status.ERROR, Status.DENIED}),
    "an extension's entry": ("SELECT load_extension('a', 'b')", {Status.ERROR, Status.DENIED}),
    "the log": ("SELECT sqlite_log(1, 'x')", {Status.ERROR, Status.DENIED}),
    "how it was built": ("SELECT sqlite_compileoption_get(1)", {Status.ERROR, Status.DENIED}),
}


def state_of(path: Path) -> tuple[str, list[str]]:
    """The file's SHA-256 and the names beside it."""
    names = sorted(p.name for p in path.parent.iterdir())
    return hashlib.sha256(path.read_bytes()).hexdigest(), names
