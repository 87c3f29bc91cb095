"""The exported grammars: spelled for each reader, and read by them where they are installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decode_schemas import awkward_schemas
from sqlforge.core.errors import ConstraintError, DatabaseError
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.decode.grammar import Dialect, export_grammar
from sqlforge.stages.export import export_a_grammar

AWKWARD = awkward_schemas()
SHOP = Schema(
    (
        Table("shop", (Column("id", "INTEGER"), Column("the city", "TEXT"))),
        Table("order", (Column("ID", "INTEGER"), Column("größe", "REAL"))),
    )
)


def rules_of(schema: Schema, dialect: Dialect) -> dict[str, str]:
    mark = ": " if dialect == "lark" else " ::= "
    lines = export_grammar(schema, dialect).splitlines()
    return {name: body for name, _, body in (line.partition(mark) for line in lines)}


def test_names_are_in_any_case_and_quoted_where_they_need_it() -> None:
    rules = rules_of(SHOP, "lark")
    assert rules["table"] == r'"shop"i | "\"order\""i'
    assert rules["name"] == r'"id"i | "\"the city\""i | "\"größe\""'
    rules = rules_of(SHOP, "gbnf")
    assert rules["table"].startswith('[Ss] [Hh] [Oo] [Pp] | "\\"" [Oo] [Rr]')


def test_a_table_is_followed_by_its_own_columns() -> None:
    first, second = rules_of(SHOP, "lark")["inside"].split(") | ")
    assert "city" in first and "größe" not in first
    assert "city" not in second and "größe" in second


@pytest.mark.parametrize("dialect", ["lark", "ebnf", "gbnf"])
@pytest.mark.parametrize("name", AWKWARD)
def test_every_rule_that_is_named_is_there(name: str, dialect: Dialect) -> None:
    rules = rules_of(AWKWARD[name], dialect)
    bare = re.compile(r'"(?:[^"\\]|\\.)*"i?|/(?:[^/\\]|\\.)*/i?|\[(?:[^\]\\]|\\.)*\]')
    named = {word for body in rules.values() for word in re.findall(r"\w+", bare.sub(" ", body))}
    assert named - set(rules) == set()
    assert set(rules) - named == {"start" if dialect == "lark" else "root"}


@pytest.mark.parametrize("name", AWKWARD)
def test_llguidance_reads_the_lark(name: str) -> None:
    llguidance = pytest.importorskip("llguidance", reason="llguidance is not installed")
    grammar = llguidance.grammar_from("lark", export_grammar(AWKWARD[name], "lark"))
    assert llguidance.LLMatcher.validate_grammar(grammar) == ""


@pytest.mark.parametrize("name", AWKWARD)
def test_xgrammar_reads_the_ebnf(name: str) -> None:
    xgrammar = pytest.importorskip("xgrammar", reason="xgrammar is not installed")
    xgrammar.Grammar.from_ebnf(export_grammar(AWKWARD[name], "ebnf"))


ACCEPTED = (
    "SELECT id FROM shop",
    'select DISTINCT "the city" FROM shop AS t1 WHERE t1.id > 3.5 ORDER BY id DESC LIMIT 1',
    'SELECT T1."the city", COUNT(*) FROM shop AS T1 JOIN "order" AS T2 ON T1.id = T2.ID'
    ' GROUP BY T1.id HAVING AVG(T2."größe") >= 2',
    'SELECT id FROM shop WHERE id NOT IN (SELECT ID FROM "order" WHERE "größe" IS NULL)',
    "SELECT id FROM shop WHERE \"the city\" LIKE '%o''s%' UNION SELECT ID FROM \"order\"",
    "WITH cte0 AS (SELECT id FROM shop) SELECT id FROM cte0",
)
REFUSED = (
    "SELECT nme FROM shop",
    "SELECT id FROM shops",
    "SELECT shop.größe FROM shop",
    "DROP TABLE shop",
    "SELECT id FROM shop; DELETE FROM shop",
    "INSERT INTO shop VALUES (1)",
    "SELECT id FROM shop WHERE",
)


def llguidance_accepts(lark: str, sql: str) -> bool:
    """Whether llguidance takes all of ``sql``, byte by byte, and may end there."""
    llguidance = pytest.importorskip("llguidance", reason="llguidance is not installed")
    matcher = llguidance.LLMatcher(
        llguidance.LLTokenizer("byte"), llguidance.grammar_from("lark", lark)
    )
    return all(matcher.consume_token(byte) for byte in sql.encode()) and matcher.is_accepting()


@pytest.mark.parametrize("sql", ACCEPTED)
def test_llguidance_takes_golds(sql: str) -> None:
    assert llguidance_accepts(export_grammar(SHOP, "lark"), sql)


@pytest.mark.parametrize("sql", REFUSED)
def test_llguidance_refuses_the_rest(sql: str) -> None:
    assert not llguidance_accepts(export_grammar(SHOP, "lark"), sql)


@pytest.mark.parametrize("name", AWKWARD)
def test_the_gbnf_is_gbnf_to_llguidances_reader(name: str) -> None:
    """Its reader makes rules terminals that never give back a letter, which llama.cpp's do: what
    the grammar takes is xgrammar's to say, which reads GBNF as it is meant."""
    converter = pytest.importorskip("llguidance.gbnf_to_lark", reason="llguidance is not installed")
    import llguidance

    lark = converter.gbnf_to_lark(export_grammar(AWKWARD[name], "gbnf"))
    grammar = llguidance.grammar_from("lark", lark)
    assert llguidance.LLMatcher.validate_grammar(grammar) == ""


@pytest.mark.parametrize("dialect", ["ebnf", "gbnf"])
@pytest.mark.parametrize("sql", [*ACCEPTED, *REFUSED])
def test_xgrammar_takes_golds_and_refuses_the_rest(sql: str, dialect: Dialect) -> None:
    xgrammar = pytest.importorskip("xgrammar", reason="xgrammar is not installed")
    bytes_and_end = [*(bytes([byte]) for byte in range(256)), "<end>"]
    told = xgrammar.TokenizerInfo(bytes_and_end, stop_token_ids=[256])
    compiled = xgrammar.GrammarCompiler(told).compile_grammar(export_grammar(SHOP, dialect))
    matcher = xgrammar.GrammarMatcher(compiled)
    assert (matcher.accept_string(sql) and matcher.accept_token(256)) is (sql in ACCEPTED)


def test_a_grammar_is_written_for_a_file_of_ddl(tmp_path: Path) -> None:
    ddl, out = tmp_path / "shop.sql", tmp_path / "shop.gbnf"
    ddl.write_text("CREATE TABLE shop (id INTEGER, city TEXT)")
    assert export_a_grammar(str(ddl), "gbnf", out).table("shop") is not None
    assert out.read_text().startswith("root ::= ")


def test_what_is_no_schema_of_sqlite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConstraintError, match="dialect 'postgres'"):
        export_grammar(Schema(SHOP.tables, "postgres"), "lark")
    with pytest.raises(DatabaseError, match="no file at"):
        export_a_grammar(str(tmp_path / "none.sqlite"), "lark", tmp_path / "out")
    assert not (tmp_path / "out").exists()
