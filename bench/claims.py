"""Claims: measured figures as JSON in ``docs/results``, and their quotes in README and docs.

A claim is written by the script that measured it, never by hand. Documents quote one between two
comments, ``<!--claim:demo/tuned_execution_accuracy-->71.3 %<!--/claim-->``; a test fails where
quote and JSON differ, and ``python bench/show_results.py --update-docs`` rewrites the quotes.
"""

from __future__ import annotations

import datetime
import json
import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from machine import commit, hardware, this_machine
from sqlforge.core.files import write_json, write_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"

_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_BOUND = re.compile(r"\s*(>=|<=|==|>|<)\s*([-+]?[\d,]*\.?\d+(?:[eE][-+]?\d+)?)\s*\Z")
_QUOTE = re.compile(r"<!--claim:([\w.-]+)/([\w.-]+)-->(.*?)<!--/claim-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One figure.

    Args:
        name: ``snake_case``, unique within its file.
        value: the figure, in ``unit``.
        unit: ``"fraction"`` (shown in per cent), ``"s"``, ``"GB"``, ``"tokens/s"``, … or ``""``
            for a plain count.
        bound: what it is held against, such as ``">= 12000"``, in the same unit.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        n: sample size.
    """

    name: str
    value: float
    unit: str = ""
    bound: str | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        if self.bound is not None and not _BOUND.match(self.bound):
            raise ValueError(f"claim {self.name}: bound {self.bound!r} is not like '>= 12000'")

    @property
    def met(self) -> bool | None:
        """Whether the value holds its bound; ``None`` without one. NaN holds none.

        >>> ClaimRow("speed", 12000, bound=">= 12,000").met, ClaimRow("time", 61, "s", "<= 60").met
        (True, False)
        """
        found = _BOUND.match(self.bound) if self.bound is not None else None
        if found is None:
            return None
        limit = float(found.group(2).replace(",", ""))
        return not math.isnan(self.value) and bool(_COMPARE[found.group(1)](self.value, limit))


def write_claims(
    name: str,
    *,
    command: str,
    seed: int | None,
    rows: Sequence[ClaimRow],
    folder: Path = RESULTS,
    measured: Mapping[str, Any] | None = None,
    machine: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``docs/results/NAME.json`` and return its path.

    Args:
        name: of the file, without ``.json``.
        command: what to type to measure it again.
        seed: of everything random in it; ``None`` if nothing is.
        rows: the figures; names are unique.
        folder: another place, for tests.
        measured: where figures come from several runs, the card and commit of each.
        machine: what :func:`this_machine` told where it was measured, if that was elsewhere.

    Raises:
        ValueError: two rows of the same name.
        StorageError: the folder cannot be written.
    """
    names = [row.name for row in rows]
    if len(set(names)) < len(names):
        raise ValueError(f"claims {name}: a row name occurs twice in {names}")
    now = datetime.datetime.now(datetime.UTC)
    path = folder / f"{name}.json"
    write_json(
        path,
        {
            "command": command,
            "date": now.isoformat(timespec="seconds"),
            "commit": commit(),
            **(machine or this_machine()),
            "seed": seed,
            **({"measured": dict(measured)} if measured else {}),
            "rows": [{**_finite(asdict(row)), "met": row.met} for row in rows],
        },
    )
    return path


def keep_claims(
    name: str,
    *,
    command: str,
    seed: int | None,
    rows: Sequence[ClaimRow],
    folder: Path = RESULTS,
) -> Path:
    """As :func:`write_claims`, beside the rows of other names that the file has already.

    For what is measured in pieces: ``measured`` says of each row when, on what and from which
    commit.
    """
    path = folder / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    new = {row.name for row in rows}
    old = [row for row in read_claims(path) if row.name not in new] if before else []
    told = before.get("measured", {})
    whole = _circumstances(before) if before else ""
    here = {"date": datetime.date.today().isoformat(), "commit": commit(), "hardware": hardware()}
    measured = {row.name: told.get(row.name, whole) for row in old}
    measured |= dict.fromkeys(new, _circumstances(here))
    return write_claims(
        name, command=command, seed=seed, rows=[*old, *rows], folder=folder, measured=measured
    )


def _circumstances(told: Mapping[str, Any]) -> str:
    hardware = told["hardware"]
    device = hardware.get("gpu") or f"{hardware['cpu']}, {hardware['cores']} cores"
    return f"{device}, commit {told['commit']}, {told['date'][:10]}"


def read_claims(path: Path) -> tuple[ClaimRow, ...]:
    """The rows of one file; ``met`` is computed again, so that it cannot be edited in."""
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return tuple(
        ClaimRow(
            row["name"],
            math.nan if row["value"] is None else row["value"],
            *(row[name] for name in ("unit", "bound", "low", "high", "n")),
        )
        for row in rows
    )


def format_claim(row: ClaimRow) -> str:
    """The figure as documents quote it.

    >>> format_claim(ClaimRow("a", 0.71349, "fraction"))
    '71.3 %'
    >>> format_claim(ClaimRow("b", 12345.6, "tokens/s"))
    '12,346 tokens/s'
    >>> format_claim(ClaimRow("c", 5.25, "GB")), format_claim(ClaimRow("d", 1034))
    ('5.25 GB', '1,034')
    >>> format_claim(ClaimRow("p", 2.6e-22))
    '2.6e-22'
    """
    if row.unit == "fraction":
        return f"{100 * row.value:.1f} %"
    return f"{_number(row.value)} {row.unit}".rstrip()


def check_quotes(text: str, folder: Path = RESULTS) -> Iterator[tuple[str, str, str]]:
    """Every quote that differs from its claim, as (claim, quoted, as measured)."""
    for found in _QUOTE.finditer(text):
        file, row, quoted = found.groups()
        measured = _measured(folder, file, row)
        if quoted != measured:
            yield f"{file}/{row}", quoted, measured


def update_quotes(path: Path, folder: Path = RESULTS) -> bool:
    """Rewrite the quotes of one document; whether anything changed.

    Raises:
        KeyError: a quote names a claim that does not exist.
    """
    text = path.read_text(encoding="utf-8")

    def rewritten(found: re.Match[str]) -> str:
        file, row, _ = found.groups()
        measured = _measured(folder, file, row)
        if measured == _ABSENT:
            raise KeyError(f"{path}: no claim {file}/{row} in {folder}")
        return f"<!--claim:{file}/{row}-->{measured}<!--/claim-->"

    new = _QUOTE.sub(rewritten, text)
    if new != text:
        write_text(path, new)
    return new != text


def documents(root: Path = ROOT) -> list[Path]:
    """The documents in which claims may be quoted."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


_ABSENT = "(no such claim)"


def _measured(folder: Path, file: str, quoted: str) -> str:
    path = folder / f"{file}.json"
    rows = read_claims(path) if path.is_file() else ()
    name, _, part = quoted.partition(".")
    row = next((r for r in rows if r.name == name), None)
    if row is None or (part and part not in ("low", "high", "n")):
        return _ABSENT
    value = getattr(row, part or "value")
    if value is None:
        return _ABSENT
    return format_claim(replace(row, value=value, bound=None, unit="" if part == "n" else row.unit))


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _number(value: float) -> str:
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if 0 < abs(value) < 0.001:
        return f"{value:.1e}"
    digits = 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".")
