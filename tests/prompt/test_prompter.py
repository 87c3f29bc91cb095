import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sqlforge.core.config import PromptPart
from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.prompt.augment.sql_names import Renaming, find_names, rename_sql
from sqlforge.prompt.augment.variants import Variant, Varied
from sqlforge.prompt.linking import Link
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.schema_text import schema_text
from sqlforge.prompt.template import Shot, messages

SCHEMA = Schema((Table("customer", (Column("id", "INT", True), Column("city", "TEXT"))),))
EXAMPLE = Example("x-1", "Who is in Bath?", "SELECT 1", "shop", "test", "CC0-1.0")


@pytest.fixture
def shop(tmp_path: Path) -> Database:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customer (id INT PRIMARY KEY, city TEXT)")
        connection.execute("INSERT INTO customer VALUES (1, 'Bath'), (2, 'O''Neil')")
    connection.close()
    return Database("shop", SCHEMA, path)


def content(prompter: Prompter, question: str) -> str:
    (message,) = prompter.ask("shop", question)
    return message["content"]


def test_a_prompt_holds_the_schema_the_values_named_and_the_question(shop: Database) -> None:
    asked = content(Prompter({"shop": shop}, link_values=True), " Is o'neil from bath? ")
    assert asked == (
        "SQLite tables:\n"
        "customer(id int key, city text)\n"
        "\n"
        "Values: customer.city = 'O''Neil', customer.city = 'Bath'\n"
        "Question: Is o'neil from bath?"
    )


def test_values_are_left_out_where_the_recipe_says_so_or_the_database_has_no_rows(
    shop: Database,
) -> None:
    for database, link in ((shop, False), (Database("shop", SCHEMA), True)):
        prompter = Prompter({"shop": database}, link_values=link)
        assert "Values:" not in content(prompter, "Who is in Bath?")


def test_questions_about_one_database_share_everything_up_to_the_values(shop: Database) -> None:
    prompter = Prompter({"shop": shop}, link_values=True)
    first, second = content(prompter, "Who is in Bath?"), content(prompter, "How many?")
    head = "SQLite tables:\ncustomer(id int key, city text)\n\n"
    assert first.startswith(head) and second.startswith(head)


def test_the_values_of_a_database_are_read_once(shop: Database) -> None:
    prompter = Prompter({"shop": shop}, link_values=True)
    before = prompter.links("shop", "Who is in Bath?")
    assert shop.path is not None
    shop.path.unlink()
    assert prompter.links("shop", "Who is in Bath?") == before
    with pytest.raises(DatabaseError):
        Prompter({"shop": shop}, link_values=True).links("shop", "Who is in Bath?")


def test_a_few_shot_prompt_shows_solved_questions_before_the_one_asked(shop: Database) -> None:
    prompter = Prompter({"shop": shop}, link_values=True)
    shot = prompter.shot(EXAMPLE)
    assert shot == Shot(
        schema_text(SCHEMA), (Link("customer", "city", "Bath"),), EXAMPLE.question, EXAMPLE.sql
    )
    asked = prompter.ask("shop", "How many?", "few_shot", [shot, shot])
    roles = [message["role"] for message in asked]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert asked[1]["content"] == "SELECT 1"
    assert asked[-1]["content"].endswith("Question: How many?")


def test_shots_are_shown_by_the_few_shot_prompt_only(shop: Database) -> None:
    shot = Prompter({"shop": shop}, link_values=True).shot(EXAMPLE)
    for style in ("plain", "instructed"):
        assert len(messages(SCHEMA, (), "How many?", style, [shot])) == 1
    instructed = messages(SCHEMA, (), "How many?", "instructed")[0]["content"]
    assert "Reply with the SQL only" in instructed
    assert instructed.endswith("Question: How many?")


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("sqlite", "SQLite"),
        ("postgres", "PostgreSQL"),
        ("mysql", "MySQL"),
        ("duckdb", "DuckDB"),
        ("oracle", "oracle"),
    ],
)
def test_a_prompt_names_the_dialect_of_its_database(dialect: str, name: str) -> None:
    schema = replace(SCHEMA, dialect=dialect)
    prompter = Prompter({"shop": Database("shop", schema)}, link_values=False)
    instructed = f"You are given the tables of a {name} database. Answer the question with one "
    instructed += f"{name} SELECT statement that "
    varied = Varied(EXAMPLE, Variant("shop/0/1", schema, "shop"), ())
    assert prompter.ask_varied(varied) == prompter.ask("shop", EXAMPLE.question)
    for conversation in (prompter.ask("shop", "How many?"), messages(schema, (), "How many?")):
        assert conversation[0]["content"].startswith(f"{name} tables:\ncustomer(id")
    shots = [prompter.shot(EXAMPLE)]
    for message in prompter.ask("shop", "How many?", "few_shot", shots)[::2]:
        assert message["content"].startswith(instructed)


def test_a_shot_from_another_database_keeps_its_own_dialect() -> None:
    databases = {
        "shop": Database("shop", SCHEMA),
        "server": Database("server", replace(SCHEMA, dialect="mysql")),
    }
    prompter = Prompter(databases, link_values=False)
    shown, _, asked = prompter.ask("server", "How many?", "few_shot", [prompter.shot(EXAMPLE)])
    assert "a SQLite database" in shown["content"] and "a MySQL database" in asked["content"]


@pytest.mark.parametrize(
    ("dialect", "order"),
    [("sqlite", '"order"'), ("duckdb", '"order"'), ("postgres", '"order"'), ("mysql", "`order`")],
)
def test_names_are_quoted_as_their_dialect_wants_them(dialect: str, order: str) -> None:
    schema = Schema((Table("order", (Column("city", "TEXT"),)),), dialect)
    for form, text in (
        ("compact", f"{order}(city text)"),
        ("ddl", f"CREATE TABLE {order} (\n"),
        ("markdown", f"## {order}\n"),
    ):
        prompter = Prompter.of(
            PromptPart.model_validate({"form": form}), {"shop": Database("shop", schema)}
        )
        assert prompter.schema_text("shop").startswith(text)
    (asked,) = messages(schema, [Link("order", "city", "Bath")], "Who?")
    assert f"\nValues: {order}.city = 'Bath'\n" in asked["content"]


def test_a_renamed_query_is_quoted_as_its_dialect_wants_it() -> None:
    sql, renaming = "SELECT a FROM b", Renaming({"b": "straße"}, {})
    uses = find_names(sql, Schema((Table("b", (Column("a", "TEXT"),)),), "mysql"))
    assert uses is not None
    assert rename_sql(sql, uses, renaming, "mysql") == "SELECT a FROM `straße`"
    assert rename_sql(sql, uses, renaming) == 'SELECT a FROM "straße"'
