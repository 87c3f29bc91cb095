"""The part of a model card that says how to ask the model."""

from __future__ import annotations

from sqlforge.core.schema import Column, Schema, Table
from sqlforge.prompt.linking import Link
from sqlforge.prompt.template import messages
from sqlforge.report.card_data import CardData
from sqlforge.report.figures import source_label

_SHOP = Schema(
    (
        Table("customer", (Column("id", "INTEGER", True), Column("city", "TEXT"))),
        Table("sale", (Column("customer_id", "INTEGER"), Column("total", "REAL"))),
    )
)


def prompt(card: CardData) -> str:
    """The format of prompts, with an example whose data may be shown."""
    words = (
        "One user message: the tables, the values of the database that the question names, the "
        "question. SQLForge writes it from a database and a question, the same in training, "
        "evaluation and serving; the tokenizer's chat template goes round it."
    )
    shown = card.example
    if shown is None:
        links = [Link("customer", "city", "Bath")]
        (message,) = messages(_SHOP, links, "How many customers live in Bath?")
        return f"{words} A made-up example:\n\n```text\n{message['content']}\n```"
    about = f"`{shown.id}` of {source_label(shown.source)} ({shown.licence})"
    answer = shown.answer
    return (
        f"{words} {about}, for example, is asked so:\n\n```text\n{shown.prompt}\n```\n\n"
        f"and was answered, rightly, by\n\n```sql\n{answer}\n```"
    )


def loading(card: CardData, repository: str) -> str:
    """Code for transformers, and commands for vLLM, SQLForge and Ollama."""
    parts = [_transformers(card, repository), _vllm(card, repository), _sqlforge(card, repository)]
    return "\n\n".join(parts)


def _transformers(card: CardData, repository: str) -> str:
    if card.part == "merged":
        library, imports, load = "transformers", "", f'"{repository}"'
        auto = "from transformers import AutoModelForCausalLM, AutoTokenizer"
        name = "AutoModelForCausalLM"
    else:
        library, name = "transformers and PEFT", "AutoPeftModelForCausalLM"
        auto = "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer"
        imports, load = "", f'"{repository}"'
        if card.method == "qlora":
            imports = "import torch\n"
            auto = auto.replace("AutoTokenizer", "AutoTokenizer, BitsAndBytesConfig")
            load = _FOUR_BITS.format(repository=repository)
    return _CODE.format(
        library=library,
        imports=imports + auto,
        name=name,
        load=load,
        repository=repository,
        tokens=card.max_new_tokens,
    )


_CODE = """With {library}:

```python
{imports}

model = {name}.from_pretrained({load})
tokenizer = AutoTokenizer.from_pretrained("{repository}")
prompt = ...  # in the format above
asked = tokenizer.apply_chat_template(
    [{{"role": "user", "content": prompt}}],
    add_generation_prompt=True,
    return_dict=True,
    return_tensors="pt",
)
written = model.generate(**asked, max_new_tokens={tokens}, do_sample=False)
print(tokenizer.decode(written[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))
```"""
# The adapter was trained, and scored, on weights held so.
_FOUR_BITS = """
    "{repository}",
    quantization_config=BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    ),
"""


def _vllm(card: CardData, repository: str) -> str:
    if card.part == "merged":
        command = f"vllm serve {repository}"
    else:
        base = card.base.hub_id or card.base.name
        command = (
            f"vllm serve {base} --enable-lora --max-lora-rank {_vllm_rank(card.rank)} "
            f"--lora-modules sql={repository}"
        )
    return f"With vLLM, through its OpenAI-compatible server:\n\n```console\n$ {command}\n```"


def _vllm_rank(rank: int) -> int:
    """vLLM takes powers of two from 8."""
    return max(8, 1 << (rank - 1).bit_length())


def _sqlforge(card: CardData, repository: str) -> str:
    folder = repository.rpartition("/")[2]
    lines = [
        "With SQLForge, which writes the prompt and executes the query read-only:",
        "",
        "```console",
        f"$ hf download {repository} --local-dir {folder}",
        f'$ sqlforge ask --model {folder} --db shop.sqlite "How many customers live in Bath?"',
        f"$ sqlforge serve --model {folder} --db shop.sqlite",
        "```",
    ]
    if card.part == "merged":
        lines += [
            "",
            "For Ollama, as a GGUF file with a Modelfile:",
            "",
            "```console",
            f"$ sqlforge export --model {folder} --gguf q8_0 --out {folder}-gguf",
            f"$ ollama create {folder} -f {folder}-gguf/Modelfile",
            f"$ ollama run {folder}",
            "```",
        ]
    return "\n".join(lines)
