"""The page, the application, the answerer and SmolLM2-135M, nothing stood in for."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, expect

from serve.playground.stand_in import on_a_port
from serve.playground.test_playground import ask
from sqlforge.core.decoding import Decoding
from sqlforge.serve.answering import Answerer
from sqlforge.serve.app import create_app
from sqlforge.serve.settings import ServeSettings


def test_the_page_shows_what_a_real_model_answers(
    browser: Browser, shop: Path, smol_installed: None
) -> None:
    decoding = Decoding(constrain="schema")
    with closing(Answerer.open("smollm2-135m", str(shop), decoding, max_new_tokens=48)) as answerer:
        app = create_app(ServeSettings("smollm2-135m"), None, answerer)
        with on_a_port(app) as url:
            page = browser.new_page()
            page.goto(url)
            expect(page.get_by_role("treeitem", name="orders")).to_be_visible()
            ask(page, "How many orders are there?")
            query = page.get_by_label("SQL", exact=True).input_value()
            assert query.upper().startswith(("SELECT", "WITH"))
            expect(page.get_by_role("button", name="orders", exact=False).first).to_be_visible()
            expect(page.locator("#saw-title")).to_contain_text("What the model saw")
            page.get_by_label("SQL", exact=True).fill("SELECT count(*) FROM orders")
            page.keyboard.press("Control+Enter")
            expect(page.locator("tbody td").nth(1)).to_have_text("2500")
            page.get_by_label("SQL", exact=True).fill("DROP TABLE orders")
            page.keyboard.press("Control+Enter")
            expect(page.locator("#sql-error")).to_contain_text("expected")
            page.close()
