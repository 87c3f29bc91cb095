"""axe-core on every state of the page, in both themes and on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from serve.playground.stand_in import StandIn
from serve.playground.test_playground import SPENT, SPENT_SQL, ask
from sqlforge.serve.answers import Link, Tried

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
ANSWER = {
    "sql": SPENT_SQL,
    "confidence": 0.8,
    "refused": True,
    "linked": (Link("orders", "ordered_on", None, "in 2024"),),
    "candidates": (Tried(SPENT_SQL, 0.4, 2, "no such table"),),
}


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES)
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing_in_any_state(
    page: Page, server: StandIn, scheme: str, width: int
) -> None:
    server.answers[SPENT] = ANSWER
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.locator(".starter").first).to_be_visible()
    assert violations(page) == []
    ask(page, SPENT)
    page.get_by_text("1 candidate").click()
    page.get_by_text("What the model saw").click()
    if width == 360:
        page.get_by_role("button", name="Tables").click()
    page.get_by_role("treeitem", name="orders").locator(".tree-row").first.click()
    assert violations(page) == []
    page.get_by_role("button", name="Run").click()
    page.get_by_label("SQL", exact=True).fill("SELECT '\x3cb>', 5, f(x) -- remark\nFROM nowhere")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#sql-error")).to_be_visible()
    page.route("**/v1/sql/run", lambda route: route.fulfill(status=500, json={}))
    if width == 1280:
        page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#error")).to_be_visible()
    assert violations(page) == []
    page.locator("#help-open").click()
    assert violations(page) == []


def test_axe_finds_nothing_in_the_dialog_for_a_key(page: Page, server: StandIn) -> None:
    server.key = "k"
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
