"""Compiles ``sqlforge.decode._native`` in place when the package is installed.

A machine without a C++ compiler gets the package all the same; constrained decoding then says in
one sentence what is missing. ``python hatch_build.py`` builds it again after a change.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "src" / "sqlforge" / "decode" / "native"


def target() -> Path:
    """The extension module's file, beside the Python modules that import it."""
    return SOURCES.parent / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"


def build() -> Path:
    """Compile every source and link them; raises CalledProcessError or FileNotFoundError."""
    import pybind11

    compiler = os.environ.get("CXX", "c++")
    includes = [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_paths()['include']}"]
    flags = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-pthread", "-DNDEBUG"]
    objects = Path(os.environ.get("SQLFORGE_BUILD_DIR", ROOT / "build" / target().stem))
    objects.mkdir(parents=True, exist_ok=True)
    jobs = []
    for source in sorted(SOURCES.glob("*.cpp")):
        made = objects / f"{source.stem}.o"
        command = [compiler, *flags, *includes, "-c", str(source), "-o", str(made)]
        jobs.append((command, subprocess.Popen(command)))
    for command, job in jobs:
        if job.wait() != 0:
            raise subprocess.CalledProcessError(job.returncode, command)
    link = [compiler, "-shared", "-pthread", *map(str, sorted(objects.glob("*.o")))]
    if sys.platform == "linux":
        link += ["-static-libstdc++", "-static-libgcc"]
    elif sys.platform == "darwin":
        link += ["-undefined", "dynamic_lookup"]
    finished = target().with_suffix(".tmp")
    subprocess.run([*link, "-o", str(finished)], check=True)
    finished.replace(target())
    return target()


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, outside a build
    BuildHookInterface = object


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling; the wheel is then one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or say why not and go on."""
        if self.target_name == "sdist":
            return
        try:
            made = build()
        except (OSError, subprocess.CalledProcessError) as fault:
            self.app.display_warning(
                f"decoding under a schema is not built ({fault}): install a C++ compiler "
                "(Debian: apt-get install g++) and install SQLForge again if you want it"
            )
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"][str(made)] = f"sqlforge/decode/{made.name}"


if __name__ == "__main__":
    print(build())
