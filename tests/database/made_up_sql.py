"""Statements made up for tests: any text, words of SQL in any order, sentences of a small grammar.

Most of the sentences are accepted by SQLite, so that its inside is reached and not only its parser.
"""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = st.sampled_from(
    """SELECT FROM WHERE shop sale secret id name amount * , ( ) ' " ; -- /* */ = 1 0 NULL
    UNION JOIN ON WITH c AS DELETE UPDATE SET PRAGMA ATTACH DROP TABLE ORDER BY LIMIT IN
    sqlite_master count(*) max( x'00' ` [ ] % LIKE EXISTS CASE WHEN THEN END""".split()
)
TEXTS = st.one_of(st.lists(PIECES, max_size=25).map(" ".join), st.text(max_size=60))

VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=8).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.binary(max_size=4).map(lambda raw: f"x'{raw.hex()}'"),
    st.sampled_from(["NULL", "1e999", "9223372036854775807", "zeroblob(5000000)", "?", ":a"]),
)
COLUMNS = st.sampled_from(["id", "name", "city", "amount", "note", "s.id", "shop.rowid", "*", "x"])
FUNCTIONS = st.sampled_from(
    """abs avg char count date glob group_concat hex instr json json_extract json_group_array
    julianday length like load_extension lower max min nullif printf quote randomblob readfile
    replace round sqlite_version strftime substr sum total trim typeof unicode upper writefile
    zeroblob row_number""".split()
)
OPERATORS = st.sampled_from(
    ["=", "<", ">", "||", "+", "*", "/", "%", "<<", "LIKE", "GLOB", "IS", "AND", "OR", "->>"]
)
SOURCES = st.sampled_from(
    """shop|sale s|secret|big_sale|leak|sqlite_master|shop, sale s|shop JOIN sale s ON 1|
    json_each('[1]')|pragma_table_info('shop')|(SELECT 1 AS x)|c|shop NATURAL JOIN sale s|
    (VALUES (1), (2))|sale s, sale t, sale u, sale v, sale w""".replace("\n", "").split("|")
)
STATEMENTS = st.sampled_from(
    """DROP TABLE shop|DELETE FROM sale|UPDATE shop SET name = ''|PRAGMA journal_mode = WAL|
    ATTACH 'x' AS y|VACUUM|CREATE TABLE t (a)|CREATE TEMP VIEW v AS SELECT 1|REINDEX|ANALYZE|
    INSERT INTO shop SELECT * FROM shop|ALTER TABLE shop ADD COLUMN z|SAVEPOINT a|COMMIT""".replace(
        "\n", ""
    ).split("|")
)


def _expressions() -> st.SearchStrategy[str]:
    def around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} {} {})".format, inner, OPERATORS, inner),
            st.builds("{}({})".format, FUNCTIONS, inner),
            st.builds("{}({}, {})".format, FUNCTIONS, inner, inner),
            st.builds("CASE WHEN {} THEN {} END".format, inner, inner),
            st.builds("{} IN ({}, {})".format, inner, inner, inner),
            st.builds("CAST({} AS REAL)".format, inner),
            st.builds("(SELECT {} FROM {})".format, inner, SOURCES),
            st.builds("{} OVER (ORDER BY {})".format, inner, inner),
        )

    return st.recursive(VALUES | COLUMNS, around, max_leaves=6)


EXPRESSIONS = _expressions()
SELECTS = st.builds(
    "SELECT {} FROM {} WHERE {} GROUP BY {} ORDER BY {} LIMIT {}".format,
    EXPRESSIONS,
    SOURCES,
    EXPRESSIONS,
    EXPRESSIONS,
    EXPRESSIONS,
    st.sampled_from(["1", "-1", "1 OFFSET 1", "(SELECT 1)"]),
) | st.builds("SELECT {} FROM {}".format, EXPRESSIONS, SOURCES)
SENTENCES = st.one_of(
    SELECTS,
    st.builds("{} {} {}".format, SELECTS, st.sampled_from(["UNION", "EXCEPT", ";"]), SELECTS),
    st.builds("WITH c(x) AS ({}) {}".format, SELECTS, SELECTS),
    st.builds("WITH RECURSIVE c(x) AS ({} UNION ALL {}) {}".format, SELECTS, SELECTS, SELECTS),
    st.builds("{} {}".format, st.sampled_from(["", "EXPLAIN", "WITH c AS (SELECT 1)"]), STATEMENTS),
    st.builds("{}; {}".format, SELECTS, STATEMENTS),
)
