"""A watch over the other processes of a training: if one of them fails, this one ends too."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from torch import distributed

from sqlforge.core.launch import Launch

ENDED = "a process of this training has ended; the last checkpoint is kept, start again"
CODE = "code"
"""The key under which a process that fails leaves the exit code of all."""
LATER = 2.0
"""Seconds that others end after who failed: launchers kill all once one has ended."""
SILENT = 120.0
"""Seconds without a sign of life after which a process counts as ended."""
_BEAT = 0.5  # seconds between two signs of life


class Watch(threading.Thread):
    """Gives signs of life, and ends this process if another failed or gives none any more.

    A thread, since a process that waits for another one's gradients cannot look by itself.
    """

    def __init__(self, store: Any, launch: Launch) -> None:
        super().__init__(daemon=True, name="watch over processes")
        self._store, self._launch = store, launch
        self._over = threading.Event()
        self.failed = False  # another process has, and this one is about to end
        self._heard = dict.fromkeys(
            (rank for rank in range(launch.size) if rank != launch.rank), (0, time.monotonic())
        )

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()

    def run(self) -> None:
        """Look around until stopped."""
        while not self._over.wait(_BEAT):
            try:
                self._look()
            except distributed.DistError:
                # The store has gone with the process that held it.
                if not self._over.is_set():
                    self._end(1, ENDED)
                return

    def _look(self) -> None:
        rank = self._launch.rank
        self._store.add(f"beat {rank}", 1)
        if self._store.check([CODE]):
            code, self.failed = int(self._store.get(CODE)), True
            self._store.set(f"seen {rank}", "")
            if not self._over.wait(LATER):
                self._end(code)
        for other, (beats, moment) in self._heard.items():
            now = self._store.add(f"beat {other}", 0)
            if now != beats or self._store.check([f"left {other}"]):
                self._heard[other] = (now, time.monotonic())
            elif time.monotonic() - moment > SILENT and not self._over.is_set():
                self._end(1, ENDED)

    def _end(self, code: int, sentence: str = "") -> None:
        if sentence:
            print(f"sqlforge: {sentence}", file=sys.stderr, flush=True)
        os._exit(code)
