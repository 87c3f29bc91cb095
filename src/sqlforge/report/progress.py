"""Progress bars with an ETA for long pieces of work."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bars(console: Console) -> Callable[[str], Callable[[int, int], None]]:
    """A maker of callbacks ``(done, total)``, each drawing a bar of its own until done.

    >>> bar = progress_bars(Console(quiet=True))("verdicts")
    >>> bar(1, 2); bar(2, 2)
    """

    def named(title: str) -> Callable[[int, int], None]:
        bar: Progress | None = None

        def advance(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = Progress(
                    TextColumn(title),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TextColumn("ETA"),
                    TimeRemainingColumn(),
                    console=console,
                    refresh_per_second=2,
                )
                bar.add_task(title, total=total)
                bar.start()
            bar.update(bar.task_ids[0], completed=done, total=total)
            if done >= total:
                bar.stop()
                bar = None  # the same callback may serve another piece of work

        return advance

    return named
