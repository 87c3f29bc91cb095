"""A calibration as a JSON file, which says what it was made on and for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DataError
from sqlforge.core.files import write_json
from sqlforge.decode.abstain import SCORES, Calibration


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write it whole or not at all.

    Raises:
        StorageError: the folder cannot be written.
    """
    write_json(path, asdict(calibration))


def read_calibration(path: Path, circumstances: Mapping[str, Any]) -> Calibration:
    """Read what :func:`write_calibration` wrote, for the circumstances it was made in.

    Raises:
        DataError: no such file, no calibration in it, or one made in other circumstances.
    """
    fix = "make one with --calibrate"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        calibration = _calibration(found)
    except FileNotFoundError:
        raise DataError(f"no file at {path}", "a calibration", fix) from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}, which holds no calibration", "one", fix) from None
    made_for = dict(calibration.circumstances)
    differing = [key for key in circumstances if made_for.get(key) != circumstances[key]]
    if differing:
        told = ", ".join(f"{key} {made_for.get(key)}" for key in differing)
        asked = ", ".join(f"{key} {circumstances[key]}" for key in differing)
        raise DataError(f"{path}, a calibration for {told}", f"one for {asked}", fix)
    return calibration


def _calibration(found: Any) -> Calibration:
    calibration = Calibration(
        scores=tuple(found["scores"]),
        **{key: tuple(map(float, found[key])) for key in ("means", "scales", "weights")},
        bias=float(found["bias"]),
        n=int(found["n"]),
        right=int(found["right"]),
        error=float(found["error"]),
        circumstances=dict(found["circumstances"]),
    )
    sizes = {len(calibration.scores), len(calibration.means), len(calibration.scales)}
    if not set(calibration.scores) <= SCORES.keys() or sizes != {len(calibration.weights)}:
        raise ValueError("scores and weights do not belong together")
    return calibration
