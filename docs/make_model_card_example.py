"""Make docs/model-card-example.md anew: ``python docs/make_model_card_example.py``.

The figures are those of a real run, kept in docs/model-card-example.json; ``--run`` takes them
from another one.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from sqlforge.core.run_dir import RunDir
from sqlforge.report.card_data import CardData, card_of
from sqlforge.report.model_card import render_card

DOCS = Path(__file__).resolve().parent
FACTS = DOCS / "model-card-example.json"
PAGE = DOCS / "model-card-example.md"
REPOSITORY = "ann/smollm2-135m-sql"


def make(facts: Path, page: Path) -> None:
    """Write the card of the run whose facts are in ``facts``."""
    card = TypeAdapter(CardData).validate_json(facts.read_text(encoding="utf-8"))
    page.write_text(render_card(card, REPOSITORY), encoding="utf-8")


def main() -> None:
    """Read the options and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="a scored run with an adapter")
    given = parser.parse_args()
    if given.run is not None:
        facts = asdict(card_of(RunDir(given.run), "adapter"))
        FACTS.write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8")
    make(FACTS, PAGE)


if __name__ == "__main__":
    main()
