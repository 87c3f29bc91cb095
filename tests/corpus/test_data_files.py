import gzip
import io
import json
import lzma
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sqlforge.core.errors import DataError, StorageError
from sqlforge.corpus.archive import building, unpacked
from sqlforge.corpus.files import (
    SkippedRow,
    fields,
    find_file,
    optional_file,
    read_json_array,
    read_jsonl,
)
from sqlforge.corpus.packed import open_text

ROWS = b'{"a": 1}\n{"a": "two"}\n\nnot json\n{"a": 3}\n'
ARRAY = b'[\n {"a": 1},\n {"a": "two"},\n {"a": oops, "b": 2},\n {"a": 3}\n]\n'


def number(value: object) -> object:
    return fields(value, a=int)["a"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain.jsonl").write_bytes(ROWS)
    (tmp_path / "packed.jsonl.xz").write_bytes(lzma.compress(ROWS))
    (tmp_path / "zipped.jsonl.gz").write_bytes(gzip.compress(ROWS))
    (tmp_path / "list.json").write_bytes(ARRAY)
    return tmp_path


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl", "zipped.jsonl"])
def test_rows_read_the_same_plain_and_packed_with_bad_ones_left_out(
    folder: Path, name: str
) -> None:
    path = find_file(folder, name, "the set")
    skipped: list[SkippedRow] = []
    rows = list(read_jsonl(path, number, on_bad_row="skip", skipped=skipped))
    assert rows == [(0, 1), (3, 3)]
    assert [(row.file, row.line) for row in skipped] == [(path, 2), (path, 4)]
    assert skipped[0].reason == "the field 'a' is a str"
    assert skipped[1].reason.startswith("no valid JSON")


def test_a_malformed_row_stops_the_reading_and_names_file_and_line(folder: Path) -> None:
    with pytest.raises(DataError, match=r"plain\.jsonl, line 2 \(the field 'a' is a str\)"):
        list(read_jsonl(folder / "plain.jsonl", number))


def test_a_json_list_goes_on_after_broken_json_and_names_the_lines(folder: Path) -> None:
    skipped: list[SkippedRow] = []
    path = folder / "list.json"
    assert list(read_json_array(path, number, on_bad_row="skip", skipped=skipped)) == [
        (0, 1),
        (3, 3),
    ]
    assert [row.line for row in skipped] == [3, 4]
    with pytest.raises(DataError, match="line 3"):
        list(read_json_array(path, number))


def test_a_json_list_that_ends_too_early_is_a_malformed_row(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text('[\n{"a": 1},\n{"a": 2}')
    with pytest.raises(DataError, match=r"line 3 \(the file ends within the list"):
        list(read_json_array(path, number))
    skipped: list[SkippedRow] = []
    assert len(list(read_json_array(path, number, on_bad_row="skip", skipped=skipped))) == 2
    assert len(skipped) == 1
    path.write_text('[\n{"a": 1},\n{"a": 2, "b')
    skipped.clear()
    assert len(list(read_json_array(path, number, on_bad_row="skip", skipped=skipped))) == 1
    assert len(skipped) == 1


@pytest.mark.parametrize("text", [r"a\u0000b", r"half \uD83D", r"other half \ude00"])
def test_text_that_no_database_can_hold_is_a_malformed_row(tmp_path: Path, text: str) -> None:
    lines, array = tmp_path / "x.jsonl", tmp_path / "x.json"
    lines.write_text(f'{{"a": "{text}"}}\n{{"a": "\\ud83d\\ude00"}}\n')
    array.write_text(f'[{{"a": "{text}"}}]')
    with pytest.raises(DataError, match=r"line 1 \(text with "):
        list(read_jsonl(lines, str))
    with pytest.raises(DataError, match=r"line 1 \(text with "):
        list(read_json_array(array, str))
    assert list(read_jsonl(lines, str, on_bad_row="skip")) == [(1, "{'a': '😀'}")]


def test_an_empty_list_has_no_rows_and_an_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(" [ ]\n")
    assert list(read_json_array(path, number)) == []
    path.write_text('{"a": 1}')
    with pytest.raises(DataError, match="no JSON array"):
        list(read_json_array(path, number))


def test_a_missing_file_says_which_names_were_tried(folder: Path) -> None:
    with pytest.raises(DataError, match=r"without dev\.json, dev\.json\.xz, dev\.json\.gz or "):
        find_file(folder, "dev.json", "Spider")
    assert optional_file(folder, "dev.json") is None
    with pytest.raises(DataError, match="no folder"):
        find_file(folder / "nowhere", "dev.json", "Spider")


def read(path: Path) -> str:
    with open_text(path) as file:
        return file.read()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.xz", lzma.compress(ROWS * 999)[:-20], "truncated or corrupt"),
        ("y.xz", b"no archive at all", "truncated or corrupt"),
        ("x.gz", gzip.compress(ROWS * 999, mtime=0)[:-20], "truncated or corrupt"),
        ("y.gz", b"no archive at all", "truncated or corrupt"),
        ("x.json", b'{"a": "caf\xe9"}', "not UTF-8 .byte 0xe9"),
    ],
)
def test_a_broken_file_is_one_sentence(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_missing_files_and_folders_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        read(tmp_path / "absent.json")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + ROWS[:9])
    assert list(read_jsonl(path, number)) == [(0, 1)]


