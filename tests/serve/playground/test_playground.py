"""What one does on the page, in a real browser, by keyboard where it can be."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Browser, Page, Route, expect

from serve.playground.shop import BIG, HOSTILE, HOSTILE_TABLE
from serve.playground.stand_in import StandIn
from sqlforge.serve.answers import Link, Tried

SPENT = "Which customers spent the most in 2024?"
SPENT_SQL = (
    "SELECT c.name, SUM(p.price * o.quantity) AS spent FROM customers AS c JOIN orders AS o ON "
    "o.customer_id = c.id JOIN products AS p ON p.id = o.product_id WHERE o.ordered_on BETWEEN "
    "'2024-01-01' AND '2024-12-31' GROUP BY c.id ORDER BY spent DESC LIMIT 5"
)
MONTHS_SQL = "SELECT strftime('%Y-%m', ordered_on) AS month, count(*) AS n FROM orders GROUP BY 1"


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")
    expect(page.locator("#answer-title")).to_have_text(question)


def copied(page: Page, button: str) -> str:
    """What a button puts on the clipboard, caught on its way there."""
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text: str = page.evaluate("window.copied")
    return text


def test_only_a_calibrated_number_is_called_confidence(page: Page, server: StandIn) -> None:
    server.answers[SPENT] = {"sql": SPENT_SQL, "confidence": 0.84, "calibrated": True}
    ask(page, SPENT)
    expect(page.locator("#answer-facts")).to_contain_text("confidence 84 %")


def test_a_question_shows_its_query_rows_and_chart(page: Page, server: StandIn) -> None:
    server.answers[SPENT] = {"sql": SPENT_SQL, "confidence": 0.84}
    ask(page, SPENT)
    expect(page.locator("tbody tr")).to_have_count(5)
    assert page.locator("#sql").input_value() == (
        "SELECT c.name, SUM(p.price * o.quantity) AS spent\nFROM customers AS c\n"
        "  JOIN orders AS o ON o.customer_id = c.id\n  JOIN products AS p ON p.id = o.product_id\n"
        "WHERE o.ordered_on BETWEEN '2024-01-01' AND '2024-12-31'\nGROUP BY c.id\n"
        "ORDER BY spent DESC\nLIMIT 5"
    )
    assert page.locator("#sql-paint").inner_text() == page.locator("#sql").input_value()
    assert page.locator("#sql-paint .t-keyword").first.inner_text() == "SELECT"
    expect(page.locator("#chart svg rect")).to_have_count(5)
    expect(page.locator("#chart svg")).to_have_attribute("aria-label", HIGHEST)
    expect(page.locator("#answer-facts")).to_contain_text("agreement 84 %")
    expect(page.get_by_role("status").filter(has_text="Answered: 5 rows.")).to_have_count(1)
    assert server.asked == [{"question": SPENT}]


HIGHEST = (
    "Bar chart: spent by name, 5 points, highest Eli Berg with 58,383.3, lowest Olav Berg with "
    "52,530.5. The table has all values."
)


def test_values_over_months_are_a_line(page: Page, server: StandIn) -> None:
    server.answers["Orders by month"] = {"sql": MONTHS_SQL}
    ask(page, "Orders by month")
    expect(page.locator("#chart polyline")).to_have_count(1)
    expect(page.locator("#chart circle")).to_have_count(12)


def test_numbers_stand_right_null_is_no_text_and_no_digit_is_lost(
    page: Page, server: StandIn
) -> None:
    server.answers["q"] = {"sql": "SELECT big, note, 0.1 + 0.2 AS sum FROM ledger"}
    ask(page, "q")
    cells = page.locator("tbody tr:nth-child(1) td")
    assert cells.nth(1).inner_text() == str(BIG)
    assert cells.nth(1).evaluate("e => getComputedStyle(e).textAlign") == "right"
    assert cells.nth(2).evaluate("e => getComputedStyle(e).textAlign") == "left"
    assert cells.nth(3).inner_text() == "0.3"
    expect(cells.nth(3)).to_have_attribute("title", "0.30000000000000004")
    expect(page.locator("tbody tr:nth-child(2) td.null")).to_have_text("NULL")
    expect(page.locator("tbody tr:nth-child(3) td.empty")).to_have_text("(empty)")


def test_rows_are_copied_as_csv_and_tsv_and_no_cell_becomes_a_formula(
    page: Page, server: StandIn
) -> None:
    server.answers["q"] = {"sql": "SELECT big, note, '+47 22 33' AS phone FROM ledger"}
    ask(page, "q")
    assert copied(page, "Copy CSV") == (
        f'big,note,phone\r\n{BIG},"\'=HYPERLINK(""http://evil"")",+47 22 33\r\n'
        ',"a ""quote"", and\na line",+47 22 33\r\n-5,"",+47 22 33\r\n'
    )
    page.reload()
    ask(page, "q")
    assert copied(page, "Copy TSV") == (
        f'big\tnote\tphone\n{BIG}\t\'=HYPERLINK("http://evil")\t+47 22 33\n'
        '\ta "quote", and a line\t+47 22 33\n-5\t\t+47 22 33\n'
    )
    page.reload()
    ask(page, "q")
    assert copied(page, "Copy SQL").startswith("SELECT big, note")


def test_a_long_result_says_where_it_is_cut_and_comes_as_one_scrolls(
    page: Page, server: StandIn
) -> None:
    server.answers["q"] = {"sql": "SELECT * FROM orders"}
    ask(page, "q")
    expect(page.locator("#truncated")).to_contain_text("Only the first 1,000 rows are shown")
    assert page.locator("tbody tr").count() == 200
    grid = page.locator("#grid")
    for _ in range(4):
        grid.evaluate(
            "e => { e.scrollTop = e.scrollHeight; e.dispatchEvent(new Event('scroll')); }"
        )
    assert page.locator("tbody tr").count() == 1000
    expect(page.locator("table")).to_have_attribute("aria-rowcount", "1001")
    header = page.locator("thead th").nth(1).bounding_box()
    assert header and header["y"] >= grid.bounding_box()["y"] - 1


def test_a_column_sorts_by_size_with_null_last(page: Page, server: StandIn) -> None:
    server.answers["q"] = {"sql": "SELECT big FROM ledger"}
    ask(page, "q")
    button = page.get_by_role("columnheader", name="big").get_by_role("button")
    seen = []
    for _ in range(3):
        button.press("Enter")
        seen.append(page.locator("tbody td:nth-child(2)").all_inner_texts())
    assert seen == [["-5", str(BIG), "NULL"], [str(BIG), "-5", "NULL"], [str(BIG), "NULL", "-5"]]


def test_an_edited_query_runs_by_ctrl_enter_and_may_be_undone(page: Page, server: StandIn) -> None:
    server.answers["q"] = {"sql": "SELECT title FROM products"}
    ask(page, "q")
    page.keyboard.press("Shift+Tab")
    page.get_by_label("SQL", exact=True).fill("SELECT title, price FROM products LIMIT 2")
    page.keyboard.press("Control+Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("#edited")).to_be_visible()
    page.get_by_role("button", name="Undo edits").click()
    assert page.locator("#sql").input_value() == "SELECT title\nFROM products"
    expect(page.locator("#edited")).to_be_hidden()


def test_a_query_that_fails_says_why_in_a_sentence(page: Page, server: StandIn) -> None:
    server.answers["q"] = {"sql": "SELECT title FROM products"}
    ask(page, "q")
    page.get_by_label("SQL", exact=True).fill("SELECT colour FROM products")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#sql-error")).to_have_text(
        "Got 'no such column: colour', expected a query that runs: correct it."
    )
    expect(page.locator("#rows-card")).to_be_hidden()
    page.get_by_role("button", name="Undo edits").click()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator("#sql-error")).to_be_hidden()


def test_what_was_linked_leads_to_the_column(page: Page, server: StandIn) -> None:
    link = Link("products", "category", "decor", "decoration")
    server.answers["q"] = {"sql": "SELECT title FROM products", "linked": (link,)}
    ask(page, "q")
    chip = page.get_by_role("button", name="products.category")
    expect(chip).to_have_text("“decoration”products.category = decor")
    chip.click()
    item = page.get_by_role("treeitem", name="category, TEXT")
    expect(item).to_be_visible()


def test_candidates_are_behind_a_disclosure_and_may_be_taken(page: Page, server: StandIn) -> None:
    server.answers["q"] = {
        "refused": True,
        "candidates": (Tried("SELECT title FROM products", 0.41, 3, None),
                       Tried("SELECT x FROM y", 0.1, 1, "no table y")),
        "tables": 1000, "tables_shown": 12,
    }  # fmt: skip
    ask(page, "q")
    expect(page.locator("#answer-note")).to_contain_text("not sure enough")
    page.get_by_text("2 candidates").click()
    expect(page.locator(".candidates li").nth(1)).to_contain_text("no table y")
    page.get_by_role("button", name="Put into the editor").first.click()
    page.keyboard.press("Control+Enter")
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator("#saw-title")).to_contain_text("12 of 1,000 tables")


def test_a_follow_up_takes_the_conversation_along_with_what_was_edited(
    page: Page, server: StandIn
) -> None:
    server.answers["first"] = {"sql": "SELECT title FROM products"}
    server.answers["second"] = {"sql": "SELECT title FROM products LIMIT 1"}
    ask(page, "first")
    page.get_by_label("SQL", exact=True).fill("SELECT title FROM products LIMIT 3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Follow up on “first”").check()
    ask(page, "second")
    before = [("first", "SELECT title FROM products LIMIT 3")]
    assert server.asked[1] == {"question": "second", "history": before}
    expect(page.get_by_role("list", name="Earlier in this conversation")).to_contain_text("first")
    page.get_by_label("Follow up on “second”").uncheck()
    page.get_by_label("Vote over").select_option("5")
    ask(page, "first")
    assert server.asked[2] == {"question": "first", "samples": 5}


def test_escape_cancels_what_runs_and_the_page_goes_on(page: Page, server: StandIn) -> None:
    server.answers["q"] = {"sql": "SELECT title FROM products"}
    server.go_on.clear()
    page.get_by_label("Your question").fill("slow")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Thinking").last).to_be_visible()
    expect(page.locator("#busy-time")).to_contain_text("s")
    page.keyboard.press("Escape")
    expect(page.locator("#busy")).to_be_hidden()
    expect(page.locator("#error")).to_be_hidden()
    assert page.get_by_label("Your question").input_value() == "slow"
    server.go_on.set()
    ask(page, "q")


def test_the_history_is_bounded_holds_no_rows_and_can_be_cleared(
    page: Page, server: StandIn
) -> None:
    server.answers["q"] = {"sql": "SELECT title FROM products"}
    old = [{"question": f"q{i}", "sql": "SELECT 1", "when": 1} for i in range(80)]
    page.evaluate("kept => localStorage.setItem('sqlforge.history', kept)", json.dumps(old))
    ask(page, "q")
    kept = page.evaluate("localStorage.getItem('sqlforge.history')")
    assert len(json.loads(kept)) == 50 and "Lamp" not in kept
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="q1 1970-01-01").click()
    expect(page.locator("#answer-title")).to_have_text("q1")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#history li")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('sqlforge.history')") is None


def test_a_spoilt_history_is_an_empty_one(page: Page, server: StandIn) -> None:
    for kept in ("no json", "{}", '[1, null, {"question": 5}]'):
        page.evaluate("kept => localStorage.setItem('sqlforge.history', kept)", kept)
        page.reload()
        expect(page.get_by_role("treeitem").first).to_be_visible()
        expect(page.locator("#history li")).to_have_count(0)


def test_a_key_is_asked_for_kept_in_the_tab_only_and_the_question_goes_on(
    page: Page, server: StandIn
) -> None:
    server.answers["q"] = {"sql": "SELECT title FROM products"}
    server.key = "right-and-long-enough"
    page.get_by_label("Your question").fill("q")
    page.keyboard.press("Enter")
    for key in ("wrong", "right-and-long-enough"):
        page.get_by_label("API key", exact=True).fill(key)
        page.keyboard.press("Enter")
        if key == "wrong":
            expect(page.get_by_role("heading", name="not accepted")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(6)
    assert page.evaluate("JSON.stringify(localStorage)").count("right") == 0
    assert page.evaluate("sessionStorage.getItem('sqlforge.key')") == server.key


def test_a_failure_is_one_sentence(page: Page, server: StandIn) -> None:
    failures: list[tuple[int, dict[str, str], dict[str, object], str]] = [
        (429, {"Retry-After": "3"}, {}, "The server is busy: try again in 3 s."),
        (413, {}, {}, "This is too long for the server."),
        (500, {}, {}, "The server could not do this (status 500)."),
        (503, {}, {"error": {"message": "The model is loading."}}, "The model is loading."),
    ]
    for status, headers, body, said in failures:
        page.route("**/v1/sql", _answering(status, headers, body))
        page.get_by_label("Your question").fill("q")
        page.keyboard.press("Enter")
        expect(page.locator("#error")).to_have_text(said)
        expect(page.locator("#busy")).to_be_hidden()


def test_a_server_that_is_gone_is_said(page: Page, server: StandIn) -> None:
    page.route("**/v1/sql", lambda route: route.abort())
    page.get_by_label("Your question").fill("q")
    page.keyboard.press("Enter")
    expect(page.locator("#error")).to_contain_text("cannot be reached")


def test_a_table_is_picked_by_keyboard_and_its_columns_have_types_and_keys(
    page: Page, server: StandIn
) -> None:
    page.get_by_label("Filter tables and columns").fill("cust")
    expect(page.get_by_role("treeitem", name="customer_id, INTEGER, refers to")).to_be_visible()
    assert page.locator("#tree > li").count() == 2
    page.get_by_label("Filter tables and columns").press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("treeitem", name="id, INTEGER, primary key").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.get_by_label("Your question").input_value() == "name"
    page.get_by_role("button", name="Show its first rows").click()
    expect(page.locator("tbody tr")).to_have_count(16)
    assert page.locator("#sql").input_value() == "SELECT *\nFROM customers\nLIMIT 100"


def test_a_thousand_tables_stay_quick_and_every_one_can_be_found(
    page: Page, server: StandIn
) -> None:
    columns = [
        {"name": f"field_{i}", "type": "TEXT", "primary_key": i == 0, "references": None}
        for i in range(30)
    ]
    tables = [{"name": f"t_{i}", "columns": columns, "comment": None} for i in range(1000)]
    body = {"dialect": "sqlite", "tables": tables}
    page.route("**/v1/schema", lambda route: route.fulfill(json=body))
    link = Link("t_987", "field_7", None, "seven")
    server.answers["q"] = {"sql": "SELECT title FROM products", "linked": (link,)}
    page.reload()
    expect(page.locator("#schema-note")).to_have_text(
        "the first 300 of 1,000 tables: filter for others"
    )
    page.get_by_label("Filter tables and columns").fill("field_2")
    expect(page.get_by_role("treeitem", name="field_29, TEXT")).to_have_count(300)
    ask(page, "q")
    page.get_by_role("button", name="t_987.field_7").click()
    expect(page.get_by_role("treeitem", name="field_7, TEXT")).to_be_visible()
    expect(page.get_by_role("treeitem", name="t_987")).to_have_attribute("aria-selected", "true")


def test_hostile_names_and_values_are_only_text(page: Page, server: StandIn) -> None:
    sql = f"SELECT 1 AS \"{HOSTILE.replace(chr(34), '')}\", '{HOSTILE.replace(chr(39), '')}' AS b"
    server.answers[HOSTILE] = {
        "sql": sql, "error": HOSTILE, "schema_text": HOSTILE, "dialect": HOSTILE,
        "linked": (Link(HOSTILE_TABLE, HOSTILE, HOSTILE, HOSTILE),),
        "candidates": (Tried(HOSTILE, 0.5, 1, HOSTILE),),
    }  # fmt: skip
    ask(page, HOSTILE)
    page.get_by_text("1 candidate").click()
    page.get_by_role("treeitem", name=HOSTILE_TABLE).locator(".tree-row").first.click()
    page.get_by_role("button", name="Show its first rows").click()
    expect(page.locator("tbody tr").first).to_contain_text(HOSTILE)
    page.get_by_role("tab", name="History").click()
    expect(page.locator("#history")).to_contain_text(HOSTILE)
    bars = f'SELECT "a ""quoted"" name", 2 AS n FROM "{HOSTILE_TABLE}"'
    page.get_by_label("SQL", exact=True).fill(bars)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#chart svg rect")).to_have_count(2)
    assert page.locator("img, b, script:not([src])").count() == 0
    # The fixture holds that nothing was executed and that the policy was never hurt.


def test_the_policy_stops_markup_and_foreign_pictures(browser: Browser, server: StandIn) -> None:
    page = browser.new_page()
    page.goto(server.url)
    thrown = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return null; } "
        "catch (fault) { return fault.name; } }"
    )
    assert thrown == "TypeError"
    refused: list[str] = page.evaluate(
        "() => new Promise((done) => { addEventListener('securitypolicyviolation', "
        "(e) => done([e.effectiveDirective])); const i = new Image(); "
        "i.src = 'http://127.0.0.1:9/x.png'; })"
    )
    assert refused == ["img-src"]
    page.close()


def test_nothing_is_fetched_but_from_the_server_itself(page: Page, server: StandIn) -> None:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    server.answers[SPENT] = {"sql": SPENT_SQL}
    page.reload()
    ask(page, SPENT)
    assert len(seen) > 10 and all(url.startswith(server.url) for url in seen)


def test_the_theme_is_chosen_and_kept(page: Page, server: StandIn) -> None:
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Theme: auto").click()
    light = page.evaluate(colour)
    assert light != dark
    page.reload()
    assert page.evaluate(colour) == light
    page.get_by_role("button", name="Theme: light").click()
    assert page.evaluate(colour) == dark


def test_single_keys_work_outside_of_fields_and_can_be_turned_off(
    page: Page, server: StandIn
) -> None:
    question = page.get_by_label("Your question")
    question.press("?")
    assert question.input_value() == "?"
    page.locator("#help-open").focus()
    page.keyboard.press("t")
    expect(page.get_by_label("Filter tables and columns")).to_be_focused()
    page.locator("#help-open").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.locator("#help-open").focus()
    page.keyboard.press("t")
    expect(page.locator("#help-open")).to_be_focused()


def test_tab_walks_through_the_page_and_out_again(page: Page, server: StandIn) -> None:
    server.answers[SPENT] = {"sql": SPENT_SQL}
    ask(page, SPENT)
    where: Callable[[], str] = lambda: page.evaluate(  # noqa: E731  (read again and again)
        "document.activeElement.id || document.activeElement.textContent"
    )
    page.get_by_role("link", name="Skip to the question").focus()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(where())
        if page.evaluate("document.activeElement === document.body"):
            break
    expected = ["theme", "help-open", "tab-tables", "filter", "customers", "question", "follow",
                "samples", "send", "sql-copy", "sql-run", "sql", "copy-csv"]  # fmt: skip
    found = [next(name for name in [*expected, s] if s.startswith(name)) for s in seen]
    assert [name for name in found if name in expected][: len(expected)] == expected
    assert page.evaluate("document.activeElement === document.body")


def test_a_phone_has_no_sideways_scroll_and_the_tables_at_hand(page: Page, server: StandIn) -> None:
    link = Link("t" * 60, "c" * 60, "v" * 90, "s" * 90)
    server.answers[SPENT] = {"sql": SPENT_SQL, "linked": (link,)}
    server.answers["wide"] = {"sql": "SELECT *, * FROM orders, customers LIMIT 9"}
    page.set_viewport_size({"width": 360, "height": 740})
    for question in (SPENT, "wide"):
        ask(page, question)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Tables").click()
    expect(page.get_by_role("treeitem", name="orders")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.keyboard.press("Escape")
    expect(page.get_by_role("treeitem", name="orders")).to_be_hidden()


def test_who_wants_no_motion_gets_none(page: Page, server: StandIn) -> None:
    page.route("**/v1/sql", _hold)
    page.get_by_label("Your question").fill("q")
    page.keyboard.press("Enter")
    expect(page.locator("#busy")).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0


def _answering(status: int, headers: dict[str, str], body: object) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, headers=headers, json=body)


def _hold(_: Route) -> None:
    """Never answers."""
