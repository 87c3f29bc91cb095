from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from published_bird import QUESTIONS, write_tiny_bird
from sqlforge.core.errors import DataError
from sqlforge.corpus.bird import BirdSplit, read_bird


def test_questions_carry_their_evidence_difficulty_and_number(tmp_path: Path) -> None:
    dataset = read_bird(write_tiny_bird(tmp_path), "dev").dataset
    first, second, third = dataset.examples
    assert dataset.name == "bird-dev"
    assert first.question == "How many patients are minors? (minors refers to age < 18)"
    assert second.question == "Which wards have patients?"
    assert [e.id for e in dataset.examples] == ["bird-dev-0000", "bird-dev-0001", "bird-dev-0002"]
    assert [e.kind for e in dataset.examples] == ["simple", "moderate", "challenging"]
    assert (third.db_id, third.source, third.licence) == ("harbour", "bird", "CC-BY-SA-4.0")
    assert third.sql == QUESTIONS[2]["SQL"]


def test_evidence_may_be_left_out(tmp_path: Path) -> None:
    dataset = read_bird(write_tiny_bird(tmp_path), "dev", evidence=False).dataset
    assert dataset.examples[0].question == "How many patients are minors?"


def test_schemas_come_from_the_files_and_meanings_from_the_descriptions(tmp_path: Path) -> None:
    dataset = read_bird(write_tiny_bird(tmp_path), "dev").dataset
    clinic, harbour = dataset.databases["clinic"], dataset.databases["harbour"]
    meanings = {
        (table.name, column.name): column.description
        for table in (*clinic.schema.tables, *harbour.schema.tables)
        for column in table.columns
    }
    assert meanings == {
        ("ward", "id"): None,
        ("ward", "Ward Name"): "name of the ward: Straße",
        ("patient", "id"): "patient number",  # from dev_tables.json, no description says more
        ("patient", "ward"): "ward number",
        ("patient", "age"): "age at admission",
        ("ship", "name"): None,
        ("ship", "gt"): "gross tonnage of the ship",
    }
    assert clinic.schema.tables[1].foreign_keys[0].ref_table == "ward"
    assert clinic.path == tmp_path / "dev_databases" / "clinic" / "clinic.sqlite"


@pytest.mark.parametrize(
    ("split", "place"),
    [
        ("dev", "dev_20240627"),
        ("dev", "bird/dev"),
        ("train", "train"),
        ("train", "bird"),
        ("mini_dev", "MINIDEV"),
        ("mini_dev", "bird/minidev"),
    ],
)
def test_each_split_is_found_where_its_archive_unpacks_it(
    tmp_path: Path, split: BirdSplit, place: str
) -> None:
    write_tiny_bird(tmp_path / place, split)
    dataset = read_bird(tmp_path, split).dataset
    assert dataset.examples[0].id == f"bird-{split}-0000"
    assert set(dataset.databases) == {"clinic", "harbour"}


def test_rows_without_number_and_difficulty_count_by_place(tmp_path: Path) -> None:
    folder = write_tiny_bird(tmp_path, "train")
    plain = [{k: row[k] for k in ("db_id", "question", "evidence", "SQL")} for row in QUESTIONS]
    (folder / "train.json").write_text(json.dumps(plain))
    examples = read_bird(folder, "train").dataset.examples
    assert [(e.id, e.kind) for e in examples][1:] == [
        ("bird-train-0001", None),
        ("bird-train-0002", None),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"db_id": "zoo"}, "the database 'zoo' is not described"),
        ({"SQL": None}, "the field 'SQL' is a NoneType"),
        ({"question_id": "x"}, "a question_id that is no number"),
        ({"evidence": 3}, "an evidence that is no text"),
        ({"question_id": 2}, "bird-dev-0002 twice"),
    ],
)
def test_a_malformed_question_is_named(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    folder = write_tiny_bird(tmp_path)
    rows = [{**QUESTIONS[0], **change}, *QUESTIONS[1:]]
    (folder / "dev.json").write_text(json.dumps(rows, indent=1))
    with pytest.raises(DataError, match=reason):
        read_bird(folder, "dev")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"without dev\.json or bird/dev\.json"):
        read_bird(tmp_path, "dev")
    folder = write_tiny_bird(tmp_path)
    (folder / "dev_databases" / "harbour" / "harbour.sqlite").unlink()
    with pytest.raises(DataError, match=r"harbour\.sqlite, expected the databases of BIRD"):
        read_bird(tmp_path, "dev")
    (folder / "dev_databases" / "harbour" / "harbour.sqlite").write_text("no database" * 99)
    with pytest.raises(DataError, match="fetch the databases again"):
        read_bird(tmp_path, "dev")
    (folder / "dev_tables.json").write_text('[{"db_id": "clinic", "table_names_original": []}]')
    with pytest.raises(DataError, match="'column_names_original' is missing"):
        read_bird(tmp_path, "dev")
    broken = {
        "db_id": "clinic",
        "table_names_original": [],
        "column_names_original": [[0, "a"]],
        "column_names": [[0, "a"]],
    }
    (folder / "dev_tables.json").write_text(json.dumps([broken]))
    with pytest.raises(DataError, match="the description of 'clinic' is malformed"):
        read_bird(tmp_path, "dev")
