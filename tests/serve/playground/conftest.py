"""A browser, a shop and a server for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from serve.playground.shop import make
from serve.playground.stand_in import StandIn, serving

PATIENCE = 20_000  # ms, on a machine that does other things too
expect.set_options(timeout=PATIENCE)
WIDE = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # root has none
        chromium = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shop") / "shop.db")


@pytest.fixture
def server(shop: Path) -> Iterator[StandIn]:
    with serving(shop) as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: StandIn) -> Iterator[Page]:
    """The playground, opened; at the end nothing may have gone wrong in the browser's eyes."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda fault: wrong.append(str(fault)))
    opened.on("console", lambda message: _note(message, wrong))
    opened.goto(server.url)
    yield opened
    executed = opened.evaluate("window.executed")
    context.close()
    assert not wrong
    assert executed is None


def _note(message: ConsoleMessage, wrong: list[str]) -> None:
    # An answer such as 401 or 400 is noted by the browser too; it is what some tests ask for.
    if message.type == "error" and "Failed to load resource" not in message.text:
        wrong.append(message.text)
