import itertools
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from published import write_tiny_spider
from sqlforge.core.config import Recipe
from sqlforge.core.errors import DataError
from sqlforge.core.files import sha256
from sqlforge.core.run_dir import RunDir, open_run
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.stages.prepare import Prepared, prepare

pytestmark = pytest.mark.xdist_group("prepare")
SPLITS = ("train", "validation", "test")
PUBLIC = {
    "train": [{"source": "spider", "rows": 40}, {"source": "wikisql", "rows": 40}],
    "validation": [{"source": "spider", "rows": 20}],
    "test": [{"source": "spider", "rows": 30}, {"source": "wikisql", "rows": 30}],
}
MADE = {
    "train": [{"source": "synthetic", "rows": 24}],
    "validation": [{"source": "synthetic", "rows": 6}],
    "test": [{"source": "synthetic", "rows": 8}],
    "synthetic_max_tables": 2,
}


def prepared(
    folder: Path, data: dict[str, Any], data_dir: Path | None, *, seed: int = 7
) -> tuple[RunDir, Prepared]:
    recipe = Recipe.model_validate(
        {"name": "tiny", "seed": seed, "model": {"name": "smollm2-135m"}, "data": data}
    )
    run = open_run(folder, recipe)
    return run, prepare(recipe, run, data_dir, lambda _: None)


def databases_of(run: RunDir, split: str) -> set[tuple[str, str]]:
    return {(e.source, e.db_id) for e in read_examples(run.data_file(f"{split}.jsonl"))}


