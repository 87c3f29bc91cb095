"""Rows in sql-create-context's layout, made by rule: for measuring scale, not published data."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

_NOUNS = (
    "account airport album artist author award bank battle book branch bridge budget building "
    "camera candidate capital car city claim club coach college company concert contract county "
    "course customer dealer department device director district doctor driver election employee "
    "engine event exhibition factory farm festival film flight game garden gas gymnast hall harbor "
    "hospital hotel invoice island journal judge lake language lawyer league lens library machine "
    "manager market match medicine member mill mountain museum nation office opera orchestra order "
    "party patient phone pilot plane player poem port product program project railway region "
    "reservoir restaurant river road room school season ship shop singer song stadium station "
    "student supplier surgeon team theater ticket tourney town track trader train treaty trip "
    "university vehicle village visitor vote warehouse winner worker zone"
).split()
_FIELDS = (
    "age amount area attendance balance birthday brand capacity category code color cost country "
    "date day degree depth distance duration elevation email fee founded gender grade height hours "
    "income kind language length level location manufacturer mass model month name nationality "
    "number opened owner period phone population position price quality quantity rank rating "
    "revenue salary score sex size speed status street surface time title type unit value volume "
    "votes wage weight width year"
).split()
_KINDS = ("VARCHAR", "INTEGER", "REAL", "DATE")


def made_rows(count: int, seed: int) -> Iterator[dict[str, str]]:
    """``count`` rows, always the same for a seed; about one in twenty-five has a fault.

    Faults are those of the published rows: a repetition in other spelling, a gold that names what
    its context lacks, SQL that does not parse.
    """
    rng = random.Random(seed)
    previous = {"question": "Who?", "context": "CREATE TABLE a (b INTEGER)", "answer": "SELECT 1"}
    for number in range(count):
        if number % 4 == 0:
            tables = [_table(rng, number, place) for place in range(rng.choice((1, 1, 1, 2)))]
        row = _row(rng, number, tables)
        chance = rng.random()
        if chance < 0.01:
            row = {**previous, "question": previous["question"].upper().replace(" ", "  ")}
        elif chance < 0.03:
            row["answer"] = row["answer"].replace("SELECT ", "SELECT missing_name, ", 1)
        elif chance < 0.04:
            row["answer"] = row["answer"].replace("SELECT ", "SELECT (", 1)
        yield row
        previous = row


def write_made_rows(folder: Path, count: int, seed: int) -> Path:
    """The rows as ``train.jsonl``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in made_rows(count, seed):
            file.write(json.dumps(row) + "\n")
    return path


def _table(rng: random.Random, number: int, place: int) -> tuple[str, list[str], str]:
    name = f"{rng.choice(_NOUNS)}_{rng.choice(_FIELDS)}_{(number // 4) % 9973}"
    columns = ["ref", *rng.sample(_FIELDS, rng.randint(2, 6))]
    declared = ", ".join(f"{column} {rng.choice(_KINDS)}" for column in columns)
    return name, columns, f"CREATE TABLE {name} ({declared})"


def _row(
    rng: random.Random, number: int, tables: list[tuple[str, list[str], str]]
) -> dict[str, str]:
    name, columns, _ = tables[0]
    first, second = rng.sample(columns[1:], 2)
    value = rng.randint(1, 9999)
    spoken = name.rpartition("_")[0].replace("_", " ")
    shapes = [
        (
            f"What is the {first} of the {spoken} whose {second} is {value}?",
            f"SELECT {first} FROM {name} WHERE {second} = {value}",
        ),
        (
            f"How many rows of {spoken} have a {first} above {value} and {second} {value}?",
            f"SELECT COUNT(*) FROM {name} WHERE {first} > {value} AND {second} = '{value}'",
        ),
        (
            f"Show the largest {first} of each {second} of {spoken}, those over {value} only.",
            f"SELECT {second}, MAX({first}) FROM {name} GROUP BY {second} "
            f"HAVING COUNT(*) > {value} ORDER BY {second} DESC LIMIT 3",
        ),
        (
            f"Which {first} belongs to the {spoken} with the average {second} under {value}?",
            f"SELECT {first} FROM {name} WHERE {second} < "
            f"(SELECT AVG({second}) FROM {name} WHERE {first} <> '{value}')",
        ),
    ]
    if len(tables) == 2:
        other, others, _ = tables[1]
        shapes.append(
            (
                f"Give the {first} and {others[1]} where {second} equals {value} in {spoken}.",
                f"SELECT T1.{first}, T2.{others[1]} FROM {name} AS T1 JOIN {other} AS T2 "
                f"ON T1.ref = T2.ref WHERE T1.{second} = {value}",
            )
        )
    question, sql = rng.choice(shapes)
    context = "; ".join(table[2] for table in tables)
    return {"question": f"{question[:-1]} ({number})?", "context": context, "answer": sql}
