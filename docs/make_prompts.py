"""Make docs/prompts.md anew: ``python docs/make_prompts.py``. A test holds the page to it."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from sqlforge.core.config import AugmentPart, PromptPart
from sqlforge.core.files import write_text
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.prompt.augment.variants import Augmenter
from sqlforge.prompt.linking import ValueIndex
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import prompt_version

PAGE = Path(__file__).resolve().parent / "prompts.md"
DDL = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, FullName TEXT, home_city TEXT);
CREATE TABLE sale (saleNo INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id),
                   sold_on DATE, amount REAL);
INSERT INTO customer VALUES (1, 'Ada Byron', 'Bath'), (2, 'Bo Lind', 'New York');
INSERT INTO sale VALUES (1, 2, '2021-03-04', 9.5);
"""
QUESTION = "What did customers from New York pay after 2020-12-31?"
SQL = (
    "SELECT T2.amount FROM customer AS T1 JOIN sale AS T2 ON T1.id = T2.customer_id "
    "WHERE T1.home_city = 'New York' AND T2.sold_on > '2020-12-31'"
)
ASKED = Example("example", QUESTION, SQL, "shop", "docs", "Apache-2.0")
DESCRIBED = {"home_city": "where the customer lives", "sold_on": "day of the sale"}
FORMS = (
    ("compact, the default", PromptPart()),
    ("`form: ddl`", PromptPart(form="ddl")),
    ("`form: markdown`", PromptPart(form="markdown")),
    ("`descriptions: true`, `samples: 2`", PromptPart(descriptions=True, samples=2)),
    ("`schema_shown: used`", PromptPart(schema_shown="used")),
)
AUGMENTATIONS = (
    ("`shuffle: true`", AugmentPart(keep=0)),
    ("`distractors: 1`", AugmentPart(keep=0, shuffle=False, distractors=1)),
    *(
        (f"`rename: 1`, `rename_styles: [{style}]`",
         AugmentPart.model_validate(
             {"keep": 0, "shuffle": False, "rename": 1, "rename_styles": [style]}))
        for style in ("snake", "camel", "abbreviate", "opaque")
    ),
    ("`mask_values: 1`", AugmentPart(keep=1, mask_values=1)),
)  # fmt: skip
MISSPELT = "What did customers from New Yrok pay after December 31st, 2020?"


def page() -> str:
    """The whole page as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        databases = _databases(Path(folder))
        parts = [_HEAD, *_forms(databases), _VALUES, *_links(), _AUGMENT, *_varied(databases)]
    return "\n\n".join([*parts, _TAIL]) + "\n"


def _databases(folder: Path) -> dict[str, Database]:
    path = folder / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(DDL)
    connection.close()
    tables = [
        Table(
            t.name,
            tuple(Column(c.name, c.type, c.primary_key, DESCRIBED.get(c.name)) for c in t.columns),
            t.foreign_keys,
        )
        for t in schema_from_sqlite(path).tables
    ]
    zoo = Schema((Table("animal", (Column("species", "TEXT"), Column("weight", "REAL"))),))
    return {"shop": Database("shop", Schema(tuple(tables)), path), "zoo": Database("zoo", zoo)}


def _forms(databases: dict[str, Database]) -> list[str]:
    found = []
    for title, part in FORMS:
        (message,) = Prompter.of(part, databases).ask("shop", QUESTION, sql=SQL)
        content, version = message["content"], prompt_version(part)
        found.append(f"### {title}\n\nVersion `{version}`.\n\n{_block(content)}")
    return found


def _links() -> list[str]:
    values = {("customer", "home_city"): ("Bath", "New York"), ("sale", "sold_on"): ("2020-12-31",)}
    lines = []
    for fuzzy in (False, True):
        links = ValueIndex(values, fuzzy=fuzzy).link(MISSPELT)
        told = ", ".join(f"{k.table}.{k.column} = '{k.value}'" for k in links) or "(none)"
        lines.append(f"fuzzy_values: {str(fuzzy).lower():<5}  {told}")
    return [_block("\n".join([MISSPELT, "", *lines]))]


def _varied(databases: dict[str, Database]) -> list[str]:
    found = []
    for title, settings in AUGMENTATIONS:
        opaque = "opaque" in settings.rename_styles and settings.rename > 0
        prompter = Prompter.of(PromptPart(descriptions=opaque), databases)
        links = prompter.links("shop", QUESTION)
        varied = Augmenter(databases, settings, seed=7).vary(ASKED, links, epoch=0)
        (message,) = prompter.ask_varied(varied)
        text = f"{message['content']}\n\n{varied.example.sql}"
        found.append(f"### {title}\n\n{_block(text)}")
    return found


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


_HEAD = """# Prompts

What a model is shown, and how training examples are varied. Made by `python docs/make_prompts.py`.

A recipe's `prompt` part says how a schema looks. The same function makes the prompts of training,
evaluation and `trace`, and a benchmark asks an adapter in a run directory as its run's recipe says.
What differs from the default stands in the version, which the manifest of a run and the output of
`predict --json` carry.

The first line names the SQL that is asked for: `SQLite tables:` here, `PostgreSQL tables:`,
`MySQL tables:` or `DuckDB tables:` where the database speaks that.

## Forms of a schema"""
_VALUES = """`used` needs the gold SQL, as sql-create-context's prompts did: scores on such prompts
flatter, because the right columns are given away.

## Values

An index of a database's text values is built once; a question's words are looked up in it, the
longest n-gram first. `values_per_column` bounds it; the default of 5,000 keeps prompts as they
were, and 100,000 are looked up as fast (`python bench/linking.py`). `fuzzy_values: true` forgives,
where nothing was found: plurals and possessives, accents and left-out marks, one typing error in a
word of six letters (four, where other words of the value stand beside it; two errors in twelve),
and other spellings of dates and numbers. A single lower-case word is never taken for a misspelt
name, and a word of the schema for no inflected value. Synonyms are not looked for.
[Decision 0027](decisions/0027-fuzzy-linking.md) has the figures."""
_AUGMENT = """## Augmentations

A recipe's `augment` part varies training examples, and nothing else. In each epoch a database takes
as many forms as it has groups of `questions_per_schema` questions, at most `variants`, so that
questions still share a schema in a pack. `keep` is the share of forms that stay as they are.
Everything is drawn from the recipe's seed, the epoch and the example's id: a run that was cut off
goes on with the same examples.

```yaml
augment:
  variants: 8
  keep: 0.25
  shuffle: true
  distractors: 2
  rename: 0.3
  rename_styles: [snake, camel, abbreviate]
  mask_values: 0.2
```"""
_TAIL = """Opaque names say nothing, so they come with the old words as descriptions, and a recipe
that asks for them must set `prompt.descriptions`.

An example is asked of the database as it is where its SQL cannot be carried over with certainty: a
statement that is no single query, one that reads columns by their order (`SELECT *` in a UNION, an
INSERT without columns), one in which a new name would meet an alias or a string, and one that its
form would make longer than `prompt.max_tokens`.

Why names are replaced as they are: [decision 0026](decisions/0026-renaming.md)."""


if __name__ == "__main__":
    write_text(PAGE, page())