@pytest.fixture(scope="module")
def some_published_data(published_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Spider with 600 training questions; of WikiSQL the first 300 a split with their tables."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "spider").mkdir()
    for file in (published_data / "spider").iterdir():
        (folder / "spider" / file.name).symlink_to(file)
    train = folder / "spider" / "train_spider.json"
    some = json.loads(train.read_text())[:600]
    train.unlink()
    train.write_text(json.dumps(some))
    (folder / "wikisql").mkdir()
    for split in ("train", "test"):
        with lzma.open(published_data / "wikisql" / f"{split}.jsonl.xz", "rt") as file:
            questions = list(itertools.islice(file, 300))
        wanted = {json.loads(line)["table_id"] for line in questions}
        with lzma.open(published_data / "wikisql" / f"{split}.tables.jsonl.xz", "rt") as file:
            tables = [line for line in file if line.split('"', 4)[3] in wanted]
        (folder / "wikisql" / f"{split}.jsonl").write_text("".join(questions))
        (folder / "wikisql" / f"{split}.tables.jsonl").write_text("".join(tables))
    return folder


@pytest.fixture(scope="module")
def public_run(
    some_published_data: Path, session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunDir, Prepared]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQLFORGE_CACHE_DIR", str(session_cache))
        return prepared(tmp_path_factory.mktemp("public") / "run", PUBLIC, some_published_data)


def test_every_split_gets_the_rows_that_the_recipe_asks_for(
    public_run: tuple[RunDir, Prepared],
) -> None:
    run, found = public_run
    assert (found.train, found.validation, found.test, found.skipped) == (80, 20, 60, ())
    assert found.databases == len(read_databases(run.data_file("databases.jsonl")))
    for split, count in (("train", 80), ("validation", 20), ("test", 60)):
        assert len(read_examples(run.data_file(f"{split}.jsonl"))) == count


def test_no_database_is_on_two_sides(public_run: tuple[RunDir, Prepared]) -> None:
    run, _ = public_run
    train, validation, test = (databases_of(run, split) for split in SPLITS)
    assert validation and not validation & train
    assert test and not test & (train | validation)


def test_ids_are_unique_and_every_example_has_its_database(
    public_run: tuple[RunDir, Prepared],
) -> None:
    run, _ = public_run
    examples = [e for s in SPLITS for e in read_examples(run.data_file(f"{s}.jsonl"))]
    assert len({e.id for e in examples}) == len(examples) == 160
    databases = read_databases(run.data_file("databases.jsonl"))
    assert {e.db_id for e in examples} == databases.keys()
    test_ids = {e.db_id for e in read_examples(run.data_file("test.jsonl"))}
    for db_id in test_ids:
        path = databases[db_id].path
        assert path is not None and path.is_file()


def test_sources_and_licences_are_kept(public_run: tuple[RunDir, Prepared]) -> None:
    run, _ = public_run
    licences = json.loads((run.data / "licences.json").read_text())
    assert licences == {"spider": "CC-BY-SA-4.0", "wikisql": "BSD-3-Clause"}


def test_the_same_recipe_gives_the_same_bytes(
    public_run: tuple[RunDir, Prepared],
    some_published_data: Path,
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", str(session_cache))
    run, _ = public_run
    again, _ = prepared(tmp_path / "run", PUBLIC, some_published_data)
    names = [f"{name}.jsonl" for name in (*SPLITS, "databases", "dropped")]
    digests = {name: sha256(again.data / name) for name in names}
    assert digests == run.manifest()["data_sha256"] == again.manifest()["data_sha256"]


def test_made_examples_have_databases_of_their_own_on_every_side(tmp_path: Path) -> None:
    run, found = prepared(tmp_path / "run", MADE, None)
    assert (found.train, found.validation, found.test) == (24, 6, 8)
    train, validation, test = (databases_of(run, split) for split in SPLITS)
    assert not train & validation and not train & test and not validation & test
    for database in read_databases(run.data_file("databases.jsonl")).values():
        assert database.path is not None
        assert database.path.is_relative_to(run.data) and database.path.is_file()
        assert len(database.schema.tables) <= 2


def test_made_data_is_the_same_for_a_seed_and_other_for_another(tmp_path: Path) -> None:
    first, second, other = (
        prepared(tmp_path / name, MADE, None, seed=seed)[0].manifest()["data_sha256"]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == second
    assert first["train.jsonl"] != other["train.jsonl"]


def test_preparing_again_replaces_the_data_whole(tmp_path: Path) -> None:
    folder = write_tiny_spider(tmp_path / "spider")
    data = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    run, _ = prepared(tmp_path / "run", data, folder)
    (run.data / "stray.txt").write_text("x")
    prepared(tmp_path / "run", data, folder)
    assert not (run.data / "stray.txt").exists()
    assert sorted(p.name for p in run.path.iterdir()) == ["data", "manifest.json", "recipe.yaml"]


def test_validation_takes_whole_databases_out_of_training(tmp_path: Path) -> None:
    folder = write_tiny_spider(tmp_path / "spider")
    data = {
        "train": [{"source": "spider"}],
        "validation": [{"source": "spider", "rows": 1}],
        "test": [{"source": "spider"}],
    }
    run, found = prepared(tmp_path / "run", data, folder)
    assert (found.train, found.validation, found.test) == (2, 1, 2)
    assert not databases_of(run, "train") & databases_of(run, "validation")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_more_rows_than_a_source_has_are_refused(split: str, tmp_path: Path) -> None:
    folder = write_tiny_spider(tmp_path / "spider")
    data: dict[str, Any] = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    data[split] = [{"source": "spider", "rows": 99}]
    with pytest.raises(DataError, match=f"{split} examples of spider"):
        prepared(tmp_path / "run", data, folder)
    assert not (tmp_path / "run" / "data").exists()


def test_a_failing_source_leaves_older_data_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tiny_spider(tmp_path / "spider")
    data: dict[str, Any] = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    run, _ = prepared(tmp_path / "run", data, folder)
    before = {file.name: sha256(file) for file in run.data.iterdir()}
    (folder / "train_spider.json").write_text("[")
    with pytest.raises(DataError, match=r"train_spider\.json"):
        prepared(tmp_path / "run", data, folder)
    assert {file.name: sha256(file) for file in run.data.iterdir()} == before
