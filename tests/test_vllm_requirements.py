"""requirements-vllm.txt is installed without pip's resolver, so its pins are held here."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
OLDER_FOR_VLLM = {"fastapi", "llguidance", "transformers"}


def pins(name: str) -> dict[str, str]:
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            found[canonicalize_name(requirement.name)] = pin.version
    return found


def test_its_pins_are_those_of_the_other_environment() -> None:
    own, vllm = pins("constraints.txt"), pins("requirements-vllm.txt")
    assert {n for n in own.keys() & vllm.keys() if own[n] != vllm[n]} == OLDER_FOR_VLLM


def test_its_pins_satisfy_what_sqlforge_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(r for e in ("train", "data", "databases") for r in extras[e]),
    ]
    found = pins("requirements-vllm.txt") | {"torch": pins("constraints.txt")["torch"]}
    for text in wanted:
        requirement = Requirement(text)
        if requirement.name != "sqlforge":
            assert found[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_makefile_installs_the_torch_that_is_pinned() -> None:
    torch = f"torch=={pins('constraints.txt')['torch']}"
    assert (ROOT / "Makefile").read_text(encoding="utf-8").count(torch) == 2
