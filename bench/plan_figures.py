"""What the planner says of the reference recipe and of the catalog's models: nothing measured.

Writes ``docs/results/plan.json``. What was measured against it is in ``memory_plan.json``.
"""

from __future__ import annotations

from dataclasses import replace

from claims import ClaimRow, write_claims
from finished_run import print_rows
from sqlforge.plan.advice import Asked, largest_packs
from sqlforge.plan.cards import find_card
from sqlforge.plan.catalog import shape_of
from sqlforge.plan.lengths import carried_corpus
from sqlforge.plan.matrix import Candidate, matrix
from sqlforge.plan.memory import budget
from sqlforge.plan.model_shape import ModelShape
from sqlforge.plan.training import Training
from sqlforge.plan.weights import base_bytes

GIB = 2**30
CARD = "RTX 3060 12 GB"
RECIPE = Training(checkpointed=32)
PACK_TOKENS = 8_192


def main() -> None:
    mistral = shape_of("mistral-7b-v0.3")
    rows = [*hand_budget(mistral), *reference(mistral)]
    for one in matrix():
        rows += candidate(one)
    print_rows(rows)
    print(write_claims("plan", command="python bench/plan_figures.py", seed=None, rows=rows))


def hand_budget(shape: ModelShape) -> list[ClaimRow]:
    """The items that a budget by hand has, in GB."""
    numbers = shape.adapter_parameters(RECIPE.rank)
    return [
        ClaimRow("mistral_parameters", shape.parameters),
        ClaimRow("mistral_adapter_numbers", numbers),
        ClaimRow("mistral_base_bf16", base_bytes(shape, quantised=False) / 1e9, "GB"),
        ClaimRow("mistral_base_nf4", base_bytes(shape, quantised=True) / 1e9, "GB"),
        ClaimRow("mistral_adapters_bf16", 2 * numbers / 1e9, "GB"),
        ClaimRow("mistral_adapters_fp32", 4 * numbers / 1e9, "GB"),
        ClaimRow("mistral_adamw_fp32", 8 * numbers / 1e9, "GB"),
        ClaimRow("mistral_adamw_8bit", 2 * numbers * (1 + 4 / 256) / 1e9, "GB"),
    ]


def reference(shape: ModelShape) -> list[ClaimRow]:
    """The reference recipe, and what each of its choices costs."""
    usable = find_card(CARD).usable
    asked = Asked(shape, RECIPE, carried_corpus().within(2_048), PACK_TOKENS)
    found = asked.budget()
    packs = asked.packs()
    rows = [
        ClaimRow(f"recipe_{part}", getattr(found, part) / GIB, "GiB")
        for part in ("weights", "head", "adapters", "gradients", "optimizer", "activations",
                     "logits", "dequantised", "kernels", "fragmentation", "reserved")
    ]  # fmt: skip
    rows.append(ClaimRow("recipe_headroom", (usable - found.reserved) / GIB, "GiB"))
    rows.append(ClaimRow("recipe_largest_pack_tokens", largest_packs(asked, usable)))
    changed = {
        "adamw_8bit": replace(RECIPE, optimizer="adamw-8bit"),
        "paged": replace(RECIPE, optimizer="paged-adamw-8bit"),
        "bf16_adapters": replace(RECIPE, adapter_dtype="bfloat16"),
        "no_recomputation": replace(RECIPE, checkpointed=0),
        "half_recomputed": replace(RECIPE, checkpointed=16),
        "rank_16": replace(RECIPE, rank=16),
    }
    for name, training in changed.items():
        reserved = budget(shape, training, packs).reserved
        rows.append(ClaimRow(f"recipe_{name}_reserved", reserved / GIB, "GiB"))
    fixed = budget(shape, RECIPE, packs, expandable=False).reserved
    rows.append(ClaimRow("recipe_fixed_segments_reserved", fixed / GIB, "GiB"))
    # Micro-batches of 512 tokens, one a step.
    short = asked.with_packs_of(512)
    for name, optimizer in (
        ("adamw", "adamw"),
        ("8bit", "adamw-8bit"),
        ("paged_adamw", "paged-adamw"),
    ):
        training = replace(RECIPE, optimizer=optimizer)
        reserved = budget(shape, training, short.packs()).reserved
        rows.append(ClaimRow(f"tokens_512_{name}_states_reserved", reserved / GIB, "GiB"))
        narrow = replace(training, adapter_dtype="bfloat16")
        reserved = budget(shape, narrow, short.packs()).reserved
        name = f"tokens_512_{name}_states_bf16_adapters_reserved"
        rows.append(ClaimRow(name, reserved / GIB, "GiB"))
    return rows


def candidate(one: Candidate) -> list[ClaimRow]:
    """One column of the decision matrix."""
    name = one.shape.name.replace("-", "_").replace(".", "_")
    return [
        ClaimRow(f"{name}_parameters", one.shape.parameters),
        ClaimRow(f"{name}_reserved", one.budget.reserved / GIB, "GiB"),
        ClaimRow(f"{name}_largest_pack_tokens", one.largest_packs),
        ClaimRow(f"{name}_hours", one.speed.hours, "h"),
    ]


if __name__ == "__main__":
    main()
