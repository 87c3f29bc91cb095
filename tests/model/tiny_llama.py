"""A Llama of two layers with random weights: small enough to compare gradients and be killed.

Its architecture, attention and adapters are those of the real ones; only the numbers mean nothing.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback

from sqlforge.model.adapt import add_lora, save_adapter
from sqlforge.model.load import Source
from sqlforge.model.pack import Pack, plan_packs
from sqlforge.model.progress import MetricsLog
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import train
from sqlforge.prompt.encode import Encoded

VOCABULARY = 97
END = 2


def tiny_llama(*, seed: int = 0, spread: float = 0.2, layers: int = 2) -> LlamaForCausalLM:
    """A few layers of width 64, grouped heads, fp32; weights are drawn as widely as ``spread``."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=spread,
        bos_token_id=1,
        eos_token_id=END,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


def tiny_adapted(*, dropout: float = 0.0, draw_b: bool = True, dtype: str = "float32") -> Any:
    """The tiny model with LoRA on all seven projections; B is not left at zero."""
    source = Source("tiny", "tiny", None)
    adapted = add_lora(tiny_llama(), source, rank=4, alpha=8, dropout=dropout, dtype=dtype, seed=3)
    return with_drawn_b(adapted) if draw_b else adapted


def with_drawn_b(adapted: Any, spread: float = 0.05) -> Any:
    """Draw every B: at zero, A would have no gradient and the adapter no effect."""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            drawn = spread * torch.randn(parameter.shape, generator=generator)
            parameter.data = drawn.to(parameter)
    return adapted


def made_up_examples(count: int, *, schemas: int, seed: int = 0) -> tuple[list[Encoded], list[str]]:
    """Encoded examples, and the key of each one's schema; lengths and schemas vary."""
    rng = random.Random(seed)

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randrange(3, VOCABULARY) for _ in range(rng.randint(low, high)))

    trunks = [draw(8, 20) for _ in range(schemas)]
    encoded, keys = [], []
    for index in range(count):
        key = index % schemas
        encoded.append(Encoded((*trunks[key], *draw(1, 6)), (*draw(1, 7), END)))
        keys.append(f"schema {key}")
    return encoded, keys


def tiny_packs(count: int = 60, budget: int = 90) -> list[Pack]:
    """Packs over five made-up schemas."""
    encoded, keys = made_up_examples(count, schemas=5)
    return plan_packs(encoded, keys, budget=budget, questions_per_schema=4, seed=1)


def settings(steps: int, **changes: Any) -> TrainSettings:
    """Plain settings for the CPU in fp32."""
    values: dict[str, Any] = {
        "learning_rate": 1e-2,
        "warmup_share": 0.0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "accumulation": 1,
        "steps": steps,
        "checkpoint_steps": 4,
        "gradient_checkpointing": False,
        "autocast_bf16": False,
        "cpu": True,
        "seed": 11,
    }
    return TrainSettings(**(values | changes))


def train_in(folder: Path, threads: int = 1) -> None:
    """A whole run in ``folder``, as a process of its own: it may be killed and started again."""
    torch.set_num_threads(threads)
    packs = tiny_packs()
    steps = len(packs) // 2
    model = tiny_adapted(dropout=0.1, draw_b=False)
    log = MetricsLog(folder / "metrics.jsonl", packs, 2, steps, Console(quiet=True))
    summary = train(
        model,
        packs[: 2 * steps],
        settings(steps, accumulation=2, checkpoint_steps=2),
        folder / "checkpoints",
        [log],
        log.resume,
    )
    save_adapter(model, folder / "adapter")
    (folder / "summary.json").write_text(json.dumps(asdict(summary)))


class StopBefore(TrainerCallback):
    """Breaks training off before a step, as a kill would."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step + 1 == self._step:
            raise InterruptedError
