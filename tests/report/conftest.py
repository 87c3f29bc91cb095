"""Made-up runs; nothing in the tests changes them."""

from __future__ import annotations

import pytest

from made_up_run import make_run
from sqlforge.core.run_dir import RunDir
from sqlforge.stages.report import report_run


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """Four systems on one source, reported."""
    run = make_run(tmp_path_factory.mktemp("run") / "whole")
    report_run(run)
    return run


@pytest.fixture(scope="session")
def page(whole_run: RunDir) -> str:
    """The page of ``whole_run``."""
    return whole_run.report.read_text(encoding="utf-8")
