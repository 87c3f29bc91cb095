"""``export``: what another program needs to answer as SQLForge does."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlforge.core.errors import DatabaseError, ModelError, UserError
from sqlforge.core.files import new_folder, write_text
from sqlforge.core.run_dir import RunDir, recipe_of_model
from sqlforge.core.schema import Schema
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.database.introspect import schema_from_url
from sqlforge.decode.grammar import Dialect, export_grammar
from sqlforge.prompt.ollama import modelfile
from sqlforge.prompt.template import Message
from sqlforge.report.card_data import public_recipe

if TYPE_CHECKING:
    from sqlforge.model.gguf_file import GgufReport, GgufType


def export_a_grammar(db: str, dialect: Dialect, out: Path) -> Schema:
    """Write the grammar of the queries on a database into ``out``; return its schema.

    Args:
        db: an SQLite file, a file of CREATE TABLE statements (``.sql``), or a URL.

    Raises:
        DatabaseError: the database cannot be read, or has no tables.
        ConstraintError: another dialect than SQLite's.
        StorageError: ``out`` cannot be written.
    """
    schema = _schema_of(db)
    if not schema.tables:
        raise DatabaseError(f"{db} without tables", "at least one to ask about", "name another")
    write_text(out, export_grammar(schema, dialect))
    return schema


def export_gguf(model: str, kind: GgufType, out: Path) -> GgufReport:
    """Write ``model-KIND.gguf`` and a Modelfile for Ollama into the new folder ``out``.

    Every tensor is read back and compared.

    Args:
        model: a run, a merged folder, or a base model by name.

    Raises:
        UserError: ``out`` exists.
        ModelError: an adapter, or a model that GGUF is not written for here.
        StorageError: ``out`` cannot be written.
    """
    from sqlforge.model.gguf_file import write_gguf
    from sqlforge.model.load import load_tokenizer

    folder = _whole_model(model)
    _refuse_to_overwrite(out)
    tokenizer: Any = load_tokenizer(folder)

    def render(messages: Sequence[Message], generate: bool) -> str:
        return str(
            tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=generate
            )
        )

    end, context = str(tokenizer.eos_token), int(tokenizer.model_max_length)
    name = f"model-{kind}.gguf"
    text = modelfile(name, render, end=end, context=context)
    with new_folder(out) as temporary:
        report = write_gguf(folder, temporary / name, kind)
        write_text(temporary / "Modelfile", text)
    return report


def export_safetensors(model: str, out: Path) -> int:
    """Copy a whole model with its tokenizer into the new folder ``out``; its bytes.

    The recipe that it was made by comes along: SQLForge asks it as in training, wherever it lies.

    Raises:
        UserError: ``out`` exists.
        ModelError: an adapter, or a model with no safetensors in a folder of its own.
        StorageError: ``out`` cannot be written.
    """
    from sqlforge.model.load import refuse_pickles, resolve

    source = Path(resolve(_whole_model(model)).location)
    refuse_pickles(source)
    _refuse_to_overwrite(out)
    files = [f for pattern in _MODEL_FILES for f in sorted(source.glob(pattern))]
    if not any(file.suffix == ".safetensors" for file in files):
        raise ModelError(
            f"{model} without safetensors in a folder", "a run or a merged folder", "merge first"
        )
    with new_folder(out) as temporary:
        for file in files:
            shutil.copy(file, temporary / file.name)
        if recipe := recipe_of_model(source):
            write_text(temporary / "recipe.yaml", public_recipe(recipe))
    return sum(file.stat().st_size for file in files)


_MODEL_FILES = ("*.safetensors", "*.safetensors.index.json", "config.json",
                "generation_config.json", "tokenizer*", "special_tokens_map.json",
                "chat_template.jinja", "vocab.json", "merges.txt", "added_tokens.json")  # fmt: skip


def _whole_model(model: str) -> str:
    """What ``model`` stands for: a run by its merged folder."""
    from sqlforge.model.load import adapter_base

    folder = Path(model)
    if adapter_base(folder) is not None:
        raise ModelError(
            f"{model}, an adapter", "a whole model", "merge it first: 'sqlforge merge RUN'"
        )
    if (folder / "config.json").is_file() or not (folder / "recipe.yaml").is_file():
        return model
    run = RunDir(folder)
    if not run.merged.is_dir():
        raise UserError(
            f"{model} without merged/", "a run whose model was merged",
            f"start 'sqlforge merge {model}' first",
        )  # fmt: skip
    return str(run.merged)


def _refuse_to_overwrite(out: Path) -> None:
    if out.exists():
        raise UserError(f"{out}, which exists already", "a new folder", "choose another --out")


def _schema_of(db: str) -> Schema:
    path = Path(db)
    if path.suffix == ".sql" and path.is_file():
        return schema_from_ddl(path.read_text(encoding="utf-8"))
    return schema_from_url(db)
