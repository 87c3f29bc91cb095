"""``audit``: what of the training data leaks into which benchmark."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DataError, MissingDataError
from sqlforge.core.files import (
    check_writable,
    new_folder,
    sha256,
    write_json,
    write_jsonl,
    writing,
)
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.audit import AuditReport, audit, leak_facts, report_facts
from sqlforge.corpus.benchmark_questions import BENCHMARKS as PUBLISHED
from sqlforge.corpus.benchmark_questions import of_examples, published_benchmark
from sqlforge.corpus.fingerprints import THRESHOLD, Fingerprint, fingerprint
from sqlforge.corpus.leaks import Finding, Reference
from sqlforge.corpus.packed import open_text
from sqlforge.corpus.store import (
    example_row,
    read_databases,
    read_examples,
    write_databases,
    write_examples,
)
from sqlforge.corpus.training_data import TrainingData, TrainingRow, open_training

Say = Callable[[str], None]
Progress = Callable[[str], Callable[[int, int], None]]
BENCHMARKS = (*PUBLISHED, "internal")
"""What training data is compared with; ``internal`` is the test set of its own folder."""

_TICK = 1000


@dataclass(frozen=True, slots=True)
class Audited:
    """The report, the same as JSON has it, and where the data without leaks went."""

    report: AuditReport
    facts: dict[str, Any]
    removed_to: Path | None


def audit_training(
    names: Sequence[str],
    data_dir: Path | None,
    *,
    against: Sequence[str] | None = None,
    remove: Path | None = None,
    threshold: float = THRESHOLD,
    say: Say = lambda _: None,
    progress: Progress | None = None,
) -> Audited:
    """Compare training data with benchmarks, and write it without leaks if asked to.

    Args:
        names: run directories, prepared folders, files of rows or corpora by name; see
            :func:`sqlforge.corpus.training_data.open_training`.
        data_dir: where benchmarks and named corpora lie.
        against: some of :data:`BENCHMARKS`; else all that are at hand.
        remove: where the data without leaks goes: a folder for a run directory or prepared
            folder, else a JSONL file.
        threshold: least share of common shingles of nearly the same questions.
        say: told what is read and written.
        progress: makes a callback for a named piece of long work.

    Raises:
        DataError: training data or a benchmark that was named is missing or malformed.
        StorageError: ``remove`` cannot be written.
    """
    if remove is not None:
        _check_target(remove, names)
    opened = [open_training(name, data_dir) for name in names]
    _check_kind(opened, remove)
    references = _references(opened, data_dir, against, say)
    marked = _Marked(references)
    report = audit(
        _prints(opened, progress),
        references,
        threshold=threshold,
        on_leak=marked.leak,
        on_clean=marked.clean,
    )
    facts = {"train": list(names), **report_facts(report, removed=remove is not None)}
    if remove is not None:
        _write_without(opened, marked.leaks, remove, facts)
        say(f"{report.rows - report.leaking:,} examples without leaks: {remove}")
    return Audited(report, facts, remove)


class _Marked:
    """The places of leaking rows among all rows, with what was found about them."""

    def __init__(self, references: Mapping[str, Reference]) -> None:
        self._references, self._place = references, 0
        self.leaks: dict[int, dict[str, Any]] = {}

    def leak(self, row: Fingerprint, findings: tuple[Finding, ...]) -> None:
        self.leaks[self._place] = leak_facts(row, findings, self._references)
        self._place += 1

    def clean(self, _: Fingerprint) -> None:
        self._place += 1


def _check_target(remove: Path, names: Sequence[str]) -> None:
    if any(Path(name).exists() and remove.resolve() == Path(name).resolve() for name in names):
        raise DataError(f"--remove {remove}, the training data itself", "another path", _CHOOSE)
    if remove.is_dir() and any(remove.iterdir()):
        raise DataError(f"--remove {remove}, a folder that is not empty", "a new path", _CHOOSE)
    if not remove.is_dir():
        check_writable(remove)


_CHOOSE = "choose another place for the data without leaks"


def _check_kind(opened: Sequence[TrainingData], remove: Path | None) -> None:
    """A folder for one folder, JSONL for all else."""
    if remove is None:
        return
    is_folder = any(data.folder for data in opened)
    if is_folder and len(opened) > 1:
        raise DataError(
            "--remove with a folder and other training data",
            "one folder, or files and corpora by name",
            "audit the folders one by one",
        )
    if not is_folder and remove.suffix != ".jsonl":
        raise DataError(f"--remove {remove}", "a name that ends in .jsonl", _CHOOSE)


def _references(
    opened: Sequence[TrainingData],
    data_dir: Path | None,
    against: Sequence[str] | None,
    say: Say,
) -> dict[str, Reference]:
    """The benchmarks that were named, or those at hand; a broken one is never passed over."""
    found = {}
    for name in against or BENCHMARKS:
        try:
            if name == "internal":
                reference = _internal(opened)
            else:
                reference = published_benchmark(name, data_dir)
        except MissingDataError:
            if against:
                raise
            say(f"{name}: not at hand, left out")
            continue
        say(f"{reference.title}: {len(reference.fingerprints):,} questions")
        found[name] = reference
    if not found:
        raise DataError(
            "no benchmark to audit against",
            f"the files of one of {', '.join(BENCHMARKS)}",
            "name their folder by --data-dir or SQLFORGE_DATA_DIR",
        )
    return found


def _internal(opened: Sequence[TrainingData]) -> Reference:
    prints: list[Fingerprint] = []
    for data in opened:
        if data.folder is not None and (data.folder / "test.jsonl").is_file():
            databases = read_databases(data.folder / "databases.jsonl")
            prints += of_examples(read_examples(data.folder / "test.jsonl"), databases)
    if not prints:
        raise MissingDataError(
            "the benchmark 'internal' without a test set",
            "a run directory or prepared folder with examples in test.jsonl",
            "name one as training data, or leave 'internal' out",
        )
    return Reference("Internal test", tuple(prints))


def _prints(opened: Sequence[TrainingData], progress: Progress | None) -> Iterator[Fingerprint]:
    counts = [data.count for data in opened]
    total = sum(count or 0 for count in counts)
    known = progress is not None and total > 0 and None not in counts
    tick = progress("audit") if progress is not None and known else lambda done, total: None
    for done, row in enumerate(_rows(opened), 1):
        yield fingerprint(row.example, row.schema)
        if done % _TICK == 0 or done == total:
            tick(done, total)


def _rows(opened: Sequence[TrainingData]) -> Iterator[TrainingRow]:
    for data in opened:
        yield from data.rows()


def _write_without(
    opened: Sequence[TrainingData],
    leaks: Mapping[int, dict[str, Any]],
    target: Path,
    facts: Mapping[str, Any],
) -> None:
    """Write the rows that are no leaks, the removed ones with reasons, and the facts."""
    kept = (row for place, row in enumerate(_rows(opened)) if place not in leaks)
    first = opened[0]
    if first.folder is None:
        if all(data.lines for data in opened):
            with writing(target) as output:
                output.writelines(_kept_lines(opened, leaks))
        else:
            write_jsonl(target, map(_plain, kept))
        write_jsonl(_beside(target, ".leaks.jsonl"), leaks.values())
        write_json(_beside(target, ".audit.json"), facts)
        return
    with new_folder(target) as temporary:
        data = temporary / "data" if first.run else temporary
        data.mkdir(exist_ok=True)
        if first.run is not None:
            for file in sorted(first.run.glob("*.*")):
                if file.name in ("recipe.yaml", "manifest.json"):
                    shutil.copy2(file, temporary / file.name)
        for file in sorted(first.folder.glob("*.json*")):
            if file.name not in ("train.jsonl", "databases.jsonl", "places.json"):
                shutil.copy2(file, data / file.name)
        write_examples(data / "train.jsonl", (row.example for row in kept))
        databases = read_databases(first.folder.resolve() / "databases.jsonl")
        write_databases(data / "databases.jsonl", databases.values())
        write_jsonl(data / "leaks.jsonl", leaks.values())
        write_json(data / "audit.json", facts)
        if first.run is not None:
            digests = {file.name: sha256(file) for file in sorted(data.glob("*.jsonl"))}
            RunDir(temporary).note(data_sha256=digests, without_leaks_of=first.run.as_posix())


def _kept_lines(opened: Sequence[TrainingData], leaks: Mapping[int, object]) -> Iterator[str]:
    """The lines of JSONL files as they are, but for leaks."""
    place = 0
    for data in opened:
        assert data.lines is not None
        with open_text(data.lines) as file:
            for line in file:
                if line.strip():
                    if place not in leaks:
                        yield line.rstrip("\n") + "\n"
                    place += 1


def _plain(row: TrainingRow) -> dict[str, Any]:
    """The row as it was read, or else the example."""
    return dict(row.original) if row.original is not None else example_row(row.example)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name.removesuffix(".jsonl") + suffix)
