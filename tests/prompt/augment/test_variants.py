import random
from collections import Counter
from pathlib import Path

import pytest

from sqlforge.core.config import AugmentPart
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.prompt.augment.variants import Augmenter, Varied, shuffled
from sqlforge.prompt.linking import Link
from sqlforge.score.validity import check_validity

EVERYTHING = AugmentPart(
    keep=0, shuffle=True, distractors=2, rename=1, mask_values=0.5,
    rename_styles=("snake", "camel", "abbreviate", "opaque"),
)  # fmt: skip


def table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "TEXT") for column in columns))


SHOP = Database("shop", Schema((table("item", "name", "price"), table("sale", "item_name", "day"))))
ZOO = Database(
    "zoo",
    Schema((
        Table(
            "animal",
            (Column("name", "TEXT"), Column("cage_id", "INT"), Column("keeper", "TEXT")),
            (ForeignKey(("cage_id",), "cage", ("id",)), ForeignKey(("keeper",), "item", ("name",))),
        ),
        table("cage", "id", "size"),
        table("Item", "name", "weight"),
        table("sqlite_sequence", "name", "seq"),
    )),
)  # fmt: skip
DATABASES = {"shop": SHOP, "zoo": ZOO}
ASKED = Example(
    "a", "Which items cost 5?", "SELECT name FROM item WHERE price = '5'", "shop", "own", "MIT"
)


def augmenter(databases: dict[str, Database] | None = None, **settings: object) -> Augmenter:
    part = AugmentPart.model_validate({"keep": 0, "shuffle": False, **settings})
    return Augmenter(databases or DATABASES, part, seed=7)


def several(made: Augmenter, count: int = 40, **changed: str) -> list[Varied]:
    sql = changed.get("sql", ASKED.sql)
    examples = [Example(f"e{i}", ASKED.question, sql, "shop", "x", "MIT") for i in range(count)]
    return [made.vary(example, (), epoch=0) for example in examples]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    made = generate_corpus(
        tmp_path_factory.mktemp("d"), seed=5, counts={"train": 250}, max_tables=3
    )
    return made["train"]


def check_valid(dataset: Dataset, step: int) -> int:
    """Vary the golds with everything on; how many were carried to a form of their database."""
    used = {e.db_id for e in dataset.examples}
    varying = Augmenter({k: dataset.databases[k] for k in used}, EVERYTHING, seed=3)
    carried = 0
    for example in dataset.examples[::step]:
        original = dataset.databases[example.db_id].schema
        if original.table("sqlite_sequence"):
            continue
        varied = varying.vary(example, (), epoch=1)
        before = check_validity(example.sql, original, quoted_literals=True)
        after = check_validity(varied.example.sql, varied.variant.schema, quoted_literals=True)
        assert after.valid == before.valid, (example.sql, varied.example.sql, after)
        carried += varied.variant.schema != original
    return carried


def test_varied_golds_of_the_embedded_corpus_stay_valid(corpus: Dataset) -> None:
    assert check_valid(corpus, step=1) == len(corpus.examples)


def test_varied_golds_of_spider_stay_valid(published_data: Path, own_cache: Path) -> None:
    assert check_valid(read_spider(published_data, "train").dataset, step=9) > 650


def test_an_example_varies_alike_whoever_asks_and_in_whatever_order() -> None:
    one, other = augmenter(rename=1, distractors=1), augmenter(rename=1, distractors=1)
    assert several(one) == several(other)[:40]
    assert one.vary(ASKED, (), 3) == other.vary(ASKED, (), 3)
    examples = [Example(f"e{i}", "?", "SELECT 1", "shop", "own", "MIT") for i in range(9)]
    forward = [one.vary(e, (), 5) for e in examples]
    assert forward == [other.vary(e, (), 5) for e in reversed(examples)][::-1]


def test_epochs_and_seeds_vary_differently() -> None:
    made = augmenter(shuffle=True, rename=1, variants=1)
    forms = {made.vary(ASKED, (), epoch).variant.schema for epoch in range(12)}
    assert len(forms) > 3
    part = AugmentPart(keep=0, rename=1, variants=1)
    assert (
        len({Augmenter(DATABASES, part, s).vary(ASKED, (), 0).variant.schema for s in range(9)}) > 2
    )


def test_a_database_takes_no_more_forms_than_it_has_groups_of_questions() -> None:
    part = AugmentPart(keep=0, variants=8)
    for groups, most in ((1, 1), (3, 3), (50, 8)):
        made = Augmenter(DATABASES, part, 7, {"shop": groups})
        keys = Counter(varied.variant.key for varied in several(made, 100))
        assert len(keys) == most
        assert {v.variant.key: v.variant.schema for v in several(made, 100)}.keys() == keys.keys()


def test_with_everything_off_the_example_stays_as_it_is() -> None:
    for varied in several(augmenter(keep=1, rename=1, distractors=3, shuffle=True)):
        assert varied.variant.schema is SHOP.schema and varied.variant.key == "shop"
        assert varied.example.sql == ASKED.sql


def test_shuffling_loses_and_adds_nothing() -> None:
    def parts(schema: Schema) -> set[tuple[str, frozenset[Column], tuple[ForeignKey, ...]]]:
        return {(t.name, frozenset(t.columns), t.foreign_keys) for t in schema.tables}

    orders = {shuffled(ZOO.schema, random.Random(seed)) for seed in range(20)}
    assert len(orders) > 10
    assert all(parts(schema) == parts(ZOO.schema) for schema in orders)


def test_unrelated_tables_come_whole_and_never_share_a_name() -> None:
    seen = set()
    for varied in several(augmenter(distractors=2)):
        names = [t.name.lower() for t in varied.variant.schema.tables]
        assert len(set(names)) == len(names)
        assert set(varied.variant.added.values()) <= {"zoo"}
        for name in varied.variant.added:
            found = varied.variant.schema.table(name)
            assert found is not None and varied.variant.origin(name) == ("zoo", name)
            assert all(key.ref_table.lower() in names for key in found.foreign_keys)
            seen.add(name)
    assert seen == {"animal", "cage"}, "item is taken, sqlite_sequence reserved"


def test_without_another_database_nothing_is_added() -> None:
    for varied in several(augmenter({"shop": SHOP}, distractors=2)):
        assert varied.variant.schema == SHOP.schema


def test_a_query_that_cannot_be_carried_over_is_asked_of_the_database_as_it_is() -> None:
    for sql in ("SELECT * FROM item UNION SELECT * FROM sale", "no sql at all"):
        for varied in several(augmenter(rename=1, shuffle=True), sql=sql):
            assert varied.variant.schema is SHOP.schema and varied.example.sql == sql


def test_links_follow_renamed_columns_and_masked_values() -> None:
    links = (Link("item", "price", "5"), Link("sale", "day", "Monday"))
    varied = augmenter(rename=1, rename_styles=["opaque"], mask_values=1).vary(ASKED, links, 0)
    (link,) = varied.links
    assert link.value != "5" and f"cost {link.value}?" in varied.example.question
    assert f"{link.column} = '{link.value}'" in varied.example.sql
    assert varied.variant.origin(link.table) == ("shop", "item")
    assert varied.variant.old_column(link.column) == "price"


def test_opaque_names_keep_the_old_ones_as_descriptions() -> None:
    varied = augmenter(rename=1, rename_styles=["opaque"]).vary(ASKED, (), 0)
    told = {c.description for t in varied.variant.schema.tables for c in t.columns}
    assert told == {"name", "price", "item name", "day"}
