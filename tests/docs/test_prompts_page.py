"""The page on prompts shows what the code does today."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("rapidfuzz", reason="the extra 'data' is not installed")

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_what_its_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_prompts", DOCS / "make_prompts.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (DOCS / "prompts.md").read_text(encoding="utf-8") == script.page(), (
        "run: python docs/make_prompts.py"
    )
