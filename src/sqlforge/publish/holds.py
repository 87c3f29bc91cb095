"""What is not uploaded unless the user says so, and why."""

from __future__ import annotations

import json

from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.licences import forbids_derivatives, is_private, redistributable
from sqlforge.report.card_data import CardData


def holds(run: RunDir, card: CardData, *, with_data: bool) -> list[str]:
    """Reasons to hold the upload back, each as a clause; none of them lets it go.

    A model is made out of its data: where their licence forbids that, or they are a private
    database's, its weights are held back too, for they may repeat what they learnt.
    """
    found = []
    for share in (d for d in card.data if d.train or d.validation):
        if is_private(share.licence):
            found.append(
                f"the weights learnt from {share.source} ({share.licence}), which is private, and "
                "may repeat its values"
            )
        elif forbids_derivatives(share.licence):
            found.append(
                f"{share.source} is under {share.licence}, which forbids what is made out of it"
            )
    if forbids_derivatives(card.base.licence or ""):
        found.append(f"the base model's licence {card.base.licence} forbids derivatives")
    if with_data:
        found += [
            f"the questions of {share.source} ({share.licence}) may not be passed on"
            for share in card.data
            if not redistributable(share.licence)
        ]
        if _audited_as_held(run) and not found:
            found.append("the leak audit marked the data as not redistributable")
    return found


def _audited_as_held(run: RunDir) -> bool:
    file = run.data / "audit.json"
    return file.exists() and not json.loads(file.read_text(encoding="utf-8"))["redistributable"]
