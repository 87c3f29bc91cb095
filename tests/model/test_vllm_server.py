"""vLLM's own server on a merged folder; what needs vLLM runs by ``make test-serving``."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch

from model.tiny_llama import tiny_llama
from sqlforge.core.errors import ModelError
from sqlforge.model.load import load_model, load_tokenizer
from sqlforge.model.vllm_server import has_vllm, serving
from sqlforge.prompt.encode import encode_prompt

needs_vllm = pytest.mark.skipif(not has_vllm(), reason="vLLM is in .venv-vllm: make test-serving")
EQUAL = 0.98  # of the answers


def test_pickled_weights_are_not_served(tmp_path: Path) -> None:
    torch.save(tiny_llama().state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled"), serving(tmp_path):
        pass


@pytest.fixture(scope="module")
def merged(smol_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A really trained adapter, merged into the dequantised weights."""
    from served import train_and_merge  # bench/

    return train_and_merge(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def served(merged: Path) -> Any:
    """The server, with the folder and nothing else."""
    with serving(merged) as found:
        yield found


@needs_vllm
def test_greedy_answers_are_those_of_transformers(
    merged: Path, served: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from served import MOST, compare, questions, tell  # bench/

    tokenizer = load_tokenizer(str(merged))
    asked = questions(tokenizer)
    model = load_model(str(merged), device="cpu")
    assert model.dtype is torch.bfloat16, "both compute in what the folder says"
    parted = compare(model, tokenizer, asked, served.complete([p for _, p in asked], MOST))
    with capsys.disabled():
        tell("served otherwise", parted)
    assert len(asked) == 200
    assert len(parted) <= (1 - EQUAL) * len(asked)
    assert all(math.isfinite(one.gap) for one in parted)


@needs_vllm
def test_openais_client_gets_the_answer_and_the_server_the_prompt_we_train_on(
    merged: Path, served: Any
) -> None:
    from openai import OpenAI

    message = {"role": "user", "content": "item(name, price)\n\nHow many items are there?"}
    client: Any = OpenAI(base_url=served.url, api_key="none")
    assert [model.id for model in client.models.list()] == [str(merged)]
    said = client.chat.completions.create(
        model=served.model, messages=[message], max_tokens=16, temperature=0
    )
    tokenizer: Any = load_tokenizer(str(merged))
    prompt = encode_prompt(tokenizer, [message])
    assert said.usage.prompt_tokens == len(prompt)
    (ids,) = served.complete([prompt], 16)
    assert said.choices[0].message.content == tokenizer.decode(ids, skip_special_tokens=True)


@needs_vllm
def test_the_server_finds_answers_as_likely_as_transformers_does(merged: Path, served: Any) -> None:
    from served import MOST, questions  # bench/
    from sqlforge.model.likelihood import answer_logprobs

    tokenizer: Any = load_tokenizer(str(merged))
    prompts = [prompt for _, prompt in questions(tokenizer)[:8]]
    answers = served.complete(prompts, MOST)
    wanted = answer_logprobs(load_model(str(merged), device="cpu"), prompts, answers)
    found = served.logprobs(prompts, answers)
    assert found == pytest.approx(wanted, abs=0.3)


@needs_vllm
def test_a_wrong_request_ends_in_one_sentence(served: Any) -> None:
    with pytest.raises(ModelError, match="which answers"):
        served.post("/completions", {"prompt": [1], "max_tokens": -1})


@needs_vllm
def test_questions_about_a_database_are_answered_through_it(merged: Path, tmp_path: Path) -> None:
    from sqlforge.core.decoding import Decoding
    from sqlforge.database.place import place_of
    from sqlforge.database.readers import Readers
    from sqlforge.serve.answering import Answerer
    from sqlforge.serve.remote import RemoteModel

    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE item (name TEXT, price INTEGER)")
        connection.executemany("INSERT INTO item VALUES (?, ?)", [("pen", 2), ("ink", 7)])
    processor = "sqlforge.model.vllm_constraint:SchemaMask"
    with serving(merged, "--logits-processors", processor) as found:
        readers = Readers(place_of(str(tmp_path / "shop.db")), seconds=5, rows=100)
        model = RemoteModel(str(merged), found.url)
        vote = Decoding(constrain="schema", samples=4, vote=True)
        with Answerer(model, readers, vote, max_new_tokens=32) as answerer:
            counted = answerer.answer("How many items are there?")
            strange = answerer.answer("Which planets have a ring?")
    assert counted.rows is not None and counted.rows.rows == ((2,),)
    # Whatever it is asked, what the constraint lets through runs.
    assert strange.rows is not None and len(strange.candidates) >= 1
