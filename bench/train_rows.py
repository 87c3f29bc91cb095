"""What bench/train_throughput.py measures: its rows, in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from train_prompts import MISTRAL, SMOLLM2


@dataclass(frozen=True, slots=True)
class Asked:
    """One way to train.

    ``tokens`` is a micro-batch's budget (of a row where peers pack ``rows`` of them); ``questions``
    how many share a schema; ``recomputed`` the layers that are, ``None`` all; ``off`` the kernels
    that PyTorch's own steps stand in for; ``cap`` GiB that PyTorch may reserve.
    """

    name: str
    stack: Literal["ours", "trl", "unsloth"] = "ours"
    model: str = MISTRAL
    tokens: int = 8_192
    rows: int = 1
    questions: int = 1
    rank: int = 64
    dropout: float = 0.05
    adapter_dtype: str = "float32"
    optimizer: str = "adamw"
    recomputed: int | None = None
    step: str = "fused"
    embedding: str = "card"
    graphs: bool = False
    off: tuple[str, ...] = ()
    cap: float | None = 11.25
    warm: int = 3
    timed: int = 8
    limit: int = 80  # seconds that the row may take
    packing: bool = True
    liger: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What a row came to. ``tokens`` are those computed, no padding; where questions share a
    schema, that counts once, so ``example_tokens`` are what the same examples have alone.
    """

    name: str
    tokens_per_second: float = 0.0
    example_tokens_per_second: float = 0.0
    examples_per_second: float = 0.0
    reserved: float = 0.0  # GiB
    allocated: float = 0.0
    seconds: float = 0.0  # a step
    adapters: str = ""
    states: str = ""
    loss: float = 0.0
    failed: str = ""
    card: str = ""
    commit: str = ""


_MAIN = Asked("mistral")
_SHORT = replace(_MAIN, tokens=512, timed=6, adapter_dtype="bfloat16")
_SMOL = Asked(
    "smollm2",
    model=SMOLLM2,
    tokens=65_536,
    recomputed=0,
    cap=None,
    timed=20,
    adapter_dtype="bfloat16",
)
OURS = (
    _MAIN,
    replace(_MAIN, name="mistral_no_dropout", dropout=0.0),
    replace(_MAIN, name="mistral_10_5", cap=10.5),
    replace(_MAIN, name="mistral_16_bit", adapter_dtype="bfloat16"),
    replace(_MAIN, name="mistral_9216", tokens=9_216),
    replace(_MAIN, name="mistral_shared_schemas", questions=8),
    replace(_MAIN, name="mistral_plain_nf4", off=("nf4",)),
    replace(_MAIN, name="mistral_plain_adapters", off=("adapters",)),
    replace(_MAIN, name="mistral_plain_pointwise", off=("norm", "rotate", "gated")),
    replace(_MAIN, name="mistral_512", tokens=512, timed=6),
    replace(_SHORT, name="mistral_512_32bit", optimizer="adamw-32bit"),
    replace(_SHORT, name="mistral_512_32bit_host", optimizer="adamw-32bit", embedding="host"),
    replace(_MAIN, name="mistral_512_paged", tokens=512, optimizer="paged-adamw", timed=6),
    replace(_SHORT, name="mistral_512_8bit", optimizer="adamw-8bit"),
    replace(_SHORT, name="mistral_512_8bit_host", optimizer="adamw-8bit", embedding="host"),
    _SMOL,
    replace(_SMOL, name="smollm2_98304", tokens=98_304),
    replace(_SMOL, name="smollm2_131072", tokens=131_072, recomputed=4, timed=12),
    replace(_SMOL, name="smollm2_262144", tokens=262_144, recomputed=20, timed=6),
    replace(_SMOL, name="smollm2_32768", tokens=32_768),
    replace(_SMOL, name="smollm2_8192", tokens=8_192, timed=40),
    replace(_SMOL, name="smollm2_graphs", graphs=True, warm=8),
    replace(_SMOL, name="smollm2_98304_graphs", tokens=98_304, graphs=True, warm=8),
    replace(_SMOL, name="smollm2_8192_graphs", tokens=8_192, timed=40, graphs=True, warm=20),
    replace(_SMOL, name="smollm2_rank_16", rank=16),
    replace(_SMOL, name="smollm2_rank_16_131072", rank=16, tokens=131_072, recomputed=4, timed=12),
    replace(_SMOL, name="smollm2_no_dropout", dropout=0.0),
)  # fmt: skip
MORE = (
    replace(_MAIN, name="mistral_layers", step="plain", timed=5),
    replace(_MAIN, name="mistral_12288_8bit", tokens=12_288, optimizer="adamw-8bit"),
    replace(_MAIN, name="mistral_4096", tokens=4_096),
    replace(_MAIN, name="mistral_4096_26_recomputed", tokens=4_096, recomputed=26),
    replace(_SMOL, name="smollm2_shared_schemas", questions=16),
    replace(_SMOL, name="smollm2_plain_pointwise", off=("norm", "rotate", "gated")),
    replace(_SMOL, name="smollm2_layers", step="plain", timed=8),
)
"""Ablations that come after the peers, if there is time."""
_PEER = Asked("", tokens=2_048, timed=5, warm=2, limit=280)
PEERS = (
    replace(_PEER, name="unsloth", stack="unsloth", rows=8),
    replace(_PEER, name="unsloth_no_dropout", stack="unsloth", rows=8, dropout=0.0),
    replace(_PEER, name="trl_reference", stack="trl", packing=False, timed=12),
    replace(_PEER, name="trl_liger", stack="trl", rows=2, liger=True),
    replace(_PEER, name="trl_liger_no_dropout", stack="trl", rows=2, liger=True, dropout=0.0),
)
TINY = {
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
"""Shapes of a dry run."""
