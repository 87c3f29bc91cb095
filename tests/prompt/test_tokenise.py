import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="the extra 'data' is not installed")

from sqlforge.core.config import Recipe
from sqlforge.core.errors import DataError, RecipeError, StorageError
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.prompt.encode import Encoded, encode_example
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.token_store import TokenRow, TokenStore, write_tokens
from sqlforge.prompt.tokenise import Asking, Tokenised, encode_rows, tokenise

from .conftest import CharacterTokenizer

EXAMPLES = [
    Example(f"e{i}", f"Who is in city {i}?", f"SELECT id FROM customer WHERE city = 'c{i}'",
            ("shop", "farm")[i % 2], "own", "MIT")
    for i in range(1_200)
]  # fmt: skip


def recipe(**parts: Any) -> Recipe:
    data = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    return Recipe.model_validate({"name": "t", "model": {"name": "m"}, "data": data, **parts})


@pytest.fixture
def databases(tmp_path: Path) -> dict[str, Database]:
    found = {}
    for db_id, table in (("shop", "customer"), ("farm", "customer")):
        path = tmp_path / f"{db_id}.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute(f"CREATE TABLE {table} (id INT, city TEXT)")
            connection.execute(f"INSERT INTO {table} VALUES (1, 'city 7')")
        connection.close()
        columns = (Column("id", "INT"), Column("city", "TEXT"))
        found[db_id] = Database(db_id, Schema((Table(table, columns),)), path)
    return found


def made(folder: Path, databases: dict[str, Database], **parts: Any) -> Tokenised:
    return tokenise(recipe(**parts), folder / "tokens", CharacterTokenizer(), EXAMPLES, databases)


def whole(tokenised: Tokenised) -> list[tuple[str, str, Encoded]]:
    return [
        row
        for store in tokenised.epochs
        for row in zip(store.ids, store.schema_keys, store, strict=True)
    ]


