"""Adapting one query to another database: its tables, columns and literals are slots."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import permutations

from sqlglot import exp

from sqlforge.core.schema import Column, Schema, Table
from sqlforge.score.question_words import NUMBER, QUOTED, Mention, ValueIndex, mentions, split_words

MAX_TABLES = 3  # of a template; the choice of tables tries all ways to fill them


class Refill:
    """One template query on its way to the asked database.

    Args:
        question, schema, values: what is asked, and the database it is asked of.
        source_question, source_schema: where the template comes from.
    """

    def __init__(
        self,
        question: str,
        schema: Schema,
        values: ValueIndex,
        source_question: str,
        source_schema: Schema,
    ) -> None:
        self.schema, self.source_schema = schema, source_schema
        self.words = split_words(question)
        self.source_words = split_words(source_question)
        self.source_text = source_question.lower()
        self.mentions = mentions(question, values)
        rest = question
        for mention in self.mentions:
            rest = rest.replace(mention.text, " ", 1)
        self.quoted = QUOTED.findall(rest)
        self.numbers = NUMBER.findall(rest)

    def fill(self, tree: exp.Expr) -> str:
        """The template with every slot replaced, as SQLite's SQL; ``tree`` is changed."""
        owners = self._column_owners(tree)
        tables = self._choose_tables(self._template_tables(tree))
        joins = self._rewire_joins(tree, owners, tables)
        fixed = self._fill_literals(tree, owners, tables)
        done = joins | set(fixed)
        slots = [
            (node, owners[id(node)]) for node in tree.find_all(exp.Column) if id(node) in owners
        ]
        chosen = self._choose_columns(
            [owner for node, owner in slots if id(node) not in done], tables
        )
        for node, owner in slots:
            if id(node) not in done and owner in chosen:
                _rename(node, chosen[owner])
        for table in tree.find_all(exp.Table):
            new = tables.get(table.name.lower())
            if new is not None:
                table.set("this", exp.to_identifier(new.name, quoted=not new.name.isidentifier()))
        for column in tree.find_all(exp.Column):
            new = tables.get(column.table.lower())
            if new is not None:
                column.set("table", exp.to_identifier(new.name))
        return tree.sql(dialect="sqlite")

    def _template_tables(self, tree: exp.Expr) -> list[Table]:
        found = [self.source_schema.table(table.name) for table in tree.find_all(exp.Table)]
        return list(dict.fromkeys(table for table in found if table is not None))

    def _choose_tables(self, templates: list[Table]) -> dict[str, Table]:
        """Template table name → asked table; joined ones stay joined where that can be."""
        ranked = sorted(self.schema.tables, key=lambda t: -self._table_score(t))[:7]
        best: tuple[float, tuple[Table, ...]] = (-1.0, ())
        for combination in permutations(ranked, len(templates)):
            score = sum(self._table_score(table) for table in combination)
            for template, table in zip(templates, combination, strict=True):
                score += 0.3 * _place_agreement(
                    template.name, self.source_words, table.name, self.words
                )
            for i, child in enumerate(templates):
                for j, parent in enumerate(templates):
                    if _links(child, parent):
                        score += 2.0 * bool(_links(combination[i], combination[j]))
            if score > best[0]:
                best = score, combination
        return {t.name.lower(): new for t, new in zip(templates, best[1], strict=False)}

    def _table_score(self, table: Table) -> float:
        named = _overlap(table.name, self.words)
        columns = sum(_overlap(column.name, self.words) == 1.0 for column in table.columns)
        held = sum(any(p[0] == table.name for p in m.places) for m in self.mentions)
        return 2.0 * named + 0.6 * min(columns, 3) + 0.8 * held

    def _column_owners(self, tree: exp.Expr) -> dict[int, tuple[Table, Column]]:
        """``id`` of a column node → the template's table and column that it means."""
        owners = {}
        for node in tree.find_all(exp.Column):
            select = node.find_ancestor(exp.Select)
            while select is not None and id(node) not in owners:
                for source in _sources(select):
                    table = self.source_schema.table(source.name)
                    column = table.column(node.name) if table else None
                    named = node.table.lower() in ("", source.alias_or_name.lower())
                    if table is not None and column is not None and named:
                        owners[id(node)] = (table, column)
                        break
                select = select.find_ancestor(exp.Select)
        return owners

    def _rewire_joins(
        self,
        tree: exp.Expr,
        owners: Mapping[int, tuple[Table, Column]],
        tables: Mapping[str, Table],
    ) -> set[int]:
        """Put the asked database's keys into the join conditions; the nodes that were set."""
        done: set[int] = set()
        for condition in tree.find_all(exp.EQ):
            left, right = condition.this, condition.expression
            if id(left) not in owners or id(right) not in owners:
                continue
            ends = [tables.get(owners[id(node)][0].name.lower()) for node in (left, right)]
            if ends[0] is None or ends[1] is None:
                continue
            forward, backward = _links(ends[0], ends[1]), _links(ends[1], ends[0])
            pair = forward or backward[::-1]
            if pair:
                for node, name in zip((left, right), pair, strict=True):
                    node.set("this", exp.to_identifier(name, quoted=not name.isidentifier()))
                    done.add(id(node))
        return done

    def _fill_literals(
        self,
        tree: exp.Expr,
        owners: Mapping[int, tuple[Table, Column]],
        tables: Mapping[str, Table],
    ) -> list[int]:
        """Replace literals that the template's question names; the columns set with them."""
        used = {table.name for table in tables.values()}
        named = [m for m in self.mentions if any(p[0] in used for p in m.places)]
        quoted, numbers, fixed = list(self.quoted), list(self.numbers), []
        for literal in list(tree.find_all(exp.Literal)):
            text = literal.name.strip("%")
            if text.lower() not in self.source_text:
                continue
            if not literal.is_string or NUMBER.fullmatch(text):
                if numbers:
                    literal.set("this", numbers.pop(0))
            elif named:
                column = _compared_column(literal)
                value = self._place(named.pop(0), used, owners.get(id(column)), tables)
                literal.set("this", literal.name.replace(text, value[2]))
                if column is not None and id(column) in owners:
                    table = tables.get(owners[id(column)][0].name.lower())
                    if table is not None and table.name == value[0]:
                        _rename(column, Column(value[1], ""))
                        fixed.append(id(column))
            elif quoted:
                literal.set("this", literal.name.replace(text, quoted.pop(0)))
        return fixed

    def _place(
        self,
        mention: Mention,
        used: set[str],
        owner: tuple[Table, Column] | None,
        tables: Mapping[str, Table],
    ) -> tuple[str, str, str]:
        wanted = tables.get(owner[0].name.lower()) if owner else None
        places = [place for place in mention.places if place[0] in used]
        return max(
            places,
            key=lambda p: (wanted is not None and p[0] == wanted.name, _overlap(p[1], self.words)),
        )

    def _choose_columns(
        self, owners: list[tuple[Table, Column]], tables: Mapping[str, Table]
    ) -> dict[tuple[Table, Column], Column]:
        """Template column → asked column of the corresponding table, best pairs first."""
        pairs = [
            (self._column_score(owner, table, column), owner, table, column)
            for owner in dict.fromkeys(owners)
            for table in (tables.get(owner[0].name.lower()),)
            if table is not None
            for column in table.columns
        ]
        chosen: dict[tuple[Table, Column], Column] = {}
        taken = set()
        for _, owner, table, column in sorted(pairs, key=lambda pair: -pair[0]):
            if owner not in chosen and (table, column) not in taken:
                chosen[owner] = column
                taken.add((table, column))
        for _, owner, _, column in sorted(pairs, key=lambda pair: -pair[0]):
            chosen.setdefault(owner, column)  # more slots than columns: share
        return chosen

    def _column_score(self, owner: tuple[Table, Column], table: Table, column: Column) -> float:
        template = owner[1]
        score = 2.0 * _overlap(column.name, self.words)
        score += 1.0 * (_kind(column, table) == _kind(template, owner[0]))
        score += 0.6 * _overlap(column.name, split_words(template.name))
        return score + _place_agreement(template.name, self.source_words, column.name, self.words)


