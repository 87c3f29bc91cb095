"""The page that ``trace`` made is what ``trace`` makes today."""

import doctest
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("transformers", reason="the extra 'train' is not installed")

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "follow-one-example.md"
SOURCE = REPOSITORY / "src" / "sqlforge"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script beside the page, as a module."""
    script = REPOSITORY / "docs" / "make_follow_one_example.py"
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_its_own_command_makes(maker: ModuleType, tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    example_id, answer = maker.command_of(page)
    maker.make(example_id, answer, tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page


def test_every_file_that_the_page_names_exists() -> None:
    places = re.findall(r"^`([^`]+)`$", PAGE.read_text(encoding="utf-8"), re.M)
    files = [re.split(r",? version", part)[0] for place in places for part in place.split(", ")]
    named = [file for file in files if "/" in file]
    assert len(named) >= 12
    for file in named:
        assert (SOURCE / file).exists() or (SOURCE.parents[1] / file).exists(), file


def test_a_page_without_a_command_asks_for_one(maker: ModuleType) -> None:
    with pytest.raises(SystemExit, match="give --id and --answer"):
        maker.command_of("# Follow one example\n")


def test_the_examples_in_the_script_hold(maker: ModuleType) -> None:
    assert doctest.testmod(maker).failed == 0
