"""Two processes take the steps that one would take, go on where they stopped, and end together."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from model.tiny_llama import tiny_adapted, tiny_llama, tiny_packs
from model.two_processes import STEPS, Watch, read, start, tiny_nf4, trained, write
from sqlforge.cli import main
from sqlforge.core.errors import ModelError, StorageError
from sqlforge.core.launch import take_launch
from sqlforge.model.across import OwnPacks
from sqlforge.model.adapt import save_adapter
from sqlforge.model.distributed import Processes, together
from sqlforge.model.pack import IGNORED, plan_packs
from sqlforge.model.pieces import Pieces
from sqlforge.model.watch import ENDED
from sqlforge.prompt.encode import Encoded

pytestmark = pytest.mark.xdist_group("killed")  # whose server of processes has imported torch


ONE: dict[str, Any] = {"budget": 64, "questions_per_schema": 1, "seed": 0}
IN_PIECES = ("plain", "fused")


def _whole_and_cut(processes: Processes, folder: Path) -> None:
    whole, cut, resumed = Watch(), Watch(before=4), Watch()
    model = trained(folder / "whole", whole, processes)
    if processes.first:
        save_adapter(model, folder / "adapter")
    with pytest.raises(InterruptedError):
        trained(folder / "cut", cut, processes)
    if processes.first:
        shutil.copytree(folder / "cut", folder / "other")
    trained(folder / "cut", resumed, processes)
    odd = Watch()
    trained(folder / "odd", odd, processes, accumulation=3, model=tiny_adapted())
    write(folder, "odd", processes.rank, odd)
    write(folder, "whole", processes.rank, whole)
    write(folder, "resumed", processes.rank, resumed)
    for step in IN_PIECES:
        watch = Watch()
        options: dict[str, Any] = {"step": step, "gradient_checkpointing": step == "fused"}
        options["model"] = tiny_nf4(folder / "base")
        trained(folder / step, watch, processes, distributed="fsdp", **options)
        write(folder, step, processes.rank, watch)


def test_two_processes_train_like_one_and_go_on_exactly_where_they_were_stopped(
    tmp_path: Path,
) -> None:
    tiny_llama(layers=3).save_pretrained(tmp_path / "base")
    assert start(_whole_and_cut, tmp_path) == [0, 0]
    one = Watch()
    save_adapter(trained(tmp_path / "one", one), tmp_path / "alone")
    whole = read(tmp_path, "whole")
    assert len(whole.losses) == STEPS
    assert whole.losses == pytest.approx(one.losses, rel=1e-5)
    assert whole.norms == pytest.approx(one.norms, rel=1e-5)
    assert read(tmp_path, "whole", rank=1) == whole
    assert read(tmp_path, "resumed").losses == whole.losses[2:]
    _assert_close(tmp_path / "adapter", tmp_path / "alone")

    for step in IN_PIECES:
        whole_base = Watch()
        model = tiny_nf4(tmp_path / "base")
        trained(tmp_path / f"one {step}", whole_base, step=step, model=model)
        assert read(tmp_path, step).losses == pytest.approx(whole_base.losses, rel=1e-5)
        assert read(tmp_path, step).norms == pytest.approx(whole_base.norms, rel=1e-4)

    odd = Watch()  # a step of three packs, each of which is cut
    trained(tmp_path / "one odd", odd, accumulation=3, model=tiny_adapted())
    assert read(tmp_path, "odd").losses == pytest.approx(odd.losses, rel=1e-5)
    assert read(tmp_path, "odd").norms == pytest.approx(odd.norms, rel=1e-5)

    single = Watch()  # what two began, one ends
    trained(tmp_path / "other", single)
    assert single.losses == pytest.approx(whole.losses[2:], rel=1e-5)


def _assert_close(one: Path, other: Path) -> None:
    found = [load_file(folder / "adapter_model.safetensors") for folder in (one, other)]
    for name, tensor in found[0].items():
        torch.testing.assert_close(tensor, found[1][name], rtol=1e-4, atol=1e-5)


def test_a_process_holds_its_share_of_layers_and_room_for_two() -> None:
    model = tiny_llama(layers=8).requires_grad_(False)
    layers = model.model.layers
    size = sum(p.nbytes for p in layers[0].parameters() if p.dim() > 1)
    last = layers[7].mlp.down_proj.weight.clone()
    launch = take_launch({"RANK": "1", "WORLD_SIZE": "2"}, lambda: 0)
    pieces = Pieces(model, Processes(launch), None)
    assert pieces.bytes_held == 8 * size // 2 + 2 * size
    assert torch.equal(layers[7].mlp.down_proj.weight, last)
    shared = layers[5].mlp.down_proj.weight
    assert shared.data_ptr() == layers[7].mlp.down_proj.weight.data_ptr()


# --- ends ---------------------------------------------------------------------------------------


def _first_has_no_room(processes: Processes, folder: Path) -> None:
    def fail() -> None:
        raise StorageError("a full disk", "room", "delete something")

    trained(
        folder / "c", Watch(before=3, what=fail if processes.first else lambda: None), processes
    )


def _second_is_killed(processes: Processes, folder: Path) -> None:
    kill = (lambda: None) if processes.first else (lambda: os._exit(9))
    trained(folder / "c", Watch(before=3, what=kill), processes)


def test_if_one_process_fails_all_end_with_its_code_and_its_sentence_is_said_once(
    tmp_path: Path,
) -> None:
    started = time.monotonic()
    assert start(_first_has_no_room, tmp_path) == [2, 2]
    assert time.monotonic() - started < 60  # no exchange was waited for to its limit
    printed = [(tmp_path / f"printed-{rank}.txt").read_text() for rank in range(2)]
    assert printed[0].startswith("sqlforge: Got a full disk")
    assert printed[1] == ""


def test_if_one_process_is_killed_the_other_says_so_and_ends(tmp_path: Path) -> None:
    assert start(_second_is_killed, tmp_path) == [1, 9]
    printed = (tmp_path / "printed-0.txt").read_text()
    assert printed.startswith("sqlforge: ")
    assert printed.endswith(f"{ENDED}\n")
    assert printed.count("\n") == 1


# --- what a launcher says -----------------------------------------------------------------------


def test_a_process_sees_its_own_card_and_libraries_see_no_launcher() -> None:
    told = {
        "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "node", "MASTER_PORT": "123", "ACCELERATE_MIXED_PRECISION": "no",
        "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b", "HOME": "/root",
    }  # fmt: skip
    launch = take_launch(told, lambda: 2)
    assert launch is not None
    assert (launch.rank, launch.size, launch.host, launch.port) == (3, 4, "node", 123)
    assert not launch.holds_store
    assert told == {
        "MASTER_ADDR": "node", "MASTER_PORT": "123", "CUDA_VISIBLE_DEVICES": "GPU-b",
        "HOME": "/root",
    }  # fmt: skip


@pytest.mark.parametrize("told", [{}, {"WORLD_SIZE": "8"}, {"RANK": "0", "WORLD_SIZE": "1"}])
def test_one_process_is_none(told: dict[str, str]) -> None:
    assert take_launch(told, lambda: 2) is None


def test_accelerates_own_sharding_is_named() -> None:
    told = {"RANK": "0", "WORLD_SIZE": "2", "ACCELERATE_USE_FSDP": "true"}
    launch = take_launch(told, lambda: 0)
    assert launch is not None
    assert launch.sharding == "FSDP"


def test_more_processes_than_cards_or_no_nccl_is_one_sentence() -> None:
    told = {"RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}
    with pytest.raises(ModelError, match=r"4 processes on a machine with 2 visible cards"):
        Processes(take_launch(dict(told), lambda: 2)).check("cuda")
    Processes(take_launch(dict(told), lambda: 2)).check("cpu")
    if not torch.distributed.is_nccl_available():
        with pytest.raises(ModelError, match=r"a PyTorch without NCCL"):
            Processes(take_launch(dict(told), lambda: 4)).check("cuda")


def test_cards_that_cannot_be_told_apart_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "CUDA_VISIBLE_DEVICES": "4,6"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)  # whatever is visible
    with pytest.raises(ModelError, match="NVML"), together():
        pass


def test_packs_that_cannot_be_shared_out_are_cut_into_parts_of_about_the_same_length() -> None:
    packs = tiny_packs(budget=120)
    owns = [OwnPacks(packs, rank, 2, cut=True) for rank in range(2)]
    for whole, *parts in zip(packs, *owns, strict=True):
        assert sum(part.examples for part in parts) == whole.examples
        labels = sorted(label for part in parts for label in part.labels if label != IGNORED)
        assert labels == sorted(label for label in whole.labels if label != IGNORED)
    lengths = [sum(map(len, own)) for own in owns]
    assert max(lengths) < 1.2 * min(lengths)


def test_a_pack_of_one_example_is_one_processes_and_counts_nothing_in_the_other() -> None:
    (single,) = plan_packs([Encoded((5, 6, 7), (9, 2))], ["a"], **ONE)
    mine, other = (OwnPacks([single], rank, 2, cut=True)[0] for rank in range(2))
    assert (mine.examples, other.examples) == (1, 0)
    assert mine.input_ids == single.input_ids


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_launcher_for_a_verb_that_cannot_share_is_refused_once(
    rank: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["sqlforge", "predict"])
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    said = "sqlforge: Got several processes for 'predict'" if rank == "0" else ""
    assert capsys.readouterr().err.startswith(said)
