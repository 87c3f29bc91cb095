"""200 clients at once for a minute against ``sqlforge serve`` on the CPU, in three parts.

``steady``: there is room for all, so that nothing but answers comes. It is done again twice for
half as long, and memory is looked at when the server is at rest after each: while it works, memory
goes up and down with what is being written. ``beyond``: twice as many clients as there is room
for; the rest are refused with 429 and come back when they are told to.
``stop``: SIGTERM while all of them wait; what was taken is finished.
``docs/results/serving_load.json`` says what came of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from claims import ClaimRow, write_claims
from finished_run import print_rows

TOPICS = "rivers trains bread glass birds chess wool tides copper maps bees bridges".split()
NEW = 16
WARM = 0.3  # of the time, until the slope of the server's memory is looked at
REST = 2.0  # seconds after the last answer


@dataclass
class Seen:
    """What the clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    without_retry: int = 0
    took: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Answers that are neither whole nor a 429."""
        return sum(n for status, n in self.statuses.items() if status not in ("200", "429"))


@contextlib.contextmanager
def serving(rows: int, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server of its own process, and its URL; killed in the end if it still runs."""
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder) / "facts.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "sqlforge", "serve", "--model", "smollm2-135m", "--port", "0",
             "--rows", str(rows), "--context", "256", "--json", str(facts), *words],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not facts.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                time.sleep(0.1)
            yield process, json.loads(facts.read_text())["url"]
        finally:
            process.kill()
            process.wait()


async def client(http: httpx2.AsyncClient, number: int, until: float, seen: Seen) -> None:
    """Asks, waits for all of the answer, asks again; every third answer is streamed."""
    drawn = random.Random(number)
    while time.monotonic() < until:
        body: dict[str, Any] = {
            "model": "smollm2-135m",
            "messages": [{"role": "user", "content": f"One fact about {drawn.choice(TOPICS)}?"}],
            "max_tokens": NEW,
            "seed": drawn.getrandbits(30),
            "stream": number % 3 == 0,
        }
        began = time.perf_counter()
        try:
            answer = await http.post("/v1/chat/completions", json=body)
        except httpx2.HTTPError as fault:
            seen.statuses[type(fault).__name__] += 1
            continue
        whole = not body["stream"] or answer.text.endswith("data: [DONE]\n\n")
        status = answer.status_code
        seen.statuses[str(status) if status != 200 or whole else "cut off"] += 1
        if status == 200:
            seen.seconds.append(time.perf_counter() - began)
            if not body["stream"]:
                seen.tokens += answer.json()["usage"]["completion_tokens"]
        elif status == 429:
            wait = answer.headers.get("retry-after")
            seen.without_retry += wait is None
            await asyncio.sleep(min(float(wait or 1), max(0.0, until - time.monotonic())))


async def watch(process: subprocess.Popen[bytes], until: float, seen: Seen) -> None:
    """The server's memory in MB, every half second."""
    told, began = psutil.Process(process.pid), time.monotonic()
    while time.monotonic() < until and process.poll() is None:
        seen.memory.append((time.monotonic() - began, told.memory_info().rss / 1e6))
        await asyncio.sleep(0.5)


async def load(process: subprocess.Popen[bytes], url: str, clients: int, seconds: float) -> Seen:
    """All clients for so long; each finishes its last request."""
    began, seen = time.monotonic(), Seen()
    until = began + seconds
    limits = httpx2.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=120) as http:
        await asyncio.gather(
            watch(process, until, seen), *(client(http, n, until, seen) for n in range(clients))
        )
    seen.took = time.monotonic() - began  # last answers come after the time is over
    return seen


