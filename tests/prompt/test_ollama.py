"""Ollama's template writes what the chat template writes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from jinja2 import Environment
from jinja2.exceptions import TemplateError

from sqlforge.core.errors import ModelError
from sqlforge.model.catalog import CATALOG
from sqlforge.prompt.ollama import Render, go_template, modelfile, render_go
from sqlforge.prompt.template import Message

SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are SmolLM<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('none') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
TEMPLATES = {
    "smollm2": SMOLLM2,
    "no system": NO_SYSTEM,
    **{name: base.chat_template for name, base in CATALOG.items() if base.chat_template},
}


def _refuse(why: str) -> None:
    raise TemplateError(why)


def _render(template: str) -> Render:
    def render(messages: Sequence[Message], generate: bool) -> str:
        told = Environment(keep_trailing_newline=True).from_string(template)
        return told.render(
            messages=messages, add_generation_prompt=generate, bos_token="<s>", eos_token="</s>",
            raise_exception=_refuse,
        )  # fmt: skip

    return render


@pytest.mark.parametrize("name", TEMPLATES)
def test_both_templates_write_the_same(name: str) -> None:
    render = _render(str(TEMPLATES[name]))
    made = go_template(render)
    conversation: list[Message] = [
        {"role": "user", "content": "item(name, price)\n\nWhat costs {{ 3 }}?"},
        {"role": "assistant", "content": "SELECT name FROM item"},
        {"role": "user", "content": 'And "4" {% if %}?'},
    ]
    for messages in (conversation[:1], conversation):
        assert render_go(made, messages) == render(messages, True)


def test_a_modelfile_names_weights_template_and_end() -> None:
    text = modelfile("model-f16.gguf", _render(SMOLLM2), end="<|im_end|>", context=2_048)
    assert text.startswith('FROM ./model-f16.gguf\nTEMPLATE """{{ if ne (index .Messages 0)')
    assert text.endswith(
        'PARAMETER stop "<|im_end|>"\nPARAMETER temperature 0\nPARAMETER num_ctx 2048\n'
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[-1].content }}",
        "{{ messages | length }}",
        "{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}",
        '{% for m in messages %}""" {{ m.content }}{% endfor %}',
    ],
)
def test_what_is_not_written_turn_by_turn_is_refused(template: str) -> None:
    with pytest.raises(ModelError, match="cannot be written as Ollama's"):
        go_template(_render(template))
