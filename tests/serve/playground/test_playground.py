from playwright.sync_api import Page, expect

from serve.playground.stand_in import StandIn

SPENT = "Which customers spent the most in 2024?"
SPENT_SQL = (
    "SELECT c.name, SUM(p.price * o.quantity) AS spent FROM customers AS c JOIN orders AS o ON "
    "o.customer_id = c.id JOIN products AS p ON p.id = o.product_id WHERE o.ordered_on BETWEEN "
    "'2024-01-01' AND '2024-12-31' GROUP BY c.id ORDER BY spent DESC LIMIT 5"
)


def ask(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#answer-title")).to_have_text(question)


def test_a_question_shows_its_query_rows_and_chart(page: Page, server: StandIn) -> None:
    server.answers[SPENT] = {"sql": SPENT_SQL, "confidence": 0.84}
    ask(page, SPENT)
    expect(page.locator("tbody tr")).to_have_count(5)
    assert page.locator("#sql").input_value().startswith("SELECT c.name, SUM(p.price")
    assert page.locator("#sql-paint .t-keyword").first.inner_text() == "SELECT"
    expect(page.locator("#chart svg rect")).to_have_count(5)
    expect(page.locator("#answer-facts")).to_contain_text("84 %")
