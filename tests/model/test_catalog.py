"""The facts in the catalog are those of the published configurations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Phi3Config

from sqlforge.core.errors import ModelError
from sqlforge.model.catalog import CATALOG, FUSED_PROJECTIONS, SEVEN_PROJECTIONS, BaseModel
from sqlforge.model.load import resolve

_HEADS: dict[str, tuple[type, dict[str, Any]]] = {
    # What the catalog does not keep, from each model's published config.json.
    "smollm2-135m": (
        LlamaConfig,
        {
            "intermediate_size": 1_536,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "tie_word_embeddings": True,
        },
    ),
    "mistral-7b-v0.3": (
        MistralConfig,
        {
            "intermediate_size": 14_336,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "tie_word_embeddings": False,
        },
    ),
    "llama-3.1-8b": (
        LlamaConfig,
        {
            "intermediate_size": 14_336,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "tie_word_embeddings": False,
        },
    ),
    "phi-3.5-mini": (
        Phi3Config,
        {
            "intermediate_size": 8_192,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "tie_word_embeddings": False,
        },
    ),
}


def _without_weights(base: BaseModel, layers: int) -> Any:
    kind, rest = _HEADS[base.name]
    config = kind(
        vocab_size=base.vocabulary,
        hidden_size=base.hidden_size,
        num_hidden_layers=layers,
        max_position_embeddings=base.context,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        **rest,
    )
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def _count(model: Any) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", _HEADS)
def test_parameter_counts_are_those_of_the_architecture(name: str) -> None:
    base = CATALOG[name]
    # All layers are alike, so two of them give the count of every depth.
    one, two = (_count(_without_weights(base, layers)) for layers in (1, 2))
    assert one + (base.layers - 1) * (two - one) == base.parameters


@pytest.mark.parametrize("name", _HEADS)
def test_lora_targets_are_all_projections_of_a_layer_and_no_other(name: str) -> None:
    base = CATALOG[name]
    layer = _without_weights(base, 1).model.layers[0]
    linear = {n.rsplit(".", 1)[-1] for n, m in layer.named_modules() if hasattr(m, "in_features")}
    assert linear == set(base.lora_targets)


def test_phi_fuses_its_projections_into_four_and_the_others_have_seven() -> None:
    assert CATALOG["phi-3.5-mini"].lora_targets == FUSED_PROJECTIONS
    assert len(FUSED_PROJECTIONS) == 4
    others = [base for name, base in CATALOG.items() if name != "phi-3.5-mini"]
    assert all(base.lora_targets == SEVEN_PROJECTIONS for base in others)


def test_the_catalog_names_the_models_of_the_recipes() -> None:
    assert {
        name: (base.hub_id, base.licence, base.gated, base.embedded)
        for name, base in CATALOG.items()
    } == {
        "smollm2-135m": ("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0", False, True),
        "smollm2-135m-hub": ("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0", False, False),
        "mistral-7b-v0.3": ("mistralai/Mistral-7B-v0.3", "Apache-2.0", False, False),
        "llama-3.1-8b": ("meta-llama/Llama-3.1-8B", "LicenseRef-Llama-3.1-Community", True, False),
        "phi-3.5-mini": ("microsoft/Phi-3.5-mini-instruct", "MIT", False, False),
    }


def test_a_hub_id_of_the_catalog_keeps_its_facts() -> None:
    found = resolve("microsoft/Phi-3.5-mini-instruct")
    assert found.base is CATALOG["phi-3.5-mini"]
    assert found.lora_targets == FUSED_PROJECTIONS
    assert resolve("somebody/a-model").base is None
    assert resolve("somebody/a-model").lora_targets == SEVEN_PROJECTIONS
    assert resolve("HuggingFaceTB/SmolLM2-135M-Instruct").base is CATALOG["smollm2-135m-hub"]


@pytest.mark.parametrize("name", ["mistral", "./nowhere", "/nowhere/at", "a/b/c", ""])
def test_a_name_that_is_nothing_known_names_what_would_be(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve(name)
    assert f"'{name}'" in str(caught.value)
    assert "mistral-7b-v0.3" in str(caught.value)


@pytest.mark.xdist_group("smollm2")
def test_smollm2_as_loaded_has_the_numbers_of_the_catalog(smol: Any, smol_tokenizer: Any) -> None:
    base = CATALOG["smollm2-135m"]
    assert sum(p.numel() for p in smol.parameters()) == base.parameters
    assert smol.config.num_hidden_layers == base.layers
    assert smol.config.hidden_size == base.hidden_size
    assert smol.config.vocab_size == base.vocabulary
    assert smol.config.max_position_embeddings == base.context
    assert smol_tokenizer.model_max_length == base.context
    layer = smol.model.layers[0]
    linear = {n.rsplit(".", 1)[-1] for n, m in layer.named_modules() if hasattr(m, "in_features")}
    assert linear == set(base.lora_targets)
