"""Work in several processes whose results come in the order of their tasks."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from sqlforge.core.errors import StorageError

_WAITING = 2  # tasks a process, so that none is idle and few are held in memory
T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], tasks: Iterable[T], processes: int) -> Iterator[tuple[T, R]]:
    """``(task, work(task))`` for each task, in order, computed in up to so many processes.

    Tasks are taken only a few ahead of the results, so that a stream stays one. Processes are
    started when there is a second task; ``work`` and its tasks must be picklable.

    Raises:
        StorageError: a process was killed, most likely for want of memory.
    """
    stream = iter(tasks)
    first = list(islice(stream, 2))
    if processes == 1 or len(first) < 2:
        for task in chain(first, stream):
            yield task, work(task)
        return
    context = multiprocessing.get_context("spawn")  # forked threads could hold locks for ever
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: deque[tuple[T, Future[R]]] = deque()
        try:
            for task in chain(first, stream):
                waiting.append((task, pool.submit(work, task)))
                if len(waiting) >= processes * _WAITING:
                    done, result = waiting.popleft()
                    yield done, result.result()
            while waiting:
                done, result = waiting.popleft()
                yield done, result.result()
        except BrokenProcessPool as fault:
            raise StorageError(
                "a worker process that was killed",
                "enough memory for all of them",
                "start again with fewer --processes: what is done already is kept",
            ) from fault
        finally:
            for _, result in waiting:
                result.cancel()
