"""``docs/results/record.json`` and ``docs/record.md`` out of the rows of all trainings.

What has no row yet is said to be not yet measured; every figure is quoted out of the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from claims import RESULTS, ROOT, ClaimRow, format_claim, write_claims
from finished_run import read_json
from record_plans import RECIPES, RECORD, ablations
from record_texts import ABLATIONS, HEAD, INTERNAL, SLICES, TAIL
from sqlforge.core.files import write_text
from sqlforge.score.statistics import mcnemar, paired_difference
from sqlforge.score.traits import TRAITS

UNMEASURED = "not yet measured"
COMPARED = ("spider_constrained", "wikisql_constrained")
_OVER = "_over_"
Told = Mapping[str, Any]


def write_page(results: Path, trial: Path | None = None) -> None:
    """Gather ``results/*.json`` into claims and write the page; into ``trial`` if it is one.

    Trainings that are in ``docs/results/record.json`` and have no file in ``results`` stay.
    """
    target = trial or ROOT / "docs"
    claims = (trial or RESULTS) / "record.json"
    new = {one["name"]: one for one in map(read_json, sorted(results.glob("*.json")))}
    told = dict(sorted((trainings_of(claims) | new).items()))
    if new:
        rows = [*all_rows(told), *compared(told)]
        facts = {name: _facts(one) for name, one in told.items()}
        command = "make record"
        write_claims(
            "record",
            command=command,
            seed=None,
            rows=rows,
            folder=claims.parent,
            measured=facts,
        )
    kept = read_json(claims) if claims.is_file() else {"rows": [], "measured": {}}
    write_text(target / "record.md", page(kept["rows"], kept["measured"]))
    print(f"{len(kept['measured'])} trainings: {claims}, {target / 'record.md'}")


def trainings_of(claims: Path) -> dict[str, Told]:
    """The trainings that are in the claims' file already, with their rows."""
    kept = read_json(claims) if claims.is_file() else {"rows": [], "measured": {}}
    names = {_key(name): name for name in kept["measured"]}
    found = {name: {"name": name, "rows": [], **facts} for name, facts in kept["measured"].items()}
    for row in kept["rows"]:
        owners = [key for key in names if row["name"].startswith(f"{key}_")]
        found[names[max(owners, key=len)]]["rows"].append(row)
    return found


def all_rows(told: Mapping[str, Told]) -> Iterator[ClaimRow]:
    """The rows of every training, as they were measured."""
    names = ("name", "value", "unit", "bound", "low", "high", "n")
    for one in told.values():
        for row in one["rows"]:
            if _OVER not in row["name"]:  # made anew out of both
                yield ClaimRow(**{name: row[name] for name in names})


def compared(told: Mapping[str, Told]) -> Iterator[ClaimRow]:
    """Each ablation against the baseline, adapters on 4 bits against 16, question by question."""
    pairs = [(name, "base") for name, one in told.items() if name != "base" and not one["final"]]
    if "qlora" in told:
        pairs.append(("qlora", "lora"))
    for name, other in pairs:
        if other not in told:
            continue
        for asked in COMPARED:
            rights = [told[arm]["right"].get(asked) for arm in (other, name)]
            if None in rights or len(rights[0]) != len(rights[1]):
                continue
            both = [(a == "1", b == "1") for a, b in zip(*rights, strict=True) if "-" not in a + b]
            first, second = [a for a, _ in both], [b for _, b in both]
            gain, test = paired_difference(first, second), mcnemar(first, second)
            row = f"{_key(name)}_{asked}{_OVER}{_key(other)}"
            yield ClaimRow(row, gain.value, "fraction", None, gain.low, gain.high, len(both))
            yield ClaimRow(f"{row}_p", test.p_value, n=len(both))


def _facts(one: Told) -> dict[str, Any]:
    kept = (
        "recipe", "story", "final", "seed", "method", "date",
        "trained_on", "training", "reinforcement",
    )  # fmt: skip
    right = {asked: one["right"][asked] for asked in COMPARED if asked in one["right"]}
    return {**{name: one[name] for name in kept}, "right": right}


def _key(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def page(rows: Sequence[Told], trainings: Mapping[str, Told]) -> str:
    """The whole of ``docs/record.md``."""
    quotes = Quotes(rows)
    finals = {name: one for name, one in trainings.items() if one["final"]}
    parts = [
        HEAD,
        *_headline(quotes, finals),
        *_internal(quotes, list(finals)),
        *_slices(quotes, finals),
        *_ablations(quotes, trainings),
        TAIL.format(recipe=RECORD.name),
    ]
    return "\n".join(parts) + "\n"


class Quotes:
    """Figures as quoted claims; what has not been measured says so."""

    def __init__(self, rows: Sequence[Told]) -> None:
        names = ("name", "value", "unit", "bound", "low", "high", "n")
        self._rows = {row["name"]: ClaimRow(**{n: row[n] for n in names}) for row in rows}

    def __call__(self, name: str, *, interval: bool = False) -> str:
        """One figure, with its interval if wanted."""
        row = self._rows.get(name)
        if row is None:
            return UNMEASURED
        found = _quote(name, row)
        if interval and row.low is not None and row.high is not None:
            ends = (
                _quote(f"{name}.{end}", ClaimRow(name, value, row.unit))
                for end, value in (("low", row.low), ("high", row.high))
            )
            found += f" ({' to '.join(ends)})"
        return found

    def has(self, name: str) -> bool:
        """Whether it was measured."""
        return name in self._rows


def _quote(name: str, row: ClaimRow) -> str:
    return f"<!--claim:record/{name}-->{format_claim(row)}<!--/claim-->"


def _heads(finals: Mapping[str, Told]) -> list[str]:
    """What stands over the columns of whole trainings: their recipe and seed."""
    told = [(Path(one["recipe"]), one["seed"]) for one in finals.values()]
    return [f"[{file.stem}](../{file.as_posix()}), seed {seed}" for file, seed in told] or [
        "the record run"
    ]


def _headline(quotes: Quotes, finals: Mapping[str, Told]) -> Iterator[str]:
    head = _heads(finals)
    yield _row("", *head, "bound", "aim")
    yield _row(*["---"] * (len(head) + 3))
    for words, row, bound, aim in _HEADLINE:
        keys = [_key(name) for name in finals] or [""]
        cells = [quotes(f"{key}_{row}", interval=True) for key in keys]
        yield _row(words, *cells, bound, aim)
    yield ""


def _internal(quotes: Quotes, finals: Sequence[str]) -> Iterator[str]:
    yield INTERNAL
    yield _row("exact match", "base", "tuned", "tuned, whole schema shown")
    yield _row("---", "---", "---", "---")
    first = _key(finals[0]) if finals else ""
    for words, group in _GROUPS.items():
        base = [f"{first}_internal_used_base_{s}{group}_exact_match" for s in _STYLES]
        best = [name for name in base if quotes.has(name)]
        cells = [" / ".join(map(quotes, best)) or UNMEASURED]
        cells += [
            quotes(f"{first}_internal_{shown}{group}_exact_match", interval=True)
            for shown in ("used", "full")
        ]
        yield _row(words, *cells)
    cells = [quotes(f"{first}_internal_{shown}_exact_match_any_case") for shown in ("used", "full")]
    yield _row("all, case of literals aside", "", *cells)
    yield ""


def _slices(quotes: Quotes, finals: Mapping[str, Told]) -> Iterator[str]:
    yield SLICES
    head = _heads(finals)
    yield _row("Spider dev, greedy, constrained", *head)
    yield _row(*["---"] * (len(head) + 1))
    keys = [_key(name) for name in finals] or [""]
    for words in ("easy", "medium", "hard", "extra", *TRAITS):
        label = "_".join(words.split())
        cells = [quotes(f"{key}_spider_constrained_of_{label}", interval=True) for key in keys]
        yield _row(words, *cells)
    yield ""


def _ablations(quotes: Quotes, trainings: Mapping[str, Told]) -> Iterator[str]:
    yield ABLATIONS
    yield _row(
        "recipe", "change", "held-out databases of Spider train, constrained", "over the baseline",
        "p", "unconstrained", "valid SQL, unconstrained", "WikiSQL, constrained", "training",
    )  # fmt: skip
    yield _row(*["---"] * 9)
    for name in ablations():
        file, key = RECIPES / "ablations" / f"{name}.yaml", _key(name)
        story = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        link = f"[{name}](../recipes/ablations/{name}.yaml)"
        if name not in trainings:
            yield _row(link, story, UNMEASURED, *[""] * 6)
            continue
        over = f"{key}_spider_constrained_over_base"
        yield _row(
            link,
            story,
            quotes(f"{key}_spider_constrained_execution_accuracy", interval=True),
            "" if name == "base" else quotes(over, interval=True),
            "" if name == "base" else quotes(f"{over}_p"),
            quotes(f"{key}_spider_unconstrained_execution_accuracy"),
            quotes(f"{key}_spider_unconstrained_valid_sql"),
            quotes(f"{key}_wikisql_constrained_execution_accuracy"),
            quotes(f"{key}_training_seconds"),
        )
    yield ""
    yield _row("decoded otherwise, same weights", *(words for words, _ in _WAYS))
    yield _row("---", *["---"] * len(_WAYS))
    for name in ("base", "plain-answers"):
        cells = [
            quotes(f"{_key(name)}_spider_{way}_execution_accuracy", interval=True)
            for _, way in _WAYS
        ]
        yield _row(name, *cells)
    gap = "qlora_spider_constrained_over_lora"
    yield ""
    yield (
        "NF4 against 16-bit LoRA, same data, steps and learning rate, on the held-out databases: "
        f"{quotes(gap, interval=True)} (aim: within 1 point)."
    )
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


_WAYS = (
    ("schema constraint", "constrained"),
    ("and joins on keys only", "join_on_keys"),
    ("and literals that the question names", "linked_literals"),
)
_STYLES = ("plain", "instructed", "few_shot")
_GROUPS = {
    "all 500": "",
    "WikiSQL held-out tables in sql-create-context's form": "_wikisql",
    "sql-create-context, Spider part (dev databases)": "_sql_create_context",
    "synthetic corpus, test domains": "_sqlforge_synthetic",
}
_RIGHT, _VALID = "execution_accuracy", "valid_sql"
_HEADLINE = (
    ("Spider dev, greedy, constrained", f"spider_constrained_{_RIGHT}", "≥ 45 %", "≥ 60 %"),
    (
        "the same without the 8 `wta_1.rankings` questions",
        f"spider_constrained_without_rankings_{_RIGHT}",
        "",
        "",
    ),
    ("Spider dev, vote of 8", f"spider_vote_{_RIGHT}", "≥ 50 %", "≥ 65 %"),
    ("Spider dev, greedy, unconstrained", f"spider_unconstrained_{_RIGHT}", "", ""),
    ("Spider dev, exact set match, constrained", "spider_constrained_exact_match", "", ""),
    ("Spider dev, valid SQL, constrained", f"spider_constrained_{_VALID}", "100 %", ""),
    ("Spider dev, valid SQL, unconstrained", f"spider_unconstrained_{_VALID}", "", ""),
    ("WikiSQL held-out tables, greedy", f"wikisql_constrained_{_RIGHT}", "≥ 82 %", "≥ 90 %"),
    ("WikiSQL held-out tables, vote of 8", f"wikisql_vote_{_RIGHT}", "", ""),
    ("WikiSQL held-out tables, valid SQL", f"wikisql_constrained_{_VALID}", "100 %", ""),
    ("internal split, exact match", "internal_used_exact_match", "≥ 75 %", "≥ 87 %"),
    ("internal split, valid SQL, unconstrained", f"internal_used_{_VALID}", "≥ 97.4 %", ""),
    ("500-example evaluation: generation and scoring", "internal_used_seconds", "≤ 15 s", "≤ 5 s"),
    ("training", "training_seconds", "≤ 900 s", ""),
    ("peak memory of training", "training_peak_memory", "", ""),
)
