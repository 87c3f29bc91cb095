import pytest

from sqlforge.core.errors import ModelError
from sqlforge.prompt.encode import Encoded, check_encoded, encode_example, encode_prompt
from sqlforge.prompt.template import Message

from .conftest import CharacterTokenizer

QUESTION: list[Message] = [{"role": "user", "content": "how many?"}]


def read(ids: tuple[int, ...]) -> str:
    return "".join(map(chr, ids))


def test_the_answer_and_its_end_are_supervised_and_nothing_else(
    characters: CharacterTokenizer,
) -> None:
    encoded = encode_example(characters, QUESTION, "SELECT 1")
    assert read(encoded.prompt) == "^<how many?>"
    assert read(encoded.answer) == "SELECT 1$"
    assert len(encoded) == 21


def test_generation_starts_from_the_ids_that_training_saw(characters: CharacterTokenizer) -> None:
    encoded = encode_example(characters, QUESTION, "SELECT 1")
    assert encode_prompt(characters, QUESTION) == encoded.prompt


def test_what_the_template_puts_before_an_answer_belongs_to_the_prompt() -> None:
    encoded = encode_example(CharacterTokenizer(reply="SQL: "), QUESTION, "SELECT 1")
    assert read(encoded.prompt) == "^<how many?>SQL: "
    assert read(encoded.answer) == "SELECT 1$"


def test_what_the_template_adds_after_the_end_is_not_supervised() -> None:
    encoded = encode_example(CharacterTokenizer(end="$\n"), QUESTION, "SELECT 1")
    assert read(encoded.answer) == "SELECT 1$"


def test_a_template_that_writes_no_end_gets_one() -> None:
    encoded = encode_example(CharacterTokenizer(end=""), QUESTION, "SELECT 1")
    assert read(encoded.answer) == "SELECT 1$"


def test_solved_examples_before_the_question_are_context(characters: CharacterTokenizer) -> None:
    shots: list[Message] = [
        {"role": "user", "content": "first?"},
        {"role": "assistant", "content": "SELECT 0"},
    ]
    encoded = encode_example(characters, shots + QUESTION, "SELECT 1")
    assert read(encoded.prompt) == "^<first?>SELECT 0$<how many?>"
    assert read(encoded.answer) == "SELECT 1$"


def test_the_question_may_hold_the_words_of_the_answer(characters: CharacterTokenizer) -> None:
    asked: list[Message] = [{"role": "user", "content": "SELECT 1> SELECT 1"}]
    encoded = encode_example(characters, asked, "SELECT 1")
    assert read(encoded.prompt) == "^<SELECT 1> SELECT 1>"
    assert read(encoded.answer) == "SELECT 1$"


@pytest.mark.parametrize("sql", ["  SELECT 1", "\nSELECT\n1", "SELECT 'ä😀'", 'SELECT "a"'])
def test_not_a_character_of_the_sql_is_lost(sql: str, characters: CharacterTokenizer) -> None:
    assert read(encode_example(characters, QUESTION, sql).answer) == sql + "$"


def test_blanks_after_the_sql_are_not_learnt(characters: CharacterTokenizer) -> None:
    assert read(encode_example(characters, QUESTION, "SELECT 1 \n").answer) == "SELECT 1$"


def test_a_second_begin_token_is_refused() -> None:
    with pytest.raises(ModelError, match="begin-of-sequence"):
        encode_example(CharacterTokenizer(begin="^^"), QUESTION, "SELECT 1")
    with pytest.raises(ModelError, match="begin-of-sequence"):
        encode_example(CharacterTokenizer(), QUESTION, "SELECT ^1")


def test_a_template_whose_prompt_is_no_prefix_is_refused() -> None:
    class Rewriting(CharacterTokenizer):
        def apply_chat_template(self, conversation: list[Message], **kwargs: object) -> str:
            return str(len(conversation)) + super().apply_chat_template(conversation, **kwargs)

    with pytest.raises(ModelError, match="not a prefix"):
        encode_example(Rewriting(), QUESTION, "SELECT 1")


def test_an_answer_that_is_empty_or_holds_the_end_token_is_refused(
    characters: CharacterTokenizer,
) -> None:
    with pytest.raises(ModelError, match="nothing of the answer is supervised"):
        encode_example(characters, QUESTION, "")
    with pytest.raises(ModelError, match="inside an answer"):
        encode_example(characters, QUESTION, "SELECT '$'")


def test_a_tokenizer_without_an_end_token_is_refused(characters: CharacterTokenizer) -> None:
    characters.eos_token_id = None
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        encode_example(characters, QUESTION, "SELECT 1")


def test_a_tokenizer_without_a_begin_token_is_fine(characters: CharacterTokenizer) -> None:
    characters.bos_token_id = None
    assert read(encode_example(characters, QUESTION, "SELECT 1").answer) == "SELECT 1$"


def test_an_unsupervised_end_is_refused(characters: CharacterTokenizer) -> None:
    with pytest.raises(ModelError, match="end-of-sequence token is not supervised"):
        check_encoded(characters, Encoded((94, 60), (83, 81)))