def test_fields_name_what_is_missing() -> None:
    with pytest.raises(ValueError, match="a list instead of an object"):
        fields([], a=int)
    with pytest.raises(ValueError, match="the field 'b' is missing"):
        fields({"a": 1}, a=int, b=str)


# --- archives ---------------------------------------------------------------------------------


def pack(path: Path, fill: Callable[[tarfile.TarFile], None]) -> Path:
    with tarfile.open(path, "w:xz") as tar:
        fill(tar)
    return path


def add(tar: tarfile.TarFile, name: str, content: bytes = b"x") -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_archive_is_unpacked_once_and_another_one_apart(tmp_path: Path, cache: Path) -> None:
    archive = pack(tmp_path / "database.tar.xz", lambda tar: add(tar, "shop/shop.sqlite"))
    first = unpacked(archive, "spider")
    assert (first / "shop" / "shop.sqlite").read_bytes() == b"x"
    marker = first / "marker"
    marker.touch()
    assert unpacked(archive, "spider") == first
    assert marker.exists()
    pack(archive, lambda tar: add(tar, "shop/shop.sqlite", b"other"))
    assert (unpacked(archive, "spider") / "shop" / "shop.sqlite").read_bytes() == b"other"


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt"])
def test_a_member_never_lands_outside_the_folder(tmp_path: Path, cache: Path, name: str) -> None:
    archive = pack(tmp_path / "a.tar.xz", lambda tar: (add(tar, "fine"), add(tar, name))[0])
    if name.startswith("/"):  # made relative by tarfile's data filter
        assert (unpacked(archive, "spider") / "out.txt").is_file()
    else:
        with pytest.raises(DataError, match="would leave the folder"):
            unpacked(archive, "spider")
        assert list((cache / "spider").iterdir()) == []
    assert not Path("/out.txt").exists()
    assert not (cache / "out.txt").exists()


def test_links_and_devices_in_an_archive_are_refused(tmp_path: Path, cache: Path) -> None:
    def link(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo("shop.sqlite")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)

    with pytest.raises(DataError, match="neither a file nor a folder"):
        unpacked(pack(tmp_path / "a.tar.xz", link), "spider")


@pytest.mark.parametrize("suffix", ["xz", "gz", "bz2"])
def test_a_truncated_archive_leaves_nothing_half_done(
    tmp_path: Path, cache: Path, suffix: str
) -> None:
    whole = tmp_path / f"whole.tar.{suffix}"
    with tarfile.open(whole, f"w:{suffix}") as tar:
        add(tar, "a.sqlite", os.urandom(200_000))
        add(tar, "b.sqlite", os.urandom(200_000))
    cut = tmp_path / f"cut.tar.{suffix}"
    cut.write_bytes(whole.read_bytes()[:250_000])
    with pytest.raises(DataError, match="truncated or corrupt"):
        unpacked(cut, "spider")
    assert list((cache / "spider").iterdir()) == []


def test_what_a_killed_process_left_is_removed_a_day_later(cache: Path) -> None:
    target = cache / "kind" / "key"
    old, young = target.with_name(".key.old"), target.with_name(".key.young")
    old.mkdir(parents=True)
    young.mkdir()
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    with building(target) as folder:
        (folder / "file").touch()
    assert not old.exists()
    assert young.exists()
    assert (target / "file").exists()


def test_of_two_builders_the_first_wins(cache: Path) -> None:
    target = cache / "kind" / "key"
    with building(target) as second:
        (second / "who").write_text("second")
        with building(target) as first:
            (first / "who").write_text("first")
    assert (target / "who").read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["key"]


def test_a_failing_build_leaves_nothing(cache: Path) -> None:
    with pytest.raises(RuntimeError), building(cache / "kind" / "key"):
        raise RuntimeError
    assert list((cache / "kind").iterdir()) == []


def test_a_full_disk_is_a_storage_error(cache: Path) -> None:
    target = cache / "kind" / "key"
    said = r"No space left.* set SQLFORGE_CACHE_DIR"
    with pytest.raises(StorageError, match=said), building(target):
        raise OSError(28, "No space left on device")
    assert list(target.parent.iterdir()) == []


def test_a_disk_that_is_full_for_sqlite_is_a_storage_error_too(cache: Path) -> None:
    target = cache / "kind" / "key"
    with (
        pytest.raises(StorageError, match="database or disk is full"),
        building(target) as folder,
        closing(sqlite3.connect(folder / "x.sqlite")) as connection,
    ):
        connection.execute("PRAGMA max_page_count = 2")
        connection.executescript("CREATE TABLE a (x); CREATE TABLE b (x)")
    assert list(target.parent.iterdir()) == []
    with pytest.raises(sqlite3.OperationalError, match="syntax error"), building(target):
        sqlite3.connect(":memory:").execute("SELEKT")


def test_a_builder_that_is_killed_leaves_no_target_and_the_next_one_builds(cache: Path) -> None:
    target = cache / "kind" / "key"
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from sqlforge.corpus.archive import building\n"
        "with building(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    with building(target) as folder:
        (folder / "whole").touch()
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_json_numbers_survive(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text(json.dumps({"a": 10**12}))
    assert list(read_jsonl(path, number)) == [(0, 10**12)]
