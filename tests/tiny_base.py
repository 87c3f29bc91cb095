"""A base model so small that it learns nothing, with a real tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_tiny_base(folder: Path) -> Path:
    """A Llama of two layers with SmolLM2's tokenizer and weights drawn by seed."""
    import torch

    from sqlforge.model.load import load_tokenizer

    tokenizer = load_tokenizer("smollm2-135m")
    torch.set_num_threads(1)  # workers share the cores
    tiny_llama(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_llama(tokenizer: Any) -> Any:
    """The same, not written down."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)
