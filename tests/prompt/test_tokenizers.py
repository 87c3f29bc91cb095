"""The same promises with the vocabularies of real models."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra 'train' is not installed")

from mistral_vocabulary import mistral_tokenizer, vocabulary_file
from sqlforge.core.errors import ModelError
from sqlforge.core.records import Dataset
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.model.catalog import CATALOG
from sqlforge.model.load import Source, load_tokenizer, with_template
from sqlforge.prompt.batch_encode import BatchEncoder
from sqlforge.prompt.encode import (
    Encoded,
    check_encoded,
    encode_example,
    encode_prompt,
    rendered_example,
)
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Message

pytestmark = pytest.mark.xdist_group("tokenizers")
HARD = [  # (user message, SQL)
    ("Line one\nline two\n\n\nline five", "SELECT 1"),
    ("Who said 'it''s \"fine\"'?", "SELECT \"a b\" FROM t WHERE x = 'it''s'"),
    ("Leading blanks in the answer", "  SELECT 1"),
    ("A line break first", "\nSELECT 1"),
    ("Größe von Łódź, 東京 und Ελλάδα?", "SELECT größe FROM städte WHERE name = 'Łódź'"),
    ("Which 😀 or 👩‍👩‍👧 is it?", "SELECT '😀👩‍👩‍👧'"),
    ("  blanks around  ", "SELECT 1 "),
    ("Tabs\tand\r\nreturns", "SELECT\t1"),
    ("Doubled  blanks   everywhere", "SELECT  a ,  b   FROM    t"),
]


def first(dataset: Dataset, count: int) -> list[tuple[str, str]]:
    """Spread over the file, so that many databases take part."""
    prompter = Prompter(dataset.databases, link_values=True)
    step = len(dataset.examples) // count
    return [
        (prompter.ask(e.db_id, e.question)[0]["content"], e.sql)
        for e in itertools.islice(dataset.examples, 0, step * count, step)
    ]


@pytest.fixture(scope="session")
def real_pairs(published_data: Path) -> list[tuple[str, str]]:
    """200 prompts with their gold SQL, half from Spider and half from WikiSQL."""
    spider = read_spider(published_data, "dev").dataset
    wikisql = read_wikisql(published_data, "test").dataset
    return first(spider, 100) + first(wikisql, 100)


def user(content: str) -> list[Message]:
    return [{"role": "user", "content": content}]


@pytest.fixture(scope="session")
def smollm2() -> Any:
    return load_tokenizer("smollm2-135m")


@pytest.fixture(scope="session")
def mistral_vocabulary() -> Path:
    found = vocabulary_file()
    if found is None:
        pytest.skip("mistral-common is not installed")
    return found


@pytest.fixture(scope="session")
def mistral(mistral_vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return mistral_tokenizer(mistral_vocabulary, tmp_path_factory.mktemp("mistral"))


@pytest.fixture(scope="session")
def reference(mistral_vocabulary: Path) -> Any:
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    return MistralTokenizer.from_file(str(mistral_vocabulary))


def reference_ids(reference: Any, content: str, sql: str | None = None) -> list[int]:
    from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.tokens.tokenizers.base import InstructRequest

    if sql is None:
        request = ChatCompletionRequest(messages=[UserMessage(content=content)])
        return list(reference.encode_chat_completion(request).tokens)
    asked = InstructRequest(
        messages=[UserMessage(content=content), AssistantMessage(content=sql)],
        available_tools=None,
        system_prompt=None,
    )
    return list(reference.instruct_tokenizer.encode_instruct(asked).tokens)


def test_smollm2_keeps_its_promises_on_real_prompts(
    smollm2: Any, real_pairs: list[tuple[str, str]]
) -> None:
    for content, sql in real_pairs[::10] + HARD:
        encoded = encode_example(smollm2, user(content), sql)
        assert encode_prompt(smollm2, user(content)) == encoded.prompt
        assert encoded.answer[-1] == smollm2.eos_token_id
        assert smollm2.decode(encoded.answer[:-1]) == sql.rstrip()
        assert smollm2.decode(encoded.prompt).endswith("<|im_start|>assistant\n")
        if sql[0].isspace():  # then the whole text would melt the line break before it into it
            continue
        whole = smollm2.apply_chat_template(
            [*user(content), {"role": "assistant", "content": sql.rstrip()}],
            tokenize=True,
            return_dict=False,
        )
        ours = [*encoded.prompt, *encoded.answer]
        assert whole[: len(ours)] == ours


def test_mistral_ids_equal_the_reference_on_real_prompts(
    mistral: Any, reference: Any, real_pairs: list[tuple[str, str]]
) -> None:
    assert len(real_pairs) == 200
    for content, sql in real_pairs:
        encoded = encode_example(mistral, user(content), sql)
        assert list(encoded.prompt) == reference_ids(reference, content)
        assert [*encoded.prompt, *encoded.answer] == reference_ids(reference, content, sql)


@pytest.mark.parametrize(("content", "sql"), HARD, ids=range(len(HARD)))
def test_mistral_ids_equal_the_reference_on_hard_text(
    content: str, sql: str, mistral: Any, reference: Any
) -> None:
    encoded = encode_example(mistral, user(content), sql)
    assert list(encoded.prompt) == reference_ids(reference, content)
    assert [*encoded.prompt, *encoded.answer] == reference_ids(reference, content, sql)


def test_mistral_marks_turns_with_its_control_tokens_and_adds_no_blank(mistral: Any) -> None:
    encoded = encode_example(mistral, user("How many?"), "SELECT 1")
    ids = list(encoded.prompt)
    assert ids[:2] == [mistral.bos_token_id, 3]
    assert ids[-1] == 4
    assert ids[-2] != 29473
    assert [i for i in ids if i in (1, 2, 3, 4)] == [1, 3, 4]
    assert [i for i in encoded.answer if i in (1, 2, 3, 4)] == [2]


def test_mistral_with_a_blank_before_the_end_of_the_turn_would_differ(mistral: Any) -> None:
    blank = mistral.encode("[INST] How many? [/INST]", add_special_tokens=False)
    assert blank[-2:] == [29473, 4]


def test_the_padding_id_is_never_supervised(
    mistral: Any, smollm2: Any, real_pairs: list[tuple[str, str]]
) -> None:
    for tokenizer in (mistral, smollm2):
        assert tokenizer.padding_side == "left"
        for content, sql in real_pairs[::20] + HARD:
            answer = encode_example(tokenizer, user(content), sql).answer
            # SmolLM2 pads with its end token: then only the end itself may carry the id.
            assert tokenizer.pad_token_id not in answer[:-1]
    assert mistral.pad_token_id not in (mistral.eos_token_id, mistral.bos_token_id)


def test_few_shot_conversations_have_one_begin_token(mistral: Any) -> None:
    shots: list[Message] = [*user("first?"), {"role": "assistant", "content": "SELECT 0"}]
    prompt = encode_prompt(mistral, shots + user("second?"))
    assert prompt.count(mistral.bos_token_id) == 1
    assert prompt.count(mistral.eos_token_id) == 1


def test_a_doubled_begin_token_is_refused(mistral: Any) -> None:
    encoded = encode_example(mistral, user("How many?"), "SELECT 1")
    doubled = Encoded((mistral.bos_token_id, *encoded.prompt), encoded.answer)
    with pytest.raises(ModelError, match="begin-of-sequence"):
        check_encoded(mistral, doubled)


def test_a_tokenizer_without_any_template_is_refused(mistral: Any) -> None:
    template = mistral.chat_template
    mistral.chat_template = None
    try:
        for base in (None, dataclasses.replace(CATALOG["mistral-7b-v0.3"], chat_template=None)):
            with pytest.raises(ModelError, match="no chat template"):
                with_template(mistral, Source("own", "own", base))
    finally:
        mistral.chat_template = template


def test_batches_give_the_ids_of_one_example_after_another(
    mistral: Any, smollm2: Any, real_pairs: list[tuple[str, str]]
) -> None:
    hard = [(c, s) for c, s in HARD if s.strip()]
    for tokenizer in (mistral, smollm2):
        pairs = [(user(content), sql) for content, sql in [*real_pairs, *hard, *real_pairs[:20]]]
        encoder, found = BatchEncoder(tokenizer), []
        for start in range(0, len(pairs), 32):
            rendered = [rendered_example(tokenizer, c, s) for c, s in pairs[start : start + 32]]
            found += encoder.encode(rendered)
        assert found == [encode_example(tokenizer, c, s) for c, s in pairs]


def test_schemas_are_tokenised_once_only_where_that_is_provably_the_same(
    mistral: Any, smollm2: Any
) -> None:
    assert BatchEncoder(mistral).cuts_prompts
    assert not BatchEncoder(smollm2).cuts_prompts, "its tokens reach over line breaks"
