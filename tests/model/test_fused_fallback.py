"""Where kernels do not run PyTorch's operations do, which is said; no other fault is hidden.

Compilers that fail cannot be had here, so kernels are stood in for by functions that raise.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from subprocess import CalledProcessError
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from sqlforge.model import fused
from sqlforge.model.fused import ops
from sqlforge.model.fused.ops import Drop

Logged = pytest.LogCaptureFixture
CPU = torch.device("cpu")
ROWS, SIZE, RANK = 6, 64, 8


@pytest.fixture
def triton_error(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    """Triton's class of errors, or one in its place where Triton is not installed."""
    name = "triton.runtime.errors"
    if importlib.util.find_spec("triton") is None:
        for part in ("triton", "triton.runtime", name):
            monkeypatch.setitem(sys.modules, part, ModuleType(part))
        error = type("TritonError", (Exception,), {})
        monkeypatch.setattr(sys.modules[name], "TritonError", error, raising=False)
    found: type[Exception] = importlib.import_module(name).TritonError
    return found


@pytest.fixture(autouse=True)
def all_kernels_on() -> Iterator[None]:
    ops.turn_on()
    yield
    ops.turn_on()


class Raising:
    """Stands for the module of kernels."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    def __getattr__(self, name: str) -> Callable[..., None]:
        def kernel(*_: Any) -> None:
            raise self._fault

        return kernel


def computed() -> list[torch.Tensor]:
    """What every operation with a kernel makes of the same numbers."""
    torch.manual_seed(0)
    x, grad, weight = torch.randn(ROWS, SIZE), torch.randn(ROWS, SIZE), torch.randn(SIZE)
    a, read, drop = torch.randn(RANK, SIZE), torch.randn(ROWS, RANK), Drop(0.3, 7)
    angles = torch.randn(ROWS, SIZE // 4).repeat(1, 2)
    normed, product, turned = torch.empty_like(x), x.new_empty(ROWS, SIZE // 2), x.clone()
    placed = torch.empty_like(x)
    to_gates, total, logits, h = x.clone(), x.clone(), x.clone(), x.new_empty(ROWS, RANK)
    ops.norm(x, weight, 1e-5, normed)
    ops.rotate(turned, angles.cos(), angles.sin(), 2)
    ops.gated(x, product)
    ops.gated_backward(grad[:, : SIZE // 2], to_gates)
    ops.down(x, a, h, drop)
    ops.down_backward(total, read, a, drop, total)
    ops.placed(x, placed)
    return [
        normed, turned, product, to_gates, h, total, placed,
        ops.norm_backward(grad, x, weight, 1e-5, None),
        ops.down_grad(read, x, drop, 2.0),
        ops.cross_entropy(logits, torch.arange(ROWS)), logits,
    ]  # fmt: skip


def test_kernels_that_do_not_compile_give_way_to_pytorch_and_each_is_said_once(
    triton_error: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: Logged
) -> None:
    wanted = computed()
    failing = Raising(triton_error("out of resource: shared memory, Required: 104448"))
    monkeypatch.setattr(ops, "_kernels", lambda name, x: None if name in ops._OFF else failing)
    for got, expected in zip(computed(), wanted, strict=True):
        assert torch.equal(got, expected)
    computed()
    names = [record.getMessage().split("'")[1] for record in caplog.records]
    assert sorted(names) == ["adapters", "cross_entropy", "gated", "norm", "placed", "rotate"]
    assert all("104448" in record.getMessage() for record in caplog.records)


@pytest.mark.usefixtures("triton_error")
def test_what_goes_wrong_inside_a_kernel_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Raising(RuntimeError("an illegal memory access was encountered"))
    monkeypatch.setattr(ops, "_kernels", lambda name, x: failing)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        computed()
    assert not ops._OFF


@pytest.mark.parametrize(
    "fault",
    [
        CalledProcessError(1, ["gcc", "launcher.c"]),  # Python's headers are missing
        RuntimeError("Failed to find C compiler"),
        None,  # Triton's own: the card is too old for its assembler
    ],
)
def test_triton_that_runs_nothing_is_said_and_left_alone(
    fault: Exception | None,
    triton_error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: Logged,
) -> None:
    raised = fault or triton_error("PTXAS error: sm_60 is not defined")
    monkeypatch.setattr(fused, "launch", Raising(raised), raising=False)
    ops._module.cache_clear()
    assert ops._module(torch.device("cpu")) is None
    assert ops._module(torch.device("cpu")) is None
    (record,) = caplog.records
    assert str(raised)[:40] in record.getMessage()
    ops._module.cache_clear()


@pytest.mark.usefixtures("triton_error")
def test_kernels_are_used_where_the_simplest_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = SimpleNamespace(gated=lambda x, out: None)
    monkeypatch.setattr(fused, "launch", launch, raising=False)
    ops._module.cache_clear()
    assert ops._module(torch.device("cpu")) is launch
    ops._module.cache_clear()


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_dropouts_elements_are_as_good_as_independent(share: float) -> None:
    rows, columns = 2_048, 768
    masks = [ops.mask(rows, columns, Drop(share, seed), CPU).float() for seed in (7, 8)]
    first, second = ((m - m.mean()) / m.std() for m in masks)
    assert abs(float(masks[0].mean()) - (1 - share)) < 0.002
    for own, other in ((first, None), (first.T, None), (first, second)):
        by_chance = own.shape[1] ** -0.5
        found = own @ (own if other is None else other).T / own.shape[1]
        if other is None:
            found.fill_diagonal_(0)
        assert float(found.std()) == pytest.approx(by_chance, rel=0.01)
        assert float(found.abs().max()) < 9 * by_chance
    for axis in (0, 1):  # no row and no column loses more than chance has it
        spread = float(masks[0].mean(axis).std())
        expected = (share * (1 - share) / masks[0].shape[axis]) ** 0.5
        assert spread == pytest.approx(expected, rel=0.1)
