"""The command line as its users type it: in a process of its own, with HF_ENDPOINT and HF_TOKEN."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="the extra 'publish' is not installed")

from publish.hub_stand_in import TOKEN, Hub, running
from sqlforge.core.run_dir import RunDir


def sqlforge(
    *words: object, hub: Hub, token: str | None, xet: bool = False
) -> subprocess.CompletedProcess[str]:
    """A command that knows this hub and no other, and no token of the user's."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    told = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": str(int(not xet))}
    if token is not None:
        told["HF_TOKEN"] = token
    with tempfile.TemporaryDirectory() as home:  # Xet keeps its logs there
        return subprocess.run(
            [sys.executable, "-m", "sqlforge", *map(str, words)],
            env=inherited | told | {"HF_HOME": home}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip


def test_a_dry_run_shows_files_and_card_and_asks_nobody(run: RunDir, tmp_path: Path) -> None:
    before = run.manifest()
    with running() as hub:
        words = ("publish", run.path, "--to", "ann/smol", "--dry-run", "--json", tmp_path / "f")
        ended = sqlforge(*words, hub=hub, token=None)
        assert not hub.asked
    assert ended.returncode == 0, ended.stderr
    assert " bytes  model.safetensors\n" in ended.stdout
    assert "in 8 files for ann/smol" in ended.stdout
    assert "# smol\n" in ended.stdout and "model-index:" in ended.stdout
    facts = json.loads((tmp_path / "f").read_text())
    assert facts["uploaded"] is False and facts["held_back"] == []
    assert {"path", "bytes", "sha256"} == set(facts["files"][0])
    assert run.manifest() == before


def test_an_upload_says_where_it_went(run: RunDir, tmp_path: Path) -> None:
    with running() as hub:
        words = ("publish", run.path, "--to", "ann/smol", "--adapter", "--json", tmp_path / "f")
        ended = sqlforge(*words, hub=hub, token=TOKEN)
        assert ended.returncode == 0, ended.stderr
        facts = json.loads((tmp_path / "f").read_text())
        assert facts["uploaded"] is True and facts["commit"].startswith(f"{hub.url}/ann/smol/")
        assert "adapter_model.safetensors" in hub.files("ann/smol")
    assert TOKEN not in ended.stdout + ended.stderr
    assert not [p for p in run.path.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]


@pytest.mark.parametrize(
    ("words", "token", "said"),
    [
        (("--to", "ann/smol"), None, "no token of the hub"),
        (("--to", "ann/smol"), "hf_wrong", "does not know"),
        (("--to", "smol"), TOKEN, "expected user/name"),
    ],
)
def test_a_mistake_is_one_sentence(
    run: RunDir, words: tuple[str, ...], token: str | None, said: str
) -> None:
    with running() as hub:
        ended = sqlforge("publish", run.path, *words, hub=hub, token=token)
        assert not hub.repositories
    assert ended.returncode == 2
    assert ended.stderr.startswith("sqlforge: Got ") and ended.stderr.count("\n") == 1
    assert said in ended.stderr


def test_what_the_xet_client_cannot_do_is_a_sentence_too(run: RunDir) -> None:
    pytest.importorskip("hf_xet", reason="hf_xet, which large files go by, is not installed")
    with running() as hub:
        ended = sqlforge("publish", run.path, "--to", "ann/smol", hub=hub, token=TOKEN, xet=True)
        assert hub.asked[-1].startswith("GET /api/models/ann/smol/xet-write-token"), "it was asked"
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "start the same command again" in ended.stderr
