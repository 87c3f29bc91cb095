import re
import subprocess
import sys
from pathlib import Path

import pytest

from claims import RESULTS, check_quotes, documents, read_claims

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_quoted_figure_equals_what_was_measured(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    differences = [
        f"{claim}: '{quoted}' is quoted, '{measured}' measured"
        for claim, quoted, measured in check_quotes(text)
    ]
    assert not differences, "run python bench/show_results.py --update-docs"


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_quote_is_closed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"<!--claim:", text)) == len(
        re.findall(r"<!--claim:[\w.-]+/[\w.-]+-->[^<]*<!--/claim-->", text)
    )


def test_all_results_are_printed_as_one_table() -> None:
    done = subprocess.run(
        [sys.executable, "bench/show_results.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for path in RESULTS.glob("*.json"):
        assert read_claims(path)
        assert f"{path.stem}/" in done.stdout
