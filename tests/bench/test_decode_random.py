from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import decode_random
from decode_random import Written
from decode_walks import byte_vocabulary


def test_random_outputs_that_were_cut_off_go_on_from_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written: list[int] = []

    def write(_schemas: Any, _vocabulary: Any, start: int, _seed: int) -> Written:
        written.append(start)
        return Written(start, [f"{start + i}" for i in range(100)], ["bad"] * (start == 100))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(decode_random, "commit", lambda: "abc")
    monkeypatch.setattr(decode_random, "write_batch", write)
    vocabulary = byte_vocabulary()
    whole = decode_random.tightness({}, vocabulary, 300, keep=True)
    assert [(row.value, row.n) for row in whole] == [(1, 300), (300, 300)]
    (file,) = tmp_path.glob("*.jsonl")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]) + lines[2][:20])
    assert decode_random.tightness({}, vocabulary, 300, keep=True) == whole
    assert decode_random.tightness({}, vocabulary, 300, keep=True) == whole
    assert written == [0, 100, 200, 200]
    monkeypatch.setattr(decode_random, "commit", lambda: "another")
    assert decode_random.tightness({}, vocabulary, 100, keep=True)[0].value == 0
    assert written[4:] == [0]
