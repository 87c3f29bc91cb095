import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sqlforge.core.config import AugmentPart, PromptPart, Recipe
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.database.values import sample_values
from sqlforge.prompt.augment.variants import Augmenter
from sqlforge.prompt.look import SchemaLook
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.schema_text import schema_text
from sqlforge.prompt.template import prompt_version
from sqlforge.prompt.used import used_schema

SCHEMA = Schema(
    (
        Table(
            "customer",
            (
                Column("id", "INTEGER", True, "number of the\n customer"),
                Column("home city", "VARCHAR(20)", False, "a | b */"),
            ),
            (),
            "who buys",
        ),
        Table(
            "order",
            (
                Column("no", "INTEGER", True),
                Column("line", "INTEGER", True),
                Column("customer_id", "INTEGER"),
            ),
            (ForeignKey(("customer_id",), "customer", ("id",)),),
        ),
    )
)
SAMPLES = {("customer", "home city"): ("Bath", "O'Neil"), ("order", "no"): (1, 2)}


def test_the_compact_form_tells_everything_in_one_line_a_table() -> None:
    look = SchemaLook(descriptions=True, samples=SAMPLES)
    assert schema_text(SCHEMA, look).split("\n") == [
        "customer(id int key /* number of the customer */, "
        "\"home city\" text /* a | b * /; such as 'Bath', 'O''Neil' */) /* who buys */",
        '"order"(no int key /* such as 1, 2 */, line int key, customer_id int = customer.id)',
    ]


def test_the_ddl_form_is_ddl_with_comments() -> None:
    look = SchemaLook("ddl", descriptions=True, samples=SAMPLES)
    assert schema_text(SCHEMA, look).split("\n") == [
        "CREATE TABLE customer ( -- who buys",
        "  id INTEGER PRIMARY KEY, -- number of the customer",
        "  \"home city\" VARCHAR(20) -- a | b */; such as 'Bath', 'O''Neil'",
        ");",
        'CREATE TABLE "order" (',
        "  no INTEGER, -- such as 1, 2",
        "  line INTEGER,",
        "  customer_id INTEGER,",
        "  PRIMARY KEY (no, line),",
        "  FOREIGN KEY (customer_id) REFERENCES customer (id)",
        ");",
    ]


def test_the_markdown_form_is_a_table_a_table() -> None:
    look = SchemaLook("markdown", descriptions=True, samples=SAMPLES)
    assert schema_text(SCHEMA, look).split("\n") == [
        "## customer: who buys",
        "| column | type | key | meaning | such as |",
        "| --- | --- | --- | --- | --- |",
        "| id | int | primary | number of the customer |  |",
        "| \"home city\" | text |  | a \\| b */ | 'Bath', 'O''Neil' |",
        '## "order"',
        "| column | type | key | refers to | such as |",
        "| --- | --- | --- | --- | --- |",
        "| no | int | primary |  | 1, 2 |",
        "| line | int | primary |  |  |",
        "| customer_id | int |  | customer.id |  |",
    ]


def test_foreign_keys_are_left_out_where_the_recipe_says_so() -> None:
    for form in ("compact", "ddl", "markdown"):
        shown = schema_text(SCHEMA, SchemaLook(form, foreign_keys=False))
        assert "customer.id" not in shown and "REFERENCES" not in shown


def bare(schema: Schema) -> Schema:
    """``schema`` without descriptions."""
    tables = [
        replace(t, description=None, columns=tuple(replace(c, description=None) for c in t.columns))
        for t in schema.tables
    ]
    return replace(schema, tables=tuple(tables))


def test_ddl_reads_back_as_the_schema_it_was_made_of(tmp_path: Path) -> None:
    made = generate_corpus(tmp_path, seed=2, counts={"train": 60}, max_tables=4)["train"]
    look = SchemaLook("ddl", descriptions=True, samples=SAMPLES)
    for schema in [SCHEMA, *(database.schema for database in made.databases.values())]:
        assert bare(schema_from_ddl(schema_text(schema, look))) == bare(schema)


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT count(*) FROM customer", {"customer": ["id", "home city"]}),
        ('SELECT "home city" FROM customer', {"customer": ["home city"]}),
        ("SELECT * FROM customer WHERE id = 1", {"customer": ["id", "home city"]}),
        (
            'SELECT T1.id FROM customer AS T1 JOIN "order" AS T2 ON T1.id = T2.customer_id',
            {"customer": ["id"], "order": ["customer_id"]},
        ),
        ("SELECT 1", {"customer": ["id", "home city"], "order": ["no", "line", "customer_id"]}),
        ("no sql", {"customer": ["id", "home city"], "order": ["no", "line", "customer_id"]}),
    ],
)
def test_only_what_a_query_uses_is_shown(sql: str, shown: dict[str, list[str]]) -> None:
    used = used_schema(SCHEMA, sql)
    assert {t.name: [c.name for c in t.columns] for t in used.tables} == shown


