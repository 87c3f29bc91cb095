"""A scored run with small weights, and a hub to publish it on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from made_up_run import make_run
from publish.hub_stand_in import TOKEN, Hub, running
from sqlforge.core.files import digests
from sqlforge.core.run_dir import RunDir


def write_weights(folder: Path, config: str, weights: str) -> None:
    """A model folder whose only tensor is made up."""
    folder.mkdir()
    header = json.dumps({"w": {"dtype": "F32", "shape": [4096], "data_offsets": [0, 16384]}})
    data = bytes(range(256)) * 64
    content = len(header).to_bytes(8, "little") + header.encode() + data
    (folder / weights).write_bytes(content)
    named = {"base_model_name_or_path": "/somewhere/private/smollm2-135m", "r": 16}
    (folder / config).write_text(json.dumps(named))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"name_or_path": "/somewhere/private"})
    )
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    run = make_run(tmp_path_factory.mktemp("published") / "run", rows=12)
    write_weights(run.adapter, "adapter_config.json", "adapter_model.safetensors")
    write_weights(run.merged, "config.json", "model.safetensors")
    run.note(adapter_sha256=digests(run.adapter), merged_sha256=digests(run.merged))
    return run


@pytest.fixture
def run(made: RunDir, tmp_path: Path) -> RunDir:
    """A copy that the test may change."""
    return RunDir(Path(shutil.copytree(made.path, tmp_path / "run")))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that clients of this process reach, with a token that may write."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="no extra 'publish'")
    with running() as started:
        monkeypatch.setattr(constants, "ENDPOINT", started.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield started