async def stop(
    process: subprocess.Popen[bytes], url: str, clients: int
) -> tuple[Counter[str], int]:
    """SIGTERM while all clients wait; the statuses they get, and the server's exit code."""
    seen = Seen()
    async with httpx2.AsyncClient(base_url=url, timeout=120, limits=httpx2.Limits()) as http:
        # Each asks once: the deadline has passed by the time of its answer.
        until = time.monotonic() + 1
        asking = [asyncio.create_task(client(http, n, until, seen)) for n in range(clients)]
        while await _open_texts(url) < clients:
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        await asyncio.gather(*asking)
    return seen.statuses, await asyncio.to_thread(process.wait, 60)


async def _open_texts(url: str) -> float:
    async with httpx2.AsyncClient(base_url=url) as http:
        page = (await http.get("/metrics")).text.splitlines()
    return float(next(x for x in page if x.startswith("sqlforge_texts_open ")).split()[1])


def rounds(
    process: subprocess.Popen[bytes], url: str, clients: int, seconds: float
) -> tuple[Seen, list[float]]:
    """What clients saw the first time, and the server's memory in MB at rest after each round."""
    first, at_rest = Seen(), []
    for long in (seconds, seconds / 2, seconds / 2):
        seen = asyncio.run(load(process, url, clients, long))
        time.sleep(REST)
        at_rest.append(psutil.Process(process.pid).memory_info().rss / 1e6)
        first = first if first.memory else seen
    return first, at_rest


def slope(seen: Seen) -> float:
    """MB a minute of memory under load once warm: that of a line through what was seen."""
    last = seen.memory[-1][0]
    warm = [(at, mb) for at, mb in seen.memory if at >= WARM * last]
    per_second, _ = statistics.linear_regression([at for at, _ in warm], [mb for _, mb in warm])
    return 60 * per_second


def measured(clients: int, seconds: float) -> list[ClaimRow]:
    """All three parts."""
    running = max(1, min(64, clients // 3))
    with serving(running, "--waiting", str(clients), "--grace", "60") as (process, url):
        steady, at_rest = rounds(process, url, clients, seconds)
        texts, code = asyncio.run(stop(process, url, clients))
    with serving(running, "--waiting", str(clients // 2 - running)) as (process, url):
        beyond = asyncio.run(load(process, url, clients, seconds / 2))
    for name, seen in (("steady", steady), ("beyond", beyond)):
        print(f"{name}: {dict(seen.statuses)}, {len(seen.seconds)} answers")
    quantiles = statistics.quantiles(steady.seconds, n=100)
    answers = len(steady.seconds)
    return [
        ClaimRow("clients", clients),
        ClaimRow("answers", answers),
        ClaimRow("faults", steady.faults + steady.statuses["429"], bound="<= 0", n=answers),
        ClaimRow("answers_a_second", answers / steady.took, "1/s"),
        ClaimRow("p50_seconds", quantiles[49], "s", n=answers),
        ClaimRow("p99_seconds", quantiles[98], "s", n=answers),
        ClaimRow("memory", steady.memory[-1][1], "MB"),
        ClaimRow("memory_slope_under_load", slope(steady), "MB", bound="<= 20"),
        ClaimRow(
            "memory_growth_a_minute",  # of load, between the first rest and the last
            (at_rest[-1] - at_rest[0]) / (seconds / 60),
            "MB",
            bound="<= 20",
            n=len(at_rest),
        ),
        ClaimRow("beyond_faults", beyond.faults, bound="<= 0"),
        ClaimRow("beyond_answers", beyond.statuses["200"], bound="> 0"),
        ClaimRow("beyond_refused", beyond.statuses["429"], bound="> 0"),
        ClaimRow("beyond_without_retry_after", beyond.without_retry, bound="<= 0"),
        ClaimRow("stop_finished", texts["200"] / clients, "fraction", bound=">= 1", n=clients),
        ClaimRow("stop_exit_code", code, bound="== 0"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--no-json", action="store_true", help="print only")
    asked = parser.parse_args()
    rows = measured(asked.clients, asked.seconds)
    print_rows(rows)
    if not asked.no_json:
        write_claims("serving_load", command="python bench/serving.py", seed=None, rows=rows)


if __name__ == "__main__":
    main()
