"""Training speed on this CPU: 16-bit LoRA with and without our attention, and QLoRA (NF4).

The same packs of the demo's corpus, rank 16, bf16 compute and adapters, one variant after the
other on each pack. Writes ``docs/results/cpu_training.json``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from claims import ROOT, ClaimRow, write_claims
from sqlforge.core.config import Recipe, load_recipe
from sqlforge.core.run_dir import open_run
from sqlforge.model.adapt import add_lora
from sqlforge.model.attention import PACKED, layout_of
from sqlforge.model.load import load_model, load_tokenizer, resolve
from sqlforge.model.pack import Pack, collate
from sqlforge.model.planned_steps import plan_steps
from sqlforge.model.quiet import quiet_libraries
from sqlforge.model.train import supervised_loss
from sqlforge.stages.prepare import prepare
from sqlforge.stages.train import tokenise_run

PACKS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    quiet_libraries()
    recipe = load_recipe(ROOT / "recipes" / "smollm2-135m-cpu.yaml")
    packs = _packs(recipe)
    lora = _model(recipe, "none")
    variants = {
        "lora": (lora, PACKED),
        "lora_torch_attention": (lora, "sdpa"),
        "qlora": (_model(recipe, "nf4"), PACKED),
    }
    for model, attention in variants.values():
        _step(model, attention, packs[0])
    times: dict[str, list[float]] = {name: [] for name in variants}
    for pack in packs:
        for name, (model, attention) in variants.items():
            times[name].append(_step(model, attention, pack) / len(pack))
        print(".", end="", flush=True)
    speeds = {name: 1 / statistics.median(found) for name, found in times.items()}
    rows = [ClaimRow(f"{name}_speed", speed, "tokens/s", n=PACKS) for name, speed in speeds.items()]
    rows += [
        ClaimRow("speed_lost_to_nf4", 1 - speeds["qlora"] / speeds["lora"], "fraction", n=PACKS),
        ClaimRow(
            "speed_won_by_own_attention",
            speeds["lora"] / speeds["lora_torch_attention"] - 1,
            "fraction",
            n=PACKS,
        ),
    ]
    print()
    for row in rows:
        print(f"{row.name:<28} {row.value:,.3g} {row.unit}")
    command = "python bench/cpu_training.py"
    print(write_claims("cpu_training", command=command, seed=recipe.seed, rows=rows))


def _packs(recipe: Recipe) -> Sequence[Pack]:
    with tempfile.TemporaryDirectory() as folder:
        run = open_run(Path(folder) / "run", recipe)
        prepare(recipe, run, None, lambda _: None)
        tokenizer: Any = load_tokenizer(recipe.model.name)
        packs, _ = plan_steps(recipe, tokenise_run(run, tokenizer).epochs)
        return sorted(packs, key=len)[-PACKS:]


def _model(recipe: Recipe, quantization: Any) -> Any:
    model = load_model(recipe.model.name, device="cpu", quantization=quantization)
    adapted: Any = add_lora(
        model,
        resolve(recipe.model.name),
        rank=recipe.train.rank,
        alpha=recipe.train.alpha,
        dropout=recipe.train.dropout,
        dtype=recipe.train.adapter_dtype,
        seed=recipe.seed,
    )
    return adapted.train()


def _step(model: Any, attention: str, pack: Pack) -> float:
    """Seconds of one forward and backward pass."""
    model.set_attn_implementation(attention)
    layout = layout_of(pack) if attention == PACKED else None
    started = time.perf_counter()
    loss = supervised_loss(model, collate(pack) | {"pack_layout": layout})
    (loss / len(pack)).backward()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    torch.manual_seed(7)
    main()