def _sources(select: exp.Select) -> list[exp.Table]:
    clauses = [select.args.get("from_"), *(select.args.get("joins") or ())]
    return [clause.this for clause in clauses if clause and isinstance(clause.this, exp.Table)]


def _rename(node: exp.Column, column: Column) -> None:
    quoted = not column.name.isidentifier()
    node.set("this", exp.to_identifier(column.name, quoted=quoted))


def _overlap(name: str, words: list[str]) -> float:
    """Share of a name's words that occur among ``words``."""
    own = split_words(name)
    return sum(word in words for word in own) / len(own) if own else 0.0


def _place_agreement(name: str, words: list[str], other: str, other_words: list[str]) -> float:
    """1 if both names come at the same relative place of their questions, 0 if at opposite ends."""
    first, second = _place_of(name, words), _place_of(other, other_words)
    return 0.0 if first is None or second is None else 1.0 - abs(first - second)


def _place_of(name: str, words: list[str]) -> float | None:
    places = [words.index(word) for word in split_words(name) if word in words]
    return places[0] / len(words) if places else None


def _links(child: Table, parent: Table) -> tuple[str, ...]:
    """``(child column, parent column)`` of a foreign key between them; empty if there is none."""
    for key in child.foreign_keys:
        if key.ref_table.lower() == parent.name.lower() and key.ref_columns:
            return key.columns[0], key.ref_columns[0]
    return ()


def _kind(column: Column, table: Table) -> str:
    foreign = {name for key in table.foreign_keys for name in key.columns}
    if column.primary_key or column.name in foreign:
        return "key"
    declared = f"{column.type} {column.name}".upper()
    if re.search(r"DATE|TIME", declared):
        return "date"
    return "number" if re.search(r"INT|REAL|NUM|DEC|DOUB|FLOA", column.type.upper()) else "text"


def _compared_column(literal: exp.Literal) -> exp.Column | None:
    predicate = literal.find_ancestor(exp.Predicate, exp.In, exp.Between)
    return predicate.find(exp.Column) if predicate is not None else None
