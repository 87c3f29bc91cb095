"""DESIGN's table of who may import whom, held against every import statement of the package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "sqlforge"
HEAVY = set("torch transformers peft bitsandbytes accelerate safetensors gguf vllm".split())
# Of an extra: inside functions, or in model.
LATE = set("faker datasets pyarrow rapidfuzz huggingface_hub httpx2".split())
# Of the extra serve, whose modules are imported late as a whole.
OF_SERVE = set("fastapi starlette uvicorn prometheus_client".split())
ON_NUMPY = {"corpus/minhash.py", "corpus/near_duplicates.py"}  # late themselves, all but each other
_LOW = {"core", "database", "corpus", "prompt", "score", "decode", "plan"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "database": {"core"},
    "corpus": {"core", "database"},
    "score": {"core", "database", "corpus"},
    "prompt": {"core", "database.values", "database.introspect"},
    "decode": {"core", "database", "corpus", "prompt", "score"},
    "plan": {"core", "database", "corpus", "prompt", "score", "decode"},
    "model": {"core", "prompt", "decode", "plan"},
    "report": {*_LOW, "model"},
    "serve": {*_LOW, "model", "report"},
    "publish": {"core", "corpus", "report"},
    "stages": {*_LOW, "model", "report", "serve", "publish"},
    "pipeline": {*_LOW, "model", "report", "serve", "stages"},
    "__main__": {"cli"},
    "commands": {*_LOW, "cli_support", "model", "report", "serve", "stages", "pipeline"},
    "cli": {"cli_support", "commands"},
    "cli_support": {*_LOW, "model", "report"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Dotted names that ``file`` imports, and whether outside every function."""
    yield from _imports(ast.parse(file.read_text(encoding="utf-8")), at_top=True)


def _imports(node: ast.AST, at_top: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, at_top) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            module = child.module or ""
            yield module, at_top
            if module == "sqlforge":
                yield from ((f"sqlforge.{alias.name}", at_top) for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_top and not inside)


def folder_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_a_file_imports_only_what_its_folder_may(file: Path) -> None:
    folder = folder_of(file)
    if folder == "__init__":
        assert not list(imports(file))
        return
    for name, at_top in imports(file):
        top, *rest = name.split(".")
        if top == "sqlforge" and rest:
            own = rest[0] == folder and folder != "stages"
            allowed = own or rest[0] in MAY_IMPORT[folder] or ".".join(rest) in MAY_IMPORT[folder]
            assert allowed, f"{folder} may not import {name}"
        elif top in HEAVY:
            assert folder == "model" or (folder == "stages" and not at_top), name
        elif top in OF_SERVE or (top == "httpx2" and folder == "serve"):
            assert folder == "serve", name
        elif top in LATE:
            assert folder == "model" or not at_top, (
                f"{name} belongs to an extra: import it where it is needed"
            )


@pytest.mark.parametrize(
    "name",
    ["cli.py", "cli_support.py", "pipeline.py"]
    + [f"commands/{file.name}" for file in (PACKAGE / "commands").glob("*.py")],
)
def test_stages_are_imported_inside_functions_only(name: str) -> None:
    at_top = {module for module, top in imports(PACKAGE / name) if top}
    assert not {m for m in at_top if m.startswith(("sqlforge.stages", "sqlforge.model"))}
    if name != "pipeline.py":
        ours = {m for m in at_top if m.startswith("sqlforge")}
        light = ("sqlforge.core", "sqlforge.cli_support", "sqlforge.commands")
        assert all(m.startswith(light) for m in ours)
        assert ours or name in ("commands/__init__.py", "commands/options.py")


def test_numpy_stays_in_the_modules_that_are_imported_late() -> None:
    late = {f"sqlforge.{name[:-3].replace('/', '.')}" for name in ON_NUMPY}
    for file in FILES:
        # What imports torch is imported late as a whole.
        if folder_of(file) != "model" and file.relative_to(PACKAGE).as_posix() not in ON_NUMPY:
            at_top = {name for name, top in imports(file) if top}
            assert not at_top & late, f"{file}: import it inside a function"
            assert not {n for n in at_top if n.split(".")[0] == "numpy"}, file


def test_core_imports_nothing_but_the_standard_library_pydantic_and_yaml() -> None:
    known = {*sys.stdlib_module_names, "pydantic", "yaml", "sqlforge"}
    for file in (PACKAGE / "core").glob("*.py"):
        assert {name.split(".")[0] for name, _ in imports(file)} <= known, file


def test_every_folder_stands_in_the_table() -> None:
    assert {folder_of(file) for file in FILES} - {"__init__"} <= MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("sqlforge.cli", "torch scipy transformers sqlglot sqlalchemy pydantic"),
        ("sqlforge.score.judge", "torch scipy transformers"),
        ("sqlforge.score.api", "torch scipy transformers sqlglot sqlalchemy pydantic"),
        ("sqlforge.score.official.rules", "torch scipy transformers sqlglot sqlalchemy pydantic"),
        ("sqlforge.database.sandbox", "torch scipy transformers"),
        ("sqlforge.stages.prepare", "torch transformers"),
        ("sqlforge.stages.score", "torch transformers"),
        ("sqlforge.stages.report", "torch transformers"),
        ("sqlforge.stages.publish", "torch transformers huggingface_hub"),
        ("sqlforge.stages.plan", "torch transformers numpy"),
        ("sqlforge.pipeline", "torch transformers"),
        ("sqlforge.serve.app", "torch transformers numpy"),
        ("sqlforge.stages.serve", "torch transformers numpy fastapi uvicorn"),
    ],
)
def test_a_light_module_loads_without_the_heavy_packages(module: str, absent: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({absent.split()!r}) & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == ""
