import re

import pytest

from sqlforge.serve.playground import POLICY, page_file

NAMES = ("playground.css", "playground.js", "answer.js", "theme.js", "icon.svg")


@pytest.mark.parametrize("path", ["/", *(f"/playground/{name}" for name in NAMES)])
def test_every_file_has_its_type_and_the_policy(path: str) -> None:
    answer = page_file(path)
    assert answer is not None and answer.status == 200 and answer.body
    headers = dict(answer.headers)
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"
    assert "charset=utf-8" in headers["Content-Type"] or path.endswith(".svg")


def test_a_browser_that_has_the_file_gets_304_and_no_body() -> None:
    first = page_file("/playground/playground.css")
    assert first is not None
    tag = dict(first.headers)["ETag"]
    for header in (tag, f'"other", W/{tag}'):
        again = page_file("/playground/playground.css", header)
        assert again is not None and (again.status, again.body) == (304, b"")
    changed = page_file("/playground/playground.css", '"other"')
    assert changed is not None and changed.status == 200


@pytest.mark.parametrize(
    "path",
    ["/playground/", "/playground/__init__.py", "/playground/../answering.py", "/index.html",
     "/playground//etc/passwd", "/playground/nothing.js", "/playground"],
)  # fmt: skip
def test_nothing_but_the_pages_own_files_is_served(path: str) -> None:
    assert page_file(path) is None


def test_the_policy_allows_no_script_but_files_of_this_server() -> None:
    assert "script-src 'self';" in POLICY
    assert "unsafe" not in POLICY and "http" not in POLICY and "data:" not in POLICY


def test_the_page_takes_nothing_from_elsewhere_and_has_no_inline_script_or_style() -> None:
    page = page_file("/")
    assert page is not None
    html = page.body.decode()
    used = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert {name for name in used if not name.startswith(("playground/", "#"))} == set()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    for name in NAMES:
        answer = page_file(f"/playground/{name}")
        assert answer is not None
        text = answer.body.decode().replace('"http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|@import|url\(|innerHTML|insertAdjacentHTML|eval\(", text)
