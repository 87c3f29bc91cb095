"""What a wheel of SQLForge holds, with a C++ compiler and without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling, which builds wheels, is not installed")

ROOT = Path(__file__).resolve().parent.parent
# In place of a compiler, which takes a minute: it writes an empty file where it is told to.
STAND_IN = """#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" = -o ] && : > "$2"; shift; done
"""


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as a checkout has them, without what was built in place."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "recipes"):
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.o")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


def build(tree: Path, out: Path, compiler: str) -> tuple[Path, str]:
    """The wheel, and what was said while it was built."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=tree, env={**os.environ, "CXX": compiler}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel, done.stdout + done.stderr


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_a_wheel_holds_the_native_part_and_every_file_that_is_no_module(
    tree: Path, tmp_path: Path
) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text(STAND_IN)
    compiler.chmod(0o755)
    wheel, _ = build(tree, tmp_path / "out", str(compiler))
    held = names(wheel)
    assert not wheel.name.endswith("none-any.whl"), "it is for this platform"
    assert [name for name in held if name.startswith("sqlforge/decode/_native.")]
    for recipe in (ROOT / "recipes").glob("*.yaml"):
        assert f"sqlforge/recipes/{recipe.name}" in held
    files = (p for p in (ROOT / "src").rglob("*") if p.suffix in (".md", ".html", ".css", ".js"))
    for file in files:
        assert file.relative_to(ROOT / "src").as_posix() in held, file


def test_without_a_compiler_the_rest_is_there_and_one_sentence_says_what_is_missing(
    tree: Path, tmp_path: Path
) -> None:
    wheel, said = build(tree, tmp_path / "out", "/no/such/c++")
    assert wheel.name.endswith("none-any.whl")
    assert "decoding under a schema is not built" in said and "g++" in said
    assert not [name for name in names(wheel) if "_native" in name]
    (tmp_path / "shop.sql").write_text("CREATE TABLE shop (id INTEGER)")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "installed")
    code = (
        "from sqlforge.decode.constrain import SchemaConstraint\n"
        "from sqlforge.core.schema import *\n"
        "import sqlforge, sys; from sqlforge.cli_support import run_and_explain\n"
        "schema = Schema((Table('shop', (Column('id', 'INTEGER'),)),))\n"
        "sys.exit(run_and_explain(lambda: SchemaConstraint(schema, None)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
    )  # fmt: skip
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1, ended.stderr
    assert "whose native part is not built" in ended.stderr and "g++" in ended.stderr
