"""The base models that SQLForge knows by name.

Sizes are facts of the published configurations; a chat template stands here only where the
published tokenizer has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SEVEN_PROJECTIONS = (
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
)
FUSED_PROJECTIONS = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")

# Rendered text must tokenise to what mistral-common's v3 tokenizer gives: a blank after [INST] is
# the SentencePiece prefix of the text, a blank before [/INST] would be a token of its own (29473).
_MISTRAL_V3_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}[INST] {{ message['content'] }}[/INST]"
    "{% elif message['role'] == 'assistant' %} {{ message['content'] }}{{ eos_token }}"
    "{% endif %}{% endfor %}"
)
_LLAMA3_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% else %}<|eot_id|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model and what the planner and trainer must know of it.

    ``parameters`` counts weights once (tied embeddings once). ``embedded`` models come out of a
    Python package instead of the hub.
    """

    name: str
    hub_id: str
    licence: str
    gated: bool
    parameters: int
    layers: int
    hidden_size: int
    vocabulary: int
    context: int
    lora_targets: tuple[str, ...] = SEVEN_PROJECTIONS
    chat_template: str | None = None
    embedded: bool = False


_SMOLLM2 = BaseModel(
    name="smollm2-135m",
    hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    licence="Apache-2.0",
    gated=False,
    parameters=134_515_008,
    layers=30,
    hidden_size=576,
    vocabulary=49_152,
    context=8_192,
    embedded=True,
)

CATALOG: dict[str, BaseModel] = {
    model.name: model
    for model in (
        _SMOLLM2,
        replace(_SMOLLM2, name="smollm2-135m-hub", embedded=False),
        BaseModel(
            name="mistral-7b-v0.3",
            hub_id="mistralai/Mistral-7B-v0.3",
            licence="Apache-2.0",
            gated=False,
            parameters=7_248_023_552,
            layers=32,
            hidden_size=4_096,
            vocabulary=32_768,
            context=32_768,
            chat_template=_MISTRAL_V3_TEMPLATE,
        ),
        BaseModel(
            name="llama-3.1-8b",
            hub_id="meta-llama/Llama-3.1-8B",
            licence="LicenseRef-Llama-3.1-Community",
            gated=True,
            parameters=8_030_261_248,
            layers=32,
            hidden_size=4_096,
            vocabulary=128_256,
            context=131_072,
            chat_template=_LLAMA3_TEMPLATE,
        ),
        BaseModel(
            name="phi-3.5-mini",
            hub_id="microsoft/Phi-3.5-mini-instruct",
            licence="MIT",
            gated=False,
            parameters=3_821_079_552,
            layers=32,
            hidden_size=3_072,
            vocabulary=32_064,
            context=131_072,
            lora_targets=FUSED_PROJECTIONS,
        ),
    )
}
