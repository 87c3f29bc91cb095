"""A scoring that is killed goes on where it was, and only with what is its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from published import TABLES, write_tiny_spider
from sqlforge.core.records import Verdict
from sqlforge.score.benchmarks import load_benchmark
from sqlforge.score.resume import kept_and_judged, partial_path, what_is_judged

QUESTIONS = 60
SLOW = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 60000) "
    "SELECT count(*) FROM client WHERE id < {} AND 0 < (SELECT count(*) FROM c)"
)


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    """Spider's layout with sixty questions, each of which takes a moment to answer."""
    folder = write_tiny_spider(tmp_path / "spider")
    (folder / "tables.json").write_text(json.dumps([{"db_id": "shop", **TABLES}]))
    rows = [
        {"db_id": "shop", "question": "?", "query": f"SELECT count(*) FROM client WHERE id < {i}"}
        for i in range(QUESTIONS)
    ]
    (folder / "dev.json").write_text(json.dumps(rows))
    (folder / "pred.txt").write_text("".join(SLOW.format(i) + "\n" for i in range(QUESTIONS)))
    return folder


def command(folder: Path, verdicts: str) -> list[str]:
    options = ["--benchmark", "spider", "--data-dir", str(folder)]
    options += ["--predictions", str(folder / "pred.txt"), "--verdicts", str(folder / verdicts)]
    return [sys.executable, "-m", "sqlforge", "score", *options]


def test_a_killed_scoring_goes_on_where_it_was(spider: Path) -> None:
    subprocess.run(command(spider, "whole.jsonl"), check=True, stdout=subprocess.DEVNULL)
    whole = (spider / "whole.jsonl").read_text()
    assert len(whole.splitlines()) == QUESTIONS

    partial = partial_path(spider / "cut.jsonl")
    process = subprocess.Popen(command(spider, "cut.jsonl"), stdout=subprocess.DEVNULL)
    while not partial.exists() or partial.read_text().count("\n") < 12:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (spider / "cut.jsonl").exists()

    lines = partial.read_text().splitlines(keepends=True)
    assert 12 <= len(lines) < QUESTIONS
    marked = lines[1].replace('"error": null', '"error": "kept"')
    partial.write_text("".join([lines[0], marked, *lines[2:-1], lines[-1][:20]]))  # a cut line too
    subprocess.run(command(spider, "cut.jsonl"), check=True, stdout=subprocess.DEVNULL)
    cut = (spider / "cut.jsonl").read_text().splitlines()
    assert json.loads(cut[0])["error"] == "kept"  # the first was not judged again
    assert cut[1:] == whole.splitlines()[1:]
    assert sorted(p.name for p in spider.iterdir() if "cut" in p.name) == ["cut.jsonl"]


VERDICTS = [Verdict(str(i), "db", None, i % 2 == 0, False, True, True) for i in range(6)]


def collected(path: Path, key: str, count: int = 6) -> tuple[list[Verdict], list[int]]:
    starts: list[int] = []

    def judge_from(start: int) -> Any:
        starts.append(start)
        return iter(VERDICTS[start:count])

    return list(kept_and_judged(path, key, judge_from)), starts


def test_verdicts_that_are_kept_are_not_judged_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kept"
    assert collected(path, "a", 4) == (VERDICTS[:4], [0])
    assert collected(path, "a") == (VERDICTS, [4])
    assert collected(path, "a") == (VERDICTS, [6])


def test_what_was_judged_by_other_rules_is_judged_anew(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    collected(path, "a")
    assert collected(path, "b", 2) == (VERDICTS[:2], [0])
    assert path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda text: text[:-1], 5),  # the last line lacks its end
        (lambda text: text[:-30], 5),
        (lambda text: text + b'{"id": "9"}\n', 6),  # a verdict of another version
        (lambda text: text[:10], 0),
        (lambda text: b"", 0),
    ],
)
def test_a_line_cut_by_the_kill_is_judged_again(damage: Any, kept: int, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    collected(path, "a")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert collected(path, "a") == (VERDICTS, [kept])
    assert path.read_bytes() == whole


def test_the_key_changes_with_all_that_verdicts_depend_on(spider: Path) -> None:
    dataset, file = load_benchmark("spider", spider), spider / "pred.txt"
    keys = [what_is_judged(dataset, file, "official"), what_is_judged(dataset, file, "strict")]
    assert what_is_judged(dataset, file, "official") == keys[0]
    file.write_text(file.read_text().replace("60000", "50000"))
    keys.append(what_is_judged(dataset, file, "official"))
    os.utime(spider / "database" / "shop" / "shop.sqlite", (1, 1))
    keys.append(what_is_judged(dataset, file, "official"))
    (spider / "dev.json").write_text((spider / "dev.json").read_text().replace("id < 3", "id > 3"))
    keys.append(what_is_judged(load_benchmark("spider", spider), file, "official"))
    assert len(set(keys)) == 5


def test_a_verdict_of_any_text_is_kept(tmp_path: Path) -> None:
    verdict = Verdict("é\n", "db", "easy", None, True, False, False, "\ud800 \0", True)
    path = tmp_path / "kept"
    assert list(kept_and_judged(path, "a", lambda _: iter([verdict]))) == [verdict]
    found = list(kept_and_judged(path, "a", lambda _: iter([])))
    assert [asdict(v) for v in found] == [asdict(verdict)]
