"""From predictions to verdicts and metrics; usable alone, without the rest.

``from sqlforge.score import score_pair, score_file``: one prediction against its gold, and a file
of predictions on a benchmark. Both are loaded when they are asked for, so that importing a module
of this package stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlforge.score.api import ScoredFile, SuiteOptions, score_file, score_pair

__all__ = ["ScoredFile", "SuiteOptions", "score_file", "score_pair"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from sqlforge.score import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
