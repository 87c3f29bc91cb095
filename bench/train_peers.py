"""The others' side of bench/train_throughput.py: TRL and Unsloth, one row a process."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from train_prompts import FOLDER, MISTRAL, SEED, prompts
from train_rows import Asked, Measured

GIB = 2**30
_BEGUN = time.perf_counter()
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def measured(asked: Asked, dry: bool) -> Measured:
    """Train as ``asked`` and take time and memory."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    # What one row has compiled, the next on this machine finds.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", f"{tempfile.gettempdir()}/sqlforge-inductor")
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", f"{tempfile.gettempdir()}/sqlforge-unsloth")
    if asked.stack == "unsloth":
        import unsloth  # noqa: F401  # before all others: it patches them
    import torch

    _tell(asked, "imported")
    cuda = torch.cuda.is_available()
    if cuda and asked.cap is not None:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(asked.cap * GIB / total)
    model, tokenizer = _unsloth(asked) if asked.stack == "unsloth" else _transformers(dry)
    _tell(asked, "weights loaded")
    trainer = _trainer(asked, model, tokenizer, dry)
    _tell(asked, "trainer made")
    counted, lengths = [0, 0], _counting(trainer)
    clock = _clock(asked, counted, lengths)
    trainer.add_callback(clock)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    trainer.train()
    seconds = clock.ended - clock.begun
    tokens = counted[1] - counted[0]
    encoded, _ = prompts(asked.model)
    alone = sum(map(len, encoded)) / len(encoded)
    trained = next(p for p in trainer.model.parameters() if p.requires_grad)
    return Measured(
        name=asked.name,
        tokens_per_second=tokens / seconds,
        example_tokens_per_second=tokens / seconds,
        examples_per_second=tokens / alone / seconds,
        reserved=torch.cuda.max_memory_reserved() / GIB if cuda else 0.0,
        allocated=torch.cuda.max_memory_allocated() / GIB if cuda else 0.0,
        seconds=seconds / asked.timed,
        adapters=str(trained.dtype).removeprefix("torch."),
        states=_states(trainer),
        loss=clock.loss,
    )


def _tell(asked: Asked, what: str) -> None:
    """Where a row that is too slow has got to."""
    print(f"| {asked.name}: {what} at {time.perf_counter() - _BEGUN:.0f} s", flush=True)


def weights(dry: bool) -> Path:
    """Where the peers, which load from a folder, find random weights; there once they are whole."""
    return Path(tempfile.gettempdir()) / f"sqlforge-random-mistral{'-tiny' if dry else ''}"


def save_weights(dry: bool) -> None:
    """Random weights in NF4 and the tokenizer, in a folder."""
    from sqlforge.model.load import nf4_config
    from train_ours import base_model

    if weights(dry).exists():
        return
    import torch

    base = base_model(MISTRAL, dry)
    base.config.quantization_config = nf4_config(torch.bfloat16).to_dict()
    base.config.architectures = ["MistralForCausalLM"]
    part = weights(dry).with_suffix(".part")
    base.save_pretrained(part)
    _tokenizer().save_pretrained(part)
    part.rename(weights(dry))


def _tokenizer() -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER / "tokenizer")
    tokenizer.padding_side = "right"
    return tokenizer


def _transformers(dry: bool) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM

    place = {"": "cpu" if dry else "cuda"}
    return AutoModelForCausalLM.from_pretrained(weights(dry), device_map=place), _tokenizer()


def _unsloth(asked: Asked) -> tuple[Any, Any]:
    from unsloth import FastLanguageModel

    model, tokenizer = FastLanguageModel.from_pretrained(
        str(weights(dry=False)),
        max_seq_length=asked.tokens,
        load_in_4bit=True,
        local_files_only=True,
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=asked.rank,
        lora_alpha=16,
        lora_dropout=asked.dropout,
        target_modules=TARGETS,
        use_gradient_checkpointing="unsloth",
        random_state=SEED,
    )
    return model, tokenizer


def _trainer(asked: Asked, model: Any, tokenizer: Any, dry: bool) -> Any:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    encoded, _ = prompts(asked.model)
    rows = [
        {
            "input_ids": [*e.prompt, *e.answer],
            "completion_mask": [0] * len(e.prompt) + [1] * len(e.answer),
        }
        for e in encoded
    ]
    arguments = SFTConfig(
        output_dir="/tmp/sqlforge-peer",
        max_length=asked.tokens,
        packing=asked.packing,
        per_device_train_batch_size=asked.rows,
        gradient_accumulation_steps=1,
        max_steps=asked.warm + asked.timed,
        learning_rate=1e-5,
        optim="adamw_torch" if dry else "adamw_torch_fused",
        bf16=True,
        use_cpu=dry,
        use_liger_kernel=asked.liger,
        gradient_checkpointing=True,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataset_num_proc=None,
        completion_only_loss=True,
        seed=SEED,
    )
    adapters = LoraConfig(
        r=asked.rank,
        lora_alpha=16,
        lora_dropout=asked.dropout,
        target_modules=TARGETS,
        task_type="CAUSAL_LM",
    )
    return SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=None if asked.stack == "unsloth" else adapters,
    )


def _counting(trainer: Any) -> list[int]:
    """Counts the tokens of each micro-batch from here on, padding left out."""
    found: list[int] = []
    inner = trainer.training_step

    def step(model: Any, inputs: Any, *more: Any, **options: Any) -> Any:
        mask = inputs.get("attention_mask")
        ids = inputs["input_ids"]
        found.append(
            int(mask.sum()) if mask is not None and mask.shape == ids.shape else ids.numel()
        )
        return inner(model, inputs, *more, **options)

    trainer.training_step = step
    return found


def _clock(asked: Asked, counted: list[int], lengths: list[int]) -> Any:
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        begun = ended = loss = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 1:
                _tell(asked, "first step done")
            if state.global_step not in (asked.warm, asked.warm + asked.timed):
                return
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if state.global_step == asked.warm:
                self.begun, counted[0] = time.perf_counter(), sum(lengths)
            else:
                self.ended, counted[1] = time.perf_counter(), sum(lengths)

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.loss = kwargs["logs"].get("loss", self.loss)

    return Clock()


def _states(trainer: Any) -> str:
    import torch

    state = next(iter(trainer.optimizer.state.values()), {})
    kinds = {str(v.dtype) for v in state.values() if isinstance(v, torch.Tensor) and v.numel() > 1}
    return ", ".join(sorted(kinds)).replace("torch.", "")
