"""What the licences of a training set ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OWN_DATABASE = "LicenseRef-own-database"
"""Of questions that ``sqlforge synth`` made about a user's database: they hold its values."""

NOT_REDISTRIBUTABLE = ("NC", "ND", "UNKNOWN", "PROPRIETARY", "NONE", "NOASSERTION")
"""Parts of licence identifiers that do not let data or its changes be passed on freely."""

_NOTES = {
    "sql-create-context": "made out of WikiSQL and Spider; Spider is CC-BY-SA-4.0",
    "wikisql": "questions and SQL; the tables' text is Wikipedia's (CC-BY-SA-3.0)",
}


@dataclass(frozen=True, slots=True)
class LicenceShare:
    """The part of a data set under one licence."""

    source: str
    licence: str
    rows: int

    @property
    def duties(self) -> tuple[str, ...]:
        """What stands out about the licence, in words.

        >>> LicenceShare("spider", "CC-BY-SA-4.0", 7000).duties
        ('share-alike',)
        >>> LicenceShare("mine", "LicenseRef-unknown", 3).duties
        ('unknown: ask its owner',)
        """
        parts = self.licence.upper().split("-")
        found = []
        if "SA" in parts or parts[0] in ("GPL", "AGPL", "LGPL", "ODBL"):
            found.append("share-alike")
        if "NC" in parts:
            found.append("non-commercial")
        if "ND" in parts:
            found.append("no derivatives")
        if self.licence == "LicenseRef-unknown":
            found.append("unknown: ask its owner")
        return tuple(found)

    @property
    def note(self) -> str:
        """What the licence alone does not tell; may be empty."""
        return _NOTES.get(self.source, "")


def redistributable(licence: str) -> bool:
    """Whether data under ``licence`` may be passed on; a licence of one's own making may not.

    >>> [redistributable(l) for l in ("CC-BY-SA-4.0", "CC-BY-NC-4.0", "LicenseRef-own-database")]
    [True, False, False]
    """
    parts = licence.upper().replace("_", "-").split("-")
    return not is_private(licence) and not any(part in NOT_REDISTRIBUTABLE for part in parts)


def is_private(licence: str) -> bool:
    """Whether nobody has said that others may see the data: a user's own, or of unknown licence.

    >>> is_private("LicenseRef-unknown"), is_private("CC-BY-ND-4.0")
    (True, False)
    """
    return not licence or licence.upper().startswith("LICENSEREF-")


def forbids_derivatives(licence: str) -> bool:
    """Whether what is made out of the data, such as a model, may not be passed on.

    >>> forbids_derivatives("CC-BY-ND-4.0"), forbids_derivatives("CC-BY-NC-4.0")
    (True, False)
    """
    return "ND" in licence.upper().replace("_", "-").split("-")


def summarise(counts: Mapping[tuple[str, str], int]) -> list[str]:
    """The lines that a user reads, of rows by (source, licence).

    >>> print("\\n".join(summarise({("spider", "CC-BY-SA-4.0"): 9, ("gretel", "Apache-2.0"): 3})))
    licences of 12 rows:
      spider  9 rows  CC-BY-SA-4.0  share-alike
      gretel  3 rows  Apache-2.0
    share-alike parts: spider (9 rows)
    non-commercial parts: none
    """
    shares = [LicenceShare(source, licence, n) for (source, licence), n in counts.items()]
    lines = [f"licences of {sum(share.rows for share in shares):,} rows:"]
    for share in shares:
        words = [share.source, f"{share.rows:,} rows", share.licence, ", ".join(share.duties)]
        lines.append("  " + "  ".join(word for word in words if word))
        if share.note:
            lines[-1] += f" ({share.note})"
    return lines + [
        f"{duty} parts: {_named(s for s in shares if duty in s.duties)}"
        for duty in ("share-alike", "non-commercial")
    ]


def _named(shares: Iterable[LicenceShare]) -> str:
    return ", ".join(f"{s.source} ({s.rows:,} rows)" for s in shares) or "none"
