"""How TRL's trainer is told of a run of reinforcement."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from trl import GRPOConfig

from sqlforge.model.reinforce import ReinforceSettings


def arguments(settings: ReinforceSettings, checkpoints: Path) -> GRPOConfig:
    """What TRL is told."""
    known = {field.name for field in fields(GRPOConfig)}
    # transformers renamed the two in 5.2x and warns about the old names.
    kind = "activation" if "activation_checkpointing" in known else "gradient"
    steps = settings.steps * settings.updates
    of_group = settings.loss != "dr_grpo"  # which says not to divide by a group's spread
    options: dict[str, Any] = {
        f"{kind}_checkpointing": settings.gradient_checkpointing,
        f"{kind}_checkpointing_kwargs": {"use_reentrant": False},
    }
    config = GRPOConfig(
        output_dir=str(checkpoints),
        # The whole step at once: its passes are cut by tokens, not by texts.
        per_device_train_batch_size=settings.questions * settings.samples,
        gradient_accumulation_steps=1,
        num_generations=settings.samples,
        num_iterations=settings.updates,
        max_steps=steps,
        max_completion_length=settings.max_new_tokens,
        temperature=settings.temperature,
        shuffle_dataset=False,
        loss_type=settings.loss,
        scale_rewards="group" if of_group else "none",
        epsilon=settings.clip,
        epsilon_high=settings.clip_high,
        beta=settings.kl,
        disable_dropout=True,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=round(settings.warmup_share * steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim="adamw_torch" if settings.cpu else "adamw_torch_fused",
        bf16=False,  # else TRL's default
        use_cpu=settings.cpu,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps * settings.updates,
        save_total_limit=2,
        report_to="none",
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=not settings.cpu,
        disable_tqdm=True,
        seed=settings.seed,
        **options,
    )
    config._n_gpu = min(1, config.n_gpu)  # one process drives one card, however many there are
    return config
