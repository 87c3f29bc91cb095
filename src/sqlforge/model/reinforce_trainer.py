"""TRL's GRPO trainer on our sampler, with log-probabilities under the masks of the samples.

Two things differ from TRL's own: answers come from :class:`Sampler`, with their rewards, and
probabilities are those of the masked policy that drew them. Loss, advantages, clipping, the
distance to the reference and the loop are TRL's. See ``docs/decisions/0083-trls-grpo.md``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOTrainer

from sqlforge.core.errors import TrainingError
from sqlforge.model.checkpoints import whole_or_none
from sqlforge.model.reinforce import ReinforceSettings, save_policy
from sqlforge.model.reinforce_arguments import arguments
from sqlforge.model.reinforce_passes import How, answer_log_probabilities
from sqlforge.model.reinforce_sampling import Sample, Sampler, other_questions, with_signal

# TRL calls rollout_func experimental on every start; its version is bounded in pyproject.toml.
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")


class MaskedTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL is not typed
    """See the module's docstring.

    Args:
        sampler: on the same model.
        known: the numbers of questions, in the order in which they are dealt, again and again.
        settings: of the run.
        checkpoints: where it writes.
        callbacks: told of every step.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        sampler: Sampler,
        known: Sequence[int],
        settings: ReinforceSettings,
        checkpoints: Path,
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        self._sampler, self._settings, self._known = sampler, settings, known
        # Not by accelerate's autocast, which would stay on the model while the engine samples.
        self._how = How(settings.temperature, settings.update_tokens, settings.autocast_bf16)
        self._masks: torch.Tensor | None = None
        deals = (known[i % len(known)] for i in range(settings.steps * settings.questions))
        super().__init__(
            model=model,
            reward_funcs=[_execution],
            args=arguments(settings, checkpoints),
            train_dataset=Dataset.from_dict({"prompt": [str(number) for number in deals]}),
            processing_class=tokenizer,
            callbacks=[*callbacks, _FiniteGradients()],
            rollout_func=self._roll_out,
        )
        self.remove_callback(PrinterCallback)
        for parameter in self.model.parameters():
            if parameter.requires_grad:  # TRL rounds those on 4-bit weights to bf16
                parameter.data = parameter.data.float()

    def _roll_out(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Samples of the dealt questions, or of others where they teach nothing.

        Args:
            prompts: numbers of questions, each as often as it is to be answered.
            trainer: this one.
        """
        settings, started = self._settings, time.perf_counter()
        dealt = [int(number) for number in prompts[:: settings.samples]]
        key = f"{settings.seed}/{self.state.global_step}"
        groups = self._sampler.groups(dealt, settings.samples, f"{key}/0")
        drawn = list(groups)
        for redraw in range(1, settings.redraws + 1):
            silent = [place for place, group in enumerate(groups) if not with_signal(group)]
            asked = {group[0].question for group in drawn}
            fresh = other_questions(self._known, asked, len(silent), f"{key}/{redraw}")
            if not fresh:
                break
            found = self._sampler.groups(fresh, settings.samples, f"{key}/{redraw}")
            drawn += found
            for place, group in zip(silent, found, strict=False):
                groups[place] = group
        samples = [sample for group in groups for sample in group]
        self._note(groups, drawn, time.perf_counter() - started)
        self._masks = self._sampler.masks(samples)
        return {
            "prompt_ids": [list(self._sampler.prompt(s.question)) for s in samples],
            "completion_ids": [list(s.ids) for s in samples],
            "logprobs": None,  # TRL reads them with vLLM only
            "execution": [s.reward.value for s in samples],
        }

    def _note(
        self, groups: Sequence[Sequence[Sample]], drawn: Sequence[Sequence[Sample]], seconds: float
    ) -> None:
        """Facts of a step's samples for the log; the dealt questions are the first of ``drawn``."""
        dealt = [sample for group in drawn[: len(groups)] for sample in group]
        every = [sample for group in drawn for sample in group]
        for name, value in {
            "dealt": _share(s.reward.value for s in dealt),
            "right": _share(s.reward.right for s in dealt),
            "ran": _share(s.reward.ran for s in dealt),
            "timed_out": _share(s.reward.timed_out for s in dealt),
            "cut": _share(s.cut for s in dealt),
            "signal": _share(with_signal(group) for group in drawn),
            "used": _share(with_signal(group) for group in groups),
            "samples": len(every),
            "tokens": sum(len(s.ids) for s in every) / len(every),
            "sampling_seconds": seconds,
        }.items():
            self._metrics["train"][f"sqlforge/{name}"].append(float(value))

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        self._masks = None
        found = super()._generate_and_score_completions(inputs)
        if self._masks is not None:
            found["masks"] = self._masks
        return found

    def _compute_loss(self, model: Any, inputs: Any) -> Any:
        self._masks = inputs.get("masks")
        loss = super()._compute_loss(model, inputs)
        if not torch.isfinite(loss):
            raise _not_finite(f"the loss of step {self.state.global_step + 1} is {loss.item()}")
        return loss

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *args: Any,
        **options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Log-probabilities and entropies of the last ``logits_to_keep`` ids, ``[texts, ids]``."""
        logs, entropies = answer_log_probabilities(
            model, input_ids, attention_mask, logits_to_keep, self._masks, self._how
        )
        return logs, entropies, None

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: a run has its own."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights as safetensors, without the reference's copy of an adapter."""
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_policy(self.model, folder)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
        with whole_or_none(folder):
            super()._save_checkpoint(model, trial)


def _execution(prompts: Any, completions: Any, execution: list[float], **rest: Any) -> list[float]:
    """TRL's reward function: what the sampler has found out already."""
    return execution


def _share(found: Any) -> float:
    some = [float(value) for value in found]
    return sum(some) / len(some)


def _not_finite(what: str) -> TrainingError:
    return TrainingError(
        f"{what}; the last checkpoint is kept: lower reinforce.learning_rate and start again"
    )


class _FiniteGradients(TrainerCallback):
    """Stops before an update that would turn the weights into NaN."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        gradients = [p.grad for p in kwargs["model"].parameters() if p.grad is not None]
        if not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
            raise _not_finite(f"the gradient of step {state.global_step + 1} is nan")
