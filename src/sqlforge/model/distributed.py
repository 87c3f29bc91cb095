"""Several processes that train one model: what they share, wait for, and how they end.

``torchrun`` and ``accelerate launch`` start them and say so in the environment. A key-value store
that all of them reach carries what one tells the others; :mod:`sqlforge.model.across` adds up their
gradients. Each process sees one card only, so everything else stays as it is with one.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from sqlforge.core.errors import ModelError, RecipeError, TrainingError, UserError
from sqlforge.core.launch import Launch, take_launch
from sqlforge.model.watch import CODE, ENDED, LATER, Watch

_c10d: Any = distributed  # its stores are untyped
_TIMEOUT = timedelta(minutes=10)  # of one exchange; a checkpoint may be written meanwhile
_FAILED = "failed"
Result = TypeVar("Result")


class Processes:
    """The processes of one training, seen from one of them; alone by default.

    >>> alone = Processes()
    >>> alone.first, alone.size, alone.told(lambda: "mine"), alone.in_turn(lambda: 7)
    (True, 1, 'mine', 7)
    """

    def __init__(self, launch: Launch | None = None, store: Any = None, watch: Any = None) -> None:
        self.rank = launch.rank if launch else 0
        self.size = launch.size if launch else 1
        self._launch, self._store, self._watch = launch, store, watch
        self._exchanges = 0
        self._left = launch is None

    @property
    def first(self) -> bool:
        """Whether this is the process that prepares, prints and writes."""
        return self.rank == 0

    def told(self, work: Callable[[], str]) -> str:
        """What ``work`` returns in the first process; the others wait for it, however long.

        Raises:
            TrainingError: another process has ended meanwhile.
        """
        if self.size == 1:
            return work()
        self._exchanges += 1
        key = f"told {self._exchanges}"
        try:
            if self.first:
                self._store.set(key, text := work())
                return text
            while not self._store.check([key]):
                time.sleep(0.1)
            return str(self._store.get(key).decode())
        except distributed.DistError as fault:
            raise TrainingError(ENDED) from fault

    def in_turn(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns, in the first process before the others: they find its files.

        Raises:
            TrainingError: another process has ended meanwhile.
        """
        found: list[Result] = []

        def done() -> str:
            found.append(work())
            return ""

        self.told(done)
        return found[0] if found else work()

    def connect(self, device: str) -> None:
        """Open the exchange of tensors between processes on ``device``, ``cpu`` or ``cuda``.

        Raises:
            ModelError: see :meth:`check`.
        """
        self.check(device)
        if self.size == 1 or distributed.is_initialized():
            return
        distributed.init_process_group(
            "nccl" if device == "cuda" else "gloo",
            store=_c10d.PrefixStore("tensors", self._store),
            rank=self.rank,
            world_size=self.size,
            timeout=_TIMEOUT,
        )

    def check(self, device: str) -> None:
        """Whether processes can train together on ``device``.

        Raises:
            ModelError: there are fewer cards than processes, or PyTorch lacks NCCL.
        """
        launch = self._launch
        if launch is None:
            return
        if device == "cuda" and launch.local_size > launch.cards:
            raise ModelError(
                f"{launch.local_size} processes on a machine with {launch.cards} visible cards",
                "a card for each process",
                f"start at most {launch.cards}, or set CUDA_VISIBLE_DEVICES",
            )
        if device == "cuda" and not distributed.is_nccl_available():
            raise ModelError(
                "a PyTorch without NCCL, which cards exchange gradients by",
                "a CUDA build of PyTorch for Linux",
                "install one, or start a single process",
            )

    def leave(self) -> None:
        """Part from the others; the first process goes last, since it may hold the store."""
        if self._left:
            return
        self._left = True
        try:
            self._store.set(f"left {self.rank}", "")
            self._watch.stop()
            if self.first:
                self._wait_for([f"left {rank}" for rank in range(self.size)], seconds=20)
        except distributed.DistError:
            pass  # whoever held the store has gone
        if distributed.is_initialized():
            distributed.destroy_process_group()

    def fail(self, code: int) -> bool:
        """Let the others end with ``code``; whether nobody else has failed before."""
        if self._left:
            return True
        self._left = True
        if self._watch.failed:
            time.sleep(2 * LATER)  # it ends this process before
            return False
        self._watch.stop()
        try:
            if self._store.add(_FAILED, 1) > 1:
                self._store.set(f"seen {self.rank}", "")
                time.sleep(LATER)
                return False
            self._store.set(CODE, str(code))
            # They ask twice a second. Who holds the store goes last.
            self._wait_for([f"seen {r}" for r in range(self.size) if r != self.rank], seconds=5)
        except distributed.DistError:
            pass
        return True

    def _wait_for(self, keys: list[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._store.check(keys) and time.monotonic() < until:
            time.sleep(0.05)


ALONE = Processes()
"""One process, as without a launcher."""


@contextmanager
def together() -> Iterator[Processes]:
    """The processes that were launched with this one; if one of them fails, all end.

    The failure is raised where it happened first and only there, so its sentence is read once; the
    others leave with the same exit code.

    Raises:
        ModelError: cards cannot be told apart.
        RecipeError: a launcher's own way of sharding is asked for.
        UserError: the processes do not find each other.
    """
    launch = take_launch(os.environ, torch.cuda.device_count)
    if launch is None:
        yield ALONE
        return
    if launch.local_rank < launch.cards and torch.cuda.device_count() > 1:
        raise ModelError(
            "cards that CUDA had to look at before each process could be left its own",
            "NVML, by which PyTorch counts them without that",
            "install the driver's libnvidia-ml, or start a single process",
        )
    processes = _joined(launch)
    try:
        yield processes
    except BaseException as fault:
        code = 2 if isinstance(fault, UserError) else 1
        if processes.fail(code):
            raise
        sys.stdout.flush()
        os._exit(code)  # without waiting for exchanges that nobody answers
    processes.leave()


def _joined(launch: Launch) -> Processes:
    if launch.sharding:
        raise RecipeError(
            f"{launch.sharding} in accelerate's configuration",
            "the recipe to say how processes share a model",
            "take it out there and set train.distributed to ddp or fsdp",
        )
    if launch.rank:
        logging.disable(logging.WARNING)  # the first process says it
    try:
        store = _store(launch, master=launch.holds_store)
        watched = _store(launch, master=False)
    except (distributed.DistError, RuntimeError, ValueError) as fault:
        reason = " ".join(str(fault).split())[:120]
        raise UserError(
            f"no answer from the other processes at {launch.host}:{launch.port} ({reason})",
            f"{launch.size} processes that reach each other",
            "start them all by torchrun or accelerate launch, on a free port",
        ) from fault
    watch = Watch(watched, launch)
    watch.start()
    return Processes(launch, store, watch)


def _store(launch: Launch, *, master: bool) -> Any:
    found = _c10d.TCPStore(
        launch.host,
        launch.port,
        world_size=None,
        is_master=master,
        timeout=timedelta(seconds=60),
        wait_for_workers=False,
    )
    return _c10d.PrefixStore(f"sqlforge {launch.attempt}", found)
