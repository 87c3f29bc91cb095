"""The front matter of a model card, as the hub's pages and search read it."""

from __future__ import annotations

from typing import Any

import yaml

from sqlforge.core.records import Metric
from sqlforge.corpus.licences import LicenceShare, is_private
from sqlforge.report.card_data import CardData
from sqlforge.report.data import SourceResult
from sqlforge.report.figures import source_label

_LICENCES = {
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "LicenseRef-Llama-3.1-Community": "llama3.1",
}
_DATASETS = {
    "sql-create-context": "b-mc2/sql-create-context",
    "gretel": "gretelai/synthetic_text_to_sql",
    "spider": "xlangai/spider",
    "wikisql": "Salesforce/wikisql",
}


def front_matter(card: CardData) -> str:
    """YAML between ``---`` lines: licence, base, data sets, tags and the results.

    A source on which the training data leaks brings no results into the index.
    """
    facts: dict[str, Any] = {
        "language": ["en"],
        "license": hub_licence(card),
        **({"license_name": "see-this-card"} if hub_licence(card) == "other" else {}),
        "library_name": "peft" if card.part == "adapter" else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["text-to-sql", "sql", "sqlforge", card.method, *card.dialects],
    }
    if card.base.hub_id:
        facts["base_model"] = card.base.hub_id
        facts["base_model_relation"] = "adapter" if card.part == "adapter" else "finetune"
    trained_on = [_DATASETS[d.source] for d in card.data if d.train and d.source in _DATASETS]
    if trained_on:
        facts["datasets"] = trained_on
    results = [_indexed(card, result) for result in card.results]
    if found := [result for result in results if result]:
        facts["model-index"] = [{"name": card.name, "results": found}]
    body = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True)
    return f"---\n{body}---\n"


def hub_licence(card: CardData) -> str:
    """The base model's licence as the hub spells it, or ``other`` where the data ask for more."""
    shares = [LicenceShare(d.source, d.licence, d.train) for d in card.data if d.train]
    if any(share.duties or is_private(share.licence) for share in shares):
        return "other"
    return _LICENCES.get(card.base.licence or "", "other")


def _indexed(card: CardData, result: SourceResult) -> dict[str, Any] | None:
    summary = result.summaries.get(card.system)
    if summary is None or result.source in card.contaminated:
        return None
    named: list[tuple[str, str, Metric]] = [
        ("execution_accuracy", "Execution accuracy", summary.execution_accuracy),
        ("exact_match", "Exact match", summary.exact_match),
        ("valid_sql", "Valid SQL", summary.valid_sql),
    ]
    return {
        "task": {"type": "text-generation", "name": "Text-to-SQL"},
        "dataset": {
            "name": source_label(result.source),
            "type": _DATASETS.get(result.source, result.source),
            "split": "test" if result.source not in ("spider",) else "dev",
        },
        "metrics": [
            {
                "type": kind,
                "name": f"{name} (n = {metric.n:,})",
                "value": round(metric.value, 4),
                "args": {
                    "confidence_interval_95": [round(metric.low, 4), round(metric.high, 4)],
                    "n": metric.n,
                },
            }
            for kind, name, metric in named
            if metric.n
        ],
    }
