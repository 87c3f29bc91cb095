"""The two real tokenizers that the constraint is held against."""

from pathlib import Path
from typing import Any

import pytest

from sqlforge.decode.vocabulary import Vocabulary, vocabulary_of


@pytest.fixture(scope="session")
def smollm2_tokenizer() -> Any:
    """Byte-level BPE, 49,152 ids."""
    pytest.importorskip("transformers", reason="the extra 'train' is not installed")
    from sqlforge.model.load import load_tokenizer

    return load_tokenizer("smollm2-135m")


@pytest.fixture(scope="session")
def mistral_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """SentencePiece with byte fallback, 32,768 ids."""
    pytest.importorskip("transformers", reason="the extra 'train' is not installed")
    from mistral_vocabulary import mistral_tokenizer, vocabulary_file

    found: Path | None = vocabulary_file()
    if found is None:
        pytest.skip("mistral-common is not installed")
    return mistral_tokenizer(found, tmp_path_factory.mktemp("mistral"))


@pytest.fixture(scope="session")
def smollm2(smollm2_tokenizer: Any) -> Vocabulary:
    return vocabulary_of(smollm2_tokenizer)


@pytest.fixture(scope="session")
def mistral(mistral_tokenizer: Any) -> Vocabulary:
    return vocabulary_of(mistral_tokenizer)
