"""Made-up schemas with names and shapes that break careless grammars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlforge.core.schema import Column, ForeignKey, Schema, Table


def awkward_schemas() -> dict[str, Schema]:
    """Each by what is awkward about it; SQLite can create all of them."""
    return {
        "spaces": _schema(
            {
                "order lines": ["line no", " leading", "trailing ", "two  blanks", "unit price"],
                "the customer": ["line no", "full name", "city of birth"],
            },
            ("order lines", "line no", "the customer", "line no"),
        ),
        "quotes": _schema(
            {
                'the "big" table': ['say "hi"', "it's", "back`tick", "[bracket]", '""', "'"],
                "o'brien": ["it's", 'a"b', "`", "]["],
            }
        ),
        "keywords": _schema(
            {
                "select": ["from", "where", "group", "order", "by", "as", "on", "in", "and"],
                "table": ["select", "case", "when", "end", "null", "not", "left", "join", "count"],
                "values": ["distinct", "all", "limit", "offset", "exists", "between", "cast"],
            },
            ("select", "from", "table", "select"),
        ),
        "functions": _schema(
            {"count": ["max", "min", "sum", "rowid", "text"], "max": ["count", "avg", "real"]}
        ),
        "emoji": _schema(
            {
                "🚀": ["😀", "👩‍👩‍👧", "größe", "東京", "naïve"],
                "ta😀ble": ["😀", "Łódź", "e\u0301", "Ελλάδα"],
            },
            ("🚀", "😀", "ta😀ble", "😀"),
        ),
        "cases": _schema(  # names whose tokens depend on their case
            {
                "Course_Authors_and_Tutors": ["Personal_Name", "GENDER_MF", "Address_Line_1"],
                "Student_Course_Enrolment": ["Registration_ID", "Date_of_Enrolment"],
            },
        ),
        "one column": _schema({"t": ["a"]}),
        "no tables": Schema(()),
        "same columns": _schema(
            {"new_staff": ["id", "name", "city"], "old_staff": ["id", "name", "city"]},
            ("old_staff", "id", "new_staff", "id"),
        ),
        "prefixes": _schema(
            {
                "a": ["a", "ab", "abc", "abcd"],
                "ab": ["a", "b", "aba"],
                "abc": ["ab", "abc", "select_", "fromage"],
            }
        ),
        "case": _schema({"Users": ["ID", "Name", "EMAIL"], "POSTS": ["id", "userid", "NAME"]}),
        "digits and marks": _schema(
            {
                "2020": ["1st", "2", "3.5", "-", "%", "a.b", "a,b", "(x)", "--c", "/*d*/", ";"],
                "t$1": ["_", "$", "a$b", "#", "@v", ":p", "?"],
            }
        ),
        "shadowing": _schema(
            {"t1": ["t2", "t3"], "t2": ["t1", "t3"], "t3": ["t1", "t2", "t3"]},
            ("t1", "t2", "t2", "t1"),
        ),
        "one letter": _schema({"e": ["x", "e1", "E5", "x0"], "x": ["e", "b"]}),
        "thirty tables": thirty_tables(),
        "2,000 columns": Schema(
            (
                Table("wide", tuple(Column(f"c{i}", "INTEGER") for i in range(2_000))),
                Table("thin", (Column("c7", "TEXT"), Column("name", "TEXT"))),
            )
        ),
    }


def thirty_tables() -> Schema:
    """Thirty tables of twelve columns, each with a key to the one before."""
    tables = []
    for i in range(30):
        names = [f"table_{i}_id", "name", "created_at", f"status_of_{i}"]
        names += [f"measure_{i}_{j}" for j in range(7)] + ["parent_id"]
        columns = tuple(Column(name, "TEXT" if "na" in name else "INTEGER") for name in names)
        keys = (ForeignKey(("parent_id",), f"table_{i - 1}", (f"table_{i - 1}_id",)),)
        tables.append(Table(f"table_{i}", columns, keys if i else ()))
    return Schema(tuple(tables))


def _schema(tables: Mapping[str, Iterable[str]], key: tuple[str, str, str, str] | None = None):
    made = []
    for name, columns in tables.items():
        keys = ()
        if key is not None and key[0] == name:
            keys = (ForeignKey((key[1],), key[2], (key[3],)),)
        types = ("INTEGER", "TEXT", "REAL")
        listed = tuple(Column(column, types[i % 3]) for i, column in enumerate(columns))
        made.append(Table(name, listed, keys))
    return Schema(tuple(made))