def test_keys_whose_other_end_is_not_shown_are_left_out() -> None:
    (order,) = used_schema(SCHEMA, 'SELECT customer_id FROM "order"').tables
    assert order.foreign_keys == ()
    both = used_schema(SCHEMA, 'SELECT T2.id FROM "order" JOIN customer AS T2 ON customer_id = id')
    assert both.tables[1].foreign_keys == SCHEMA.tables[1].foreign_keys


@pytest.fixture
def shop(tmp_path: Path) -> Database:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE customer (id INTEGER PRIMARY KEY, "home city" TEXT)')
        rows = [(1, "Bath"), (2, None), (3, "Ayr"), (4, "Bath"), (5, "x" * 41), (6, "two\nlines")]
        connection.executemany("INSERT INTO customer VALUES (?, ?)", rows)
    connection.close()
    return Database("shop", SCHEMA, path)


def test_samples_are_the_first_short_values_of_each_column(shop: Database) -> None:
    assert sample_values(shop, 3) == {
        ("customer", "id"): (1, 2, 3),
        ("customer", "home city"): ("Bath", "Ayr", "two\nlines"),
    }


def test_a_recipe_asks_for_samples_descriptions_and_a_form(shop: Database) -> None:
    part = PromptPart(form="ddl", samples=3, descriptions=True, link_values=False)
    text = Prompter.of(part, {"shop": shop}).ask("shop", "Who?")[0]["content"]
    assert "\"home city\" VARCHAR(20) -- a | b */; such as 'Bath', 'Ayr'\n" in text
    assert text.startswith("SQLite tables:\nCREATE TABLE") and text.endswith("\n\nQuestion: Who?")


def test_samples_follow_renamed_columns_and_come_with_unrelated_tables(
    shop: Database, tmp_path: Path
) -> None:
    path = tmp_path / "zoo.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE animal (species TEXT)")
        connection.execute("INSERT INTO animal VALUES ('ibex')")
    connection.close()
    zoo = Database("zoo", Schema((Table("animal", (Column("species", "TEXT"),)),)), path)
    databases = {"shop": shop, "zoo": zoo}
    settings = AugmentPart(keep=0, rename=1, rename_styles=("camel",), distractors=1)
    asked = Example("a", "Where?", 'SELECT "home city" FROM customer', "shop", "own", "MIT")
    varied = Augmenter(databases, settings, seed=1).vary(asked, (), 0)
    (message,) = Prompter.of(PromptPart(samples=1), databases).ask_varied(varied)
    assert "homeCity text /* such as 'Bath' */" in message["content"]
    assert "Animal(species text /* such as 'ibex' */)" in message["content"]


def test_a_gold_decides_what_is_shown_only_where_the_recipe_says_so(shop: Database) -> None:
    sql = "SELECT id FROM customer"
    full = Prompter.of(PromptPart(), {"shop": shop})
    used = Prompter.of(PromptPart(schema_shown="used"), {"shop": shop})
    assert full.schema_text("shop", sql) == used.schema_text("shop") == schema_text(SCHEMA)
    assert used.schema_text("shop", sql) == "customer(id int key)"


def test_the_version_of_a_prompt_tells_what_differs_from_the_default() -> None:
    assert prompt_version(PromptPart(max_tokens=99)) == "2"
    part = PromptPart(schema_shown="used", fuzzy_values=True, link_values=False)
    assert prompt_version(part) == "2 schema_shown=used link_values=False fuzzy_values=True"


def test_opaque_names_need_descriptions() -> None:
    raw = {
        "name": "t",
        "model": {"name": "m"},
        "data": {"train": [{"source": "spider"}], "test": [{"source": "spider"}]},
        "augment": {"rename": 0.5, "rename_styles": ["opaque"]},
    }
    with pytest.raises(ValueError, match="opaque names say nothing"):
        Recipe.model_validate(raw)
    Recipe.model_validate({**raw, "prompt": {"descriptions": True}})


def test_an_index_that_finds_no_room_makes_place_and_is_built_anew(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlforge.prompt.prompter._INDEXED_VALUES", 3)
    databases = {name: replace(shop, db_id=name) for name in "abc"}
    prompter = Prompter(databases, link_values=True)
    for name in "abcabc":
        assert [link.value for link in prompter.links(name, "In Bath?")] == ["Bath"]
        assert len(prompter._indices) == 1
