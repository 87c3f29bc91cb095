"""A model's page as Markdown, from what its run found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template

from sqlforge.core.records import Metric
from sqlforge.core.redact import without_password
from sqlforge.corpus.licences import LicenceShare
from sqlforge.report import card_usage
from sqlforge.report.card_data import CardData
from sqlforge.report.card_metadata import front_matter
from sqlforge.report.data import SourceResult
from sqlforge.report.figures import (
    duration,
    gibibytes,
    interval,
    merged_words,
    points,
    source_label,
    system_label,
)
from sqlforge.report.results import SYSTEMS, against_template, verdict

_PARTS = {"adapter": "The LoRA adapter", "merged": "The whole model, adapter merged in,"}


def render_card(card: CardData, repository: str) -> str:
    """The whole card, front matter first; passwords in URLs are replaced by ``***``.

    Args:
        card: what the run found.
        repository: the name on the hub that the card's commands use, ``user/name``.
    """
    page = files("sqlforge.report").joinpath("model_card.md").read_text(encoding="utf-8")
    body = Template(page).substitute(
        title=repository.rpartition("/")[2],
        intro=_intro(card),
        verdicts=_verdicts(card),
        results="\n\n".join(_results(card, result) for result in card.results),
        purpose=_purpose(card),
        prompt=card_usage.prompt(card),
        loading=card_usage.loading(card, repository),
        data=_data(card),
        audit=_audit(card),
        making=_making(card),
        limits=_limits(card),
        licences=_licences(card),
    )
    return without_password(front_matter(card) + "\n" + body)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars in cells are escaped.

    >>> print(table(["a", "b"], [["1", "x|y"]]))
    | a | b |
    |---|---|
    | 1 | x\\|y |
    """
    lines = [f"|{'---|' * len(head)}"]
    cells = [head, *rows]
    spelled = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in cells
    ]
    return "\n".join([spelled[0], *lines, *spelled[1:]])


def _intro(card: CardData) -> str:
    base = card.base
    named = f"[{base.hub_id}](https://huggingface.co/{base.hub_id})" if base.hub_id else base.name
    how = {"qlora": "QLoRA", "lora": "LoRA", "full": "full fine-tuning"}[card.method]
    what = "The whole model" if card.method == "full" else _PARTS[card.part]
    return (
        f"{what} of {named} after {how} with SQLForge: it answers a question about a database with "
        f"one SQL query. Every figure below is from the run that made it; intervals are 95 % "
        "Wilson intervals."
    )


def _verdicts(card: CardData) -> str:
    lines = []
    for result in card.results:
        lines.append(f"**{verdict(result, card.system)}**")
        if card.system == "tuned" and (beside := against_template(result)):
            lines.append(beside)
        if result.source in card.contaminated:
            lines.append(
                "Part of these questions were in the training data: this figure flatters and must "
                "not be compared with others."
            )
    return "\n\n".join(lines)


def _results(card: CardData, result: SourceResult) -> str:
    rows = []
    for system in (s for s in SYSTEMS if s in result.summaries):
        metrics = result.summaries[system].metrics
        gain = result.comparisons.get(system)
        name = system_label(system)
        rows.append(
            [
                f"**{name}**" if system == card.system else name,
                _cell(metrics.execution_accuracy),
                _cell(metrics.exact_match),
                _cell(metrics.valid_sql),
                ""
                if gain is None
                else f"{points(gain.difference.value)} "
                f"({points(gain.difference.low)} to {points(gain.difference.high)})",
            ]
        )
    head = ["System", "Execution accuracy, %", "Exact match, %", "Valid SQL, %"]
    n = next(iter(result.summaries.values())).n
    shown = [
        f"On {source_label(result.source)}, n = {n:,}; these weights are the row in bold:",
        table([*head, "Tuned minus it, points"], rows),
    ]
    for mode, found in (("Officially", result.official), ("Strictly", result.strict)):
        if (summary := found.get(card.system)) is not None:
            shown.append(
                f"{mode} counted: execution accuracy {_cell(summary.execution_accuracy)}, exact "
                f"set match {_cell(summary.exact_match)}, n = {summary.n:,}."
            )
    return "\n\n".join(shown)


def _cell(metric: Metric) -> str:
    return f"{metric.value * 100:.1f} ({interval(metric)})"


def _purpose(card: CardData) -> str:
    dialects = ", ".join(card.dialects) or "sqlite"
    return "\n".join(
        [
            f"- Drafting read-only SQL ({dialects}) from questions in English, for somebody who "
            "can read the query or check its result.",
            "- Executing what it writes only on a read-only connection with limits on time and "
            "rows, as `sqlforge serve` and `sqlforge ask` do.",
            "- Not for: writing to databases, decisions without a person who looks, or as a guard "
            "of who may see what. Grant its connection only what every asker may read.",
        ]
    )


