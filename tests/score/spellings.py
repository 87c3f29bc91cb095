"""Queries over the shop database, and their other spellings: text changes, meaning does not."""

from __future__ import annotations

import random

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

QUERIES = [
    "SELECT name FROM shop",
    "SELECT s.name, s.city FROM shop AS s WHERE s.id > 1 AND s.city = 'Oslo'",
    "SELECT count(*) FROM sale WHERE note IS NOT NULL OR amount BETWEEN 1 AND 5",
    "SELECT s.name, sum(x.amount) FROM shop AS s JOIN sale AS x ON s.id = x.shop_id "
    "GROUP BY s.name",
    "SELECT s.name FROM shop AS s LEFT JOIN sale AS x ON s.id = x.shop_id WHERE x.id IS NULL",
    "SELECT a.name, b.name FROM shop AS a JOIN shop AS b ON a.city = b.city WHERE a.id < b.id",
    "SELECT a.name FROM shop AS a WHERE a.id IN (SELECT b.shop_id FROM sale AS b "
    "WHERE b.amount > 5)",
    "SELECT a.name FROM shop AS a WHERE EXISTS (SELECT 1 FROM sale AS b WHERE b.shop_id = a.id)",
    "SELECT a.name FROM shop AS a WHERE a.id = (SELECT max(b.id) FROM shop AS b "
    "WHERE b.city = a.city)",
    "SELECT avg(t.n) FROM (SELECT count(*) AS n FROM sale AS x GROUP BY x.shop_id) AS t",
    "SELECT t.name FROM (SELECT s.name, s.id FROM shop AS s) AS t "
    "JOIN sale AS x ON t.id = x.shop_id",
    "WITH big AS (SELECT x.shop_id FROM sale AS x WHERE x.amount > 5) "
    "SELECT s.name FROM shop AS s JOIN big AS b ON s.id = b.shop_id",
    "SELECT s.city FROM shop AS s UNION SELECT x.note FROM sale AS x",
    "SELECT s.id FROM shop AS s EXCEPT SELECT x.shop_id FROM sale AS x WHERE x.amount > 5",
    "SELECT s.city, count(*) FROM shop AS s GROUP BY s.city HAVING count(*) > 1 "
    "ORDER BY count(*) DESC, s.city LIMIT 3",
    "SELECT CASE WHEN s.id > 1 THEN 'a' ELSE 'b' END FROM shop AS s",
    "SELECT DISTINCT a.name FROM shop AS a JOIN sale AS b ON a.id = b.shop_id "
    "JOIN sale AS c ON a.id = c.shop_id WHERE b.amount < c.amount",
]
# Some are tables of the schema or columns: an alias may be called anything.
_ALIASES = "t u v w shop sale name T1 T2 T3 x-y amount_1 shop_1 query_1 cte_1".split()


def respelled(query: str, rng: random.Random) -> str:
    """``query`` under other table aliases, with other quotes, letter case and white space."""
    tree = sqlglot.parse_one(query, dialect="sqlite")
    _rename(tree, rng)
    for name in tree.find_all(exp.Identifier):
        if name.name.isidentifier():
            name.set("this", rng.choice([str.lower, str.upper, str.title])(name.name))
        name.set("quoted", rng.random() < 0.3 or not name.name.isidentifier())
    text = tree.sql(dialect="sqlite", pretty=rng.random() < 0.5, normalize_functions=False)
    if rng.random() < 0.5:
        text = text.replace("<>", "!=").replace(" AS ", rng.choice([" as ", " As  "]))
    words = text.split(" ")
    # No comment inside GROUP BY: the parser takes the two words for one.
    gaps = [
        rng.choice([" ", "  ", "\n", "\t", " /* note */ "] if w[-1:] in ",;*" else [" ", "\n"])
        for w in words
    ]
    spaced = "".join(f"{word}{gap}" for word, gap in zip(words, gaps, strict=True))
    return spaced.strip() + rng.choice(["", ";", " ;", " -- end"])


def _rename(tree: exp.Expr, rng: random.Random) -> None:
    free = rng.sample(_ALIASES, len(_ALIASES))  # each once: none hides another
    for scope in traverse_scope(tree):
        sources = dict(scope.selected_sources)
        new = {name: free.pop() for name in sources}
        for column in scope.columns:
            if column.table in new:
                column.set("table", exp.to_identifier(new[column.table], quoted=True))
        for name, (node, _) in sources.items():
            alias = exp.to_identifier(new[name], quoted=True)
            query = node if isinstance(node, exp.Table) else node.find_ancestor(exp.Subquery)
            assert query is not None
            query.set("alias", exp.TableAlias(this=alias))