def test_the_ids_are_those_of_one_example_after_another(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    (store,) = made(tmp_path, databases).epochs
    prompter, tokenizer = Prompter(databases, link_values=True), CharacterTokenizer()
    assert list(store) == [
        encode_example(tokenizer, prompter.ask(e.db_id, e.question), e.sql) for e in EXAMPLES
    ]
    assert store.ids == [e.id for e in EXAMPLES]
    assert store.schema_keys == [e.db_id for e in EXAMPLES]
    assert store.lengths == [len(encoded) for encoded in store]


def test_the_file_holds_ids_labels_and_length_for_anybody_to_read(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    import pyarrow as pa

    made(tmp_path, databases)
    (path,) = (tmp_path / "tokens").iterdir()
    row = pa.ipc.open_file(path).read_all().slice(3, 1).to_pylist()[0]
    assert row["length"] == len(row["input_ids"]) == len(row["labels"])
    supervised = [label for label in row["labels"] if label != -100]
    assert "".join(map(chr, supervised)) == EXAMPLES[3].sql + "$"
    assert row["input_ids"][-len(supervised) :] == supervised
    assert row["labels"][: row["prompt_length"]] == [-100] * row["prompt_length"]


def test_what_is_tokenised_already_is_used_again(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    first = made(tmp_path, databases)
    again = made(tmp_path, databases)
    assert (first.reused, again.reused) == (False, True)
    assert whole(first) == whole(again)


@pytest.mark.parametrize(
    "changed",
    [
        {"prompt": {"form": "ddl"}},
        {"prompt": {"link_values": False}},
        {"prompt": {"max_tokens": 900}},
        {"augment": {}},
    ],
)
def test_other_settings_make_other_files_and_remove_the_old(
    changed: dict[str, Any], tmp_path: Path, databases: dict[str, Database]
) -> None:
    made(tmp_path, databases)
    (before,) = (tmp_path / "tokens").iterdir()
    assert not made(tmp_path, databases, **changed).reused
    (after,) = (tmp_path / "tokens").iterdir()
    assert after != before


def test_a_changed_database_or_question_is_tokenised_again(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    made(tmp_path, databases)
    path = databases["shop"].path
    assert path is not None
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO customer VALUES (2, 'city 8'), (3, 'x')")
    connection.close()
    assert not made(tmp_path, databases).reused


def test_with_augmentation_each_epoch_is_its_own_and_always_the_same(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    augment = {"keep": 0.2, "rename": 0.7, "mask_values": 0.5, "distractors": 1}
    parts = {"augment": augment, "train": {"epochs": 2}, "prompt": {"max_tokens": 4_000}}
    one, other = made(tmp_path / "a", databases, **parts), made(tmp_path / "b", databases, **parts)
    assert whole(one) == whole(other)
    assert len(one.epochs) == 2 and list(one.epochs[0]) != list(one.epochs[1])


def test_an_epoch_that_a_cut_off_run_lacks_is_made_as_it_would_have_been(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    parts = {"augment": {"rename": 0.7, "mask_values": 0.5}, "train": {"epochs": 2}}
    uncut = whole(made(tmp_path, databases, **parts))
    _, second = sorted((tmp_path / "tokens").iterdir())
    second.unlink()
    resumed = made(tmp_path, databases, **parts)
    assert not resumed.reused and whole(resumed) == uncut


def test_examples_that_share_a_key_share_their_schema(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    for parts in ({"augment": {"rename": 0.5}}, {"prompt": {"schema_shown": "used"}}):
        (store,) = made(tmp_path, databases, **parts).epochs
        heads: dict[str, set[str]] = {}
        for key, encoded in zip(store.schema_keys, store, strict=True):
            text = "".join(map(chr, encoded.prompt))
            heads.setdefault(key, set()).add(text[: text.index("\n\n")])
        assert all(len(found) == 1 for found in heads.values())
        assert len(heads) > 2


def test_a_form_too_long_for_the_window_gives_way_to_the_plain_one(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    longest = max(made(tmp_path, databases).epochs[0].lengths)
    parts = {"augment": {"keep": 0, "distractors": 3}, "prompt": {"max_tokens": longest}}
    tables = tuple(Table("a" * 200 + str(i), (Column("b", "TEXT"),)) for i in range(3))
    added = {**databases, "wide": Database("wide", Schema(tables))}
    tokenised = tokenise(recipe(**parts), tmp_path / "t", CharacterTokenizer(), EXAMPLES, added)
    assert tokenised.too_long == 0


def test_examples_longer_than_the_window_are_left_out_and_counted(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    lengths = made(tmp_path, databases).epochs[0].lengths
    middle = sorted(lengths)[600]
    tokenised = made(tmp_path, databases, prompt={"max_tokens": middle})
    assert tokenised.too_long == sum(length > middle for length in lengths) > 0
    assert max(tokenised.epochs[0].lengths) <= middle
    with pytest.raises(RecipeError, match="which all 1,200 training examples exceed"):
        made(tmp_path, databases, prompt={"max_tokens": 32})


def test_progress_ends_at_all_epochs_examples(
    tmp_path: Path, databases: dict[str, Database]
) -> None:
    seen: list[tuple[int, int]] = []
    parts = recipe(augment={}, train={"epochs": 2})
    tokenise(
        parts, tmp_path / "t", CharacterTokenizer(), EXAMPLES, databases, lambda *n: seen.append(n)
    )
    assert seen[-1] == (2_400, 2_400) and seen == sorted(seen)


def rows(count: int) -> Iterator[TokenRow]:
    for number in range(count):
        yield TokenRow(str(number), "k", Encoded(tuple(range(number % 7 + 1)), (number, 2)))


def test_rows_come_back_by_index_over_many_batches(tmp_path: Path) -> None:
    assert write_tokens(tmp_path / "a.arrow", rows(5_000)) == 5_000
    store = TokenStore(tmp_path / "a.arrow")
    expected = [row.encoded for row in rows(5_000)]
    assert len(store) == 5_000 and list(store) == expected
    assert store[-1] == expected[-1] and store[1020:1030] == expected[1020:1030]
    with pytest.raises(IndexError):
        store[5_000]


def test_no_rows_make_an_empty_store(tmp_path: Path) -> None:
    assert write_tokens(tmp_path / "a.arrow", []) == 0
    assert list(TokenStore(tmp_path / "a.arrow")) == []


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            write_tokens(tmp_path / "a.arrow", rows(count))
            store = TokenStore(tmp_path / "a.arrow")
            assert sum(1 for _ in store) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1_000)  # what is imported and cached at the first use is not the rows'
    few = peak(5_000)
    assert peak(20_000) < 1.3 * few


def test_a_failing_row_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> Iterator[TokenRow]:
        yield from rows(2_000)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_tokens(tmp_path / "a.arrow", failing())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_in_one_sentence_and_leaves_no_file(full_disk: Path) -> None:
    with pytest.raises(StorageError, match="No space left on device"):
        write_tokens(full_disk / "a.arrow", rows(50_000))
    assert list(full_disk.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no arrow file at all", b"ARROW1\0\0"])
def test_a_broken_file_is_a_data_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_bytes(content)
    with pytest.raises(DataError, match="an Arrow file of encoded examples"):
        TokenStore(tmp_path / "a.arrow")


def test_rows_are_encoded_as_they_are_asked_for(databases: dict[str, Database]) -> None:
    seen: list[str] = []

    def watched() -> Iterator[Example]:
        for example in EXAMPLES:
            seen.append(example.id)
            yield example

    counts = Counter(example.db_id for example in EXAMPLES)
    asking = Asking(recipe(), CharacterTokenizer(), databases, counts, epoch=0)
    rows_found = encode_rows(asking, watched())
    assert next(rows_found).id == "e0" and len(seen) < len(EXAMPLES)
    assert sum(1 for _ in rows_found) == len(EXAMPLES) - 1
