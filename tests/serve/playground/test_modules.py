"""The page's modules one by one: what is drawn, coloured, broken into lines and copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from serve.playground.shop import make
from serve.playground.stand_in import serving

QUERIES = (
    "SELECT a FROM t", "select 'it''s -- no comment', \"a \"\"b\" from [my t] -- end",
    "SELECT 1.5e-3, t1.from, x2 /* FROM */ FROM `t` WHERE a BETWEEN 1 AND 2 AND b = 'x AND y'",
    "SELECT 'open", 'SELECT "open', "/* open", "", "  ", "\n\n", "))((", "größe = 'Ø' ∧ 😀",
    "WITH a AS (SELECT x FROM y WHERE z) SELECT * FROM a LEFT OUTER JOIN b ON a.x = b.x UNION "
    "ALL SELECT count(*) FROM (SELECT 1 UNION SELECT 2) GROUP BY 1 HAVING 1 ORDER BY 1 LIMIT 5",
)  # fmt: skip


@pytest.fixture(scope="module")
def bare(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page for its modules only; nothing in these tests changes it."""
    with serving(make(tmp_path_factory.mktemp("bare") / "shop.db")) as server:
        page = browser.new_page()
        page.goto(server.url)
        yield page
        page.close()


def call(page: Page, module: str, function: str, *arguments: object) -> Any:
    script = "async ([m, f, a]) => (await import(`/playground/${m}`))[f](...a)"
    return page.evaluate(script, [module, function, list(arguments)])


@pytest.mark.parametrize("sql", QUERIES)
def test_tokens_are_the_query_and_laying_out_changes_white_space_only(bare: Page, sql: str) -> None:
    tokens = call(bare, "sql.js", "tokens", sql)
    assert "".join(token["text"] for token in tokens) == sql
    laid_out = call(bare, "sql.js", "laidOut", sql)
    solid = [token for token in tokens if token["kind"] != "space"]
    after = call(bare, "sql.js", "tokens", laid_out)
    assert [token for token in after if token["kind"] != "space"] == solid


def test_clauses_and_joins_begin_lines_at_the_outermost_level_only(bare: Page) -> None:
    assert call(bare, "sql.js", "laidOut", QUERIES[-1]).split("\n") == [
        "WITH a AS (SELECT x FROM y WHERE z)", "SELECT *", "FROM a",
        "  LEFT OUTER JOIN b ON a.x = b.x", "UNION ALL", "SELECT count(*)",
        "FROM (SELECT 1 UNION SELECT 2)", "GROUP BY 1", "HAVING 1", "ORDER BY 1", "LIMIT 5",
    ]  # fmt: skip


def test_white_space_within_a_line_is_one_space(bare: Page) -> None:
    sql = "SELECT count(*) ,  city FROM t WHERE a  =  'b  ,  c'"
    laid_out = "SELECT count(*), city\nFROM t\nWHERE a = 'b  ,  c'"
    assert call(bare, "sql.js", "laidOut", sql) == laid_out


def test_words_are_told_apart_by_where_they_stand(bare: Page) -> None:
    tokens = call(bare, "sql.js", "tokens", "SELECT t.date, max(x), 'AND', 5 FROM t -- FROM")
    kinds = {(token["text"], token["kind"]) for token in tokens}
    assert {("SELECT", "keyword"), ("date", "name"), ("max", "function"), ("x", "name"),
            ("'AND'", "string"), ("5", "number"), ("-- FROM", "comment")} <= kinds  # fmt: skip


@pytest.mark.parametrize(
    ("name", "dialect", "quoted"),
    [("a_1", "sqlite", "a_1"), ("Order", "postgres", '"Order"'), ("order", "mysql", "`order`"),
     ('a"b', "duckdb", '"a""b"'), ("a`b", "mysql", "`a``b`"), ("1a", "sqlite", '"1a"')],
)  # fmt: skip
def test_names_are_quoted_as_the_dialect_does(
    bare: Page, name: str, dialect: str, quoted: str
) -> None:
    assert call(bare, "sql.js", "quoted", name, dialect) == quoted


def drawn(page: Page, columns: list[str], rows: list[list[object]]) -> Any:
    return call(page, "chart.js", "chartOf", {"columns": columns, "rows": rows})


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (["name", "id"], [["a", 1], ["b", 2]]), (["name", "customerId"], [["a", 1], ["b", 2]]),
        (["name", "city"], [["a", "x"], ["b", "y"]]), (["x", "y"], [[1, 2], [2, 3]]),
        (["name", "price", "n"], [["a", 1, 1], ["b", 2, 2]]), (["n"], [[1], [2]]),
        (["name", "n"], [["a", 1]]), (["name", "n"], [["a", None], ["b", None]]),
        (["name", "n"], [[str(i), i] for i in range(51)]), (["name", "n"], [["a", 1], ["b", "x"]]),
        (["name", "n"], []),
    ],
)  # fmt: skip
def test_what_says_nothing_as_a_picture_has_no_chart(
    bare: Page, columns: list[str], rows: list[list[object]]
) -> None:
    assert drawn(bare, columns, rows) is None


@pytest.mark.parametrize(
    ("columns", "rows", "kind", "labels"),
    [
        (["city", "n"], [["Oslo", 3], [None, -1.5]], "bar", ["Oslo", "NULL"]),
        (["n", "city"], [[3, "Oslo"], [1, "Bodø"]], "bar", ["Oslo", "Bodø"]),
        (["year", "n"], [[2021, 5], [2019, 3]], "line", ["2019", "2021"]),
        (["d", "n"], [["2024-02-01", 5], ["2024-01-31", 3]], "line", ["2024-01-31", "2024-02-01"]),
        (["at", "n"], [["2024-02-01 10:00:00", 5], ["2024-02-01T11:30", 3]], "line",
         ["2024-02-01 10:00:00", "2024-02-01T11:30"]),
        (["day", "n"], [["2024-02-01", 5], ["none", 3]], "bar", ["2024-02-01", "none"]),
    ],
)  # fmt: skip
def test_one_label_and_one_number_are_bars_and_over_time_a_line(
    bare: Page, columns: list[str], rows: list[list[object]], kind: str, labels: list[str]
) -> None:
    chart = drawn(bare, columns, rows)
    assert (chart["kind"], [point["label"] for point in chart["points"]]) == (kind, labels)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 251), (-3, 7), (0, 0.004), (0, 0), (0, 1e12), (-1, 0)]
)
def test_ticks_enclose_the_values_and_are_few(bare: Page, low: float, high: float) -> None:
    marks = call(bare, "chart.js", "ticks", low, high)
    assert marks[0] <= low and marks[-1] >= high and 2 <= len(marks) <= 7


def test_text_cells_that_a_spreadsheet_would_run_are_kept_texts(bare: Page) -> None:
    texts = ["=1+1", "@SUM(A1)", "+cmd|x", "-cmd|x", "\tx", "-5", "+47 22", "a=b"]
    result = {"columns": ["c"], "rows": [[text] for text in texts]}
    lines = call(bare, "rows.js", "csv", result).split("\r\n")[1:-1]
    assert lines == ["'=1+1", "'@SUM(A1)", "'+cmd|x", "'-cmd|x", "'\tx", "-5", "+47 22", "a=b"]
    assert call(bare, "rows.js", "tsv", {"columns": ["n"], "rows": [[-5], [None]]}) == "n\n-5\n\n"
