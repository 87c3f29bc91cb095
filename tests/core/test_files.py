import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sqlforge.core.errors import DataError, StorageError
from sqlforge.core.files import (
    check_writable,
    make_folder,
    new_folder,
    read_jsonl,
    sha256,
    storing,
    write_json,
    write_jsonl,
    write_text,
)

WRITER = """
import sys, threading, os
from pathlib import Path
from sqlforge.core import files
real = os.fsync
def wait(descriptor):
    real(descriptor)
    print("written", flush=True)
    threading.Event().wait()
files.os.fsync = wait
files.write_text(Path(sys.argv[1]), "new")
"""


def test_a_killed_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    write_text(path, "old")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    assert path.read_text() == "old"
    assert [p for p in tmp_path.iterdir() if not p.name.startswith(".")] == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"a": 1}])
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert list(read_jsonl(path)) == [{"a": 1}]
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_storage_error_and_leaves_the_old_file(full_disk: Path) -> None:
    path = full_disk / "rows.json"
    write_text(path, "old")
    with pytest.raises(StorageError, match="No space left on device") as caught:
        write_text(path, "x" * 100_000)
    assert str(path) in str(caught.value)
    assert path.read_text() == "old"
    assert list(full_disk.iterdir()) == [path]


def test_a_full_disk_leaves_no_half_folder(full_disk: Path) -> None:
    target = full_disk / "adapter"
    with pytest.raises(StorageError), new_folder(target) as folder:
        (folder / "weights").write_bytes(b"x" * 100_000)
    assert list(full_disk.iterdir()) == []


def test_a_path_through_a_file_and_a_folder_in_the_way_are_storage_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "below").mkdir(parents=True)
    for path in (tmp_path / "folder", tmp_path / "file" / "below"):
        for write in (check_writable, lambda path: write_text(path, "x")):
            with pytest.raises(StorageError):
                write(path)
    with pytest.raises(StorageError):
        write_text(tmp_path / ("n" * 300), "x")
    with pytest.raises(StorageError), new_folder(tmp_path / "file" / "below"):
        pass
    with pytest.raises(StorageError), new_folder(tmp_path / "file"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_place_where_the_system_lets_nothing_be_made_is_a_storage_error() -> None:
    def folder(path: Path) -> None:
        with new_folder(path):
            pass

    for write in (check_writable, make_folder, folder, lambda path: write_text(path, "x")):
        for path in (Path("/proc/sqlforge"), Path("/proc/sqlforge/deeper")):
            with pytest.raises(StorageError, match="/proc"):
                write(path)


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.symlink_to("/dev/null")
    check_writable(away)
    write_text(away, "x")
    assert away.is_symlink() and Path("/dev/null").is_char_device()
    assert [*tmp_path.iterdir()] == [away]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux has such links")
def test_output_redirected_into_a_file_goes_there(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        file.write("said before\n")
        file.flush()
        there = Path(f"/proc/self/fd/{file.fileno()}")
        check_writable(there)
        write_text(there, "written\n")
        file.seek(0)
        assert file.read() == "said before\nwritten\n"


def test_other_faults_of_the_system_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), storing(tmp_path):
        (tmp_path / "absent").read_text()


def test_a_new_folder_replaces_the_old_one_only_when_its_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "merged"
    with new_folder(target) as folder:
        (folder / "one").write_text("1")
        assert not target.exists()
    with pytest.raises(ZeroDivisionError), new_folder(target) as folder:
        (folder / "half").write_text("2")
        raise ZeroDivisionError
    assert [p.name for p in target.iterdir()] == ["one"]
    with new_folder(target) as folder:
        (folder / "two").write_text("2")
    assert [p.name for p in target.iterdir()] == ["two"]
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o755


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    rows = [{"sql": "SELECT 'ä\u2028\n'"}, {"sql": "", "n": None}]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    assert list(read_jsonl(tmp_path / "rows.jsonl")) == rows
    write_json(tmp_path / "one.json", rows[0])
    assert json.loads((tmp_path / "one.json").read_text()) == rows[0]


@pytest.mark.parametrize("bad", ['{"id": ', "[1]", "nonsense", ""])
def test_a_malformed_row_is_named_by_file_and_line(bad: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"id": 1}}\n{bad}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2"):
        list(read_jsonl(path))


def test_the_digest_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "x") == known


def test_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "shared.txt"
    code = (
        "import sys; from pathlib import Path; from sqlforge.core.files import write_text\n"
        "for _ in range(30): write_text(Path(sys.argv[1]), sys.argv[2] * 20_000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            seen.add(path.read_text())
        time.sleep(0.002)
    assert [writer.returncode for writer in writers] == [os.EX_OK] * 2
    assert seen <= {"a" * 20_000, "b" * 20_000}