def _data(card: CardData) -> str:
    rows = [
        [d.source, d.licence, f"{d.train:,}", f"{d.validation:,}", f"{d.test:,}"] for d in card.data
    ]
    return table(["Source", "Licence", "Training", "Validation", "Test"], rows)


def _audit(card: CardData) -> str:
    unseen = [source_label(r.source) for r in card.results if r.unseen]
    seen = [source_label(r.source) for r in card.results if not r.unseen]
    lines = []
    if unseen:
        lines.append(f"No database of these tests occurs in training: {', '.join(unseen)}.")
    if seen:
        lines.append(f"Databases of these tests occur in training: {', '.join(seen)}.")
    if card.audit is None:
        return " ".join(["No leak audit was made in this run.", *lines])
    audit = card.audit
    done = "left out" if audit.removed else "left in"
    lines.insert(
        0,
        f"Leak audit: of {audit.rows:,} training rows {audit.leaking:,} are a benchmark's own "
        f"(by question, near question or query) and were {done}.",
    )
    rows = [[b.title, f"{b.rows:,}", f"{b.leaked:,} of {b.n:,}"] for b in audit.benchmarks]
    found = table(["Benchmark", "Leaking rows found", "Its questions met"], rows)
    return "\n\n".join([" ".join(lines), *([found] if rows else [])])


def _making(card: CardData) -> str:
    facts, where = card.training, card.environment
    rows = [["Trained on", card.trained_on or "not told"]]
    machine = [where.get("processor"), f"{where.get('cores')} cores", where.get("platform")]
    rows.append(["Machine", ", ".join(str(part) for part in machine if part)])
    if "seconds" in facts:
        rows.append(["Training time", duration(facts["seconds"])])
    if "peak_memory_bytes" in facts:
        rows.append(["Peak memory of training", gibibytes(facts["peak_memory_bytes"])])
    for key, name in (("steps", "Optimizer steps"), ("examples", "Examples seen")):
        if key in facts:
            rows.append([name, f"{facts[key]:,.0f}"])
    if "trainable_parameters" in facts:
        rows.append(["Trainable parameters", f"{facts['trainable_parameters']:,.0f}"])
    versions = [f"Python {where.get('python')}", *(f"{n} {v}" for n, v in card.packages.items())]
    rows += [
        ["Started", card.started or "not told"],
        ["Seed", str(card.seed)],
        ["Prompt version", card.prompt_version],
        ["SQLForge commit", str(where.get("commit") or "not told")],
        ["Versions", ", ".join(versions)],
    ]
    if "train.jsonl" in card.data_sha256:
        rows.append(["SHA-256 of the training data", f"`{card.data_sha256['train.jsonl']}`"])
    recipe = f"<details><summary>The recipe</summary>\n\n```yaml\n{card.recipe}```\n\n</details>"
    return table(["", ""], rows) + "\n\n" + recipe


def _limits(card: CardData) -> str:
    found = []
    for result in card.results:
        if (summary := result.summaries.get(card.system)) is not None:
            wrong = summary.execution_accuracy.n - summary.execution_accuracy.correct
            run = max(0, summary.valid_sql.correct - summary.execution_accuracy.correct)
            found.append(
                f"- {wrong:,} of {summary.execution_accuracy.n:,} answers on "
                f"{source_label(result.source)} are wrong, and {run:,} of these are valid SQL: "
                "that a query runs is no proof of its result."
            )
    if card.mistakes:
        listed = ", ".join(f"{name} ({count:,})" for name, count in card.mistakes.items())
        found.append(f"- What goes wrong first, most often: {listed}.")
    if card.merged_differs is not None:
        count, n = card.merged_differs
        how = merged_words(card.merged_into)
        found.append(f"- {how}, {count:,} of {n:,} answers differ from the adapter's.")
    if card.base.packaged and card.part == "adapter":
        found.append(
            "- The base weights of this run came out of a Python package, where they are "
            "quantised; the hub's are not quite the same: an adapter answers differently on them."
        )
    found.append(
        "- It knows the tables that the prompt shows, at most as many as fit the window; questions "
        "in other languages than English, and dialects that are not listed above, were not tested."
    )
    return "\n".join(found)


def _licences(card: CardData) -> str:
    base = card.base
    lines = [
        f"- Base model {base.hub_id or base.name}: "
        f"{base.licence or 'see its own page'}{', gated' if base.gated else ''}."
    ]
    for d in card.data:
        share = LicenceShare(d.source, d.licence, d.train)
        told = [d.licence, *share.duties, *([share.note] if share.note else [])]
        lines.append(f"- Data {d.source}: {'; '.join(told)}.")
    lines.append(
        "- Whether duties of the data (naming, share-alike) reach a model trained on them is not "
        "settled; they are listed so that you can decide."
    )
    return "\n".join(lines)
