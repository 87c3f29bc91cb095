"""API keys: where they come from, and who shows one."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlforge.core.errors import UserError

KEYS_VARIABLE = "SQLFORGE_API_KEYS"
_LEAST = 16


@dataclass(frozen=True, slots=True)
class Key:
    """A key's name, which logs and metrics show, and the digest of its secret."""

    name: str
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, secret: str) -> Key:
        """The key of a secret; the secret itself is not kept."""
        return cls(name, _digest(secret))


def holder(keys: Sequence[Key], authorization: str | None) -> Key | None:
    """Whose key an ``Authorization`` header shows.

    All keys are compared, each in constant time: how long it takes tells nothing.

    >>> keys = [Key.of("ann", "a-long-secret-of-ann")]
    >>> holder(keys, "Bearer a-long-secret-of-ann").name
    'ann'
    >>> holder(keys, "Bearer another") is None
    True
    """
    scheme, _, secret = (authorization or "").partition(" ")
    shown = _digest(secret.strip())
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, shown):
            found = key
    return found if scheme.lower() == "bearer" else None


def read_keys(file: Path | None, environment: Mapping[str, str]) -> tuple[Key, ...]:
    """The keys in a file, one a line, and those in the variable ``SQLFORGE_API_KEYS``.

    A line is ``SECRET`` or ``NAME SECRET``; ``#`` begins a comment. The variable holds secrets with
    commas between them.

    Raises:
        UserError: a file that cannot be read or holds no key, a key that is too short, or a name
            that stands twice. No secret is quoted.
    """
    rows: list[tuple[str, list[str]]] = []
    if file is not None:
        lines = _lines(file)
        rows += [(f"line {n} of {file}", line.split()) for n, line in lines if line]
        if not rows:
            raise UserError(f"{file} without a key", "one a line", "write NAME SECRET into it")
    told = environment.get(KEYS_VARIABLE, "")
    parts = [part.strip() for part in told.split(",") if part.strip()]
    rows += [(f"key {n} in {KEYS_VARIABLE}", [part]) for n, part in enumerate(parts, 1)]
    keys = [_key(where, words, n) for n, (where, words) in enumerate(rows, 1)]
    names = [key.name for key in keys]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two keys named '{name}'", "a name for each", "rename one")
    return tuple(keys)


def _key(where: str, words: Sequence[str], number: int) -> Key:
    name = words[0] if len(words) == 2 else f"key-{number}"
    if len(words) > 2 or not re.fullmatch(r"[\w.-]{1,64}", name):
        raise UserError(where, "SECRET, or NAME SECRET", "put one key on each line")
    if len(words[-1]) < _LEAST:
        raise UserError(
            f"a key of {len(words[-1])} characters ({where})",
            f"{_LEAST} at least",
            "make one with: openssl rand -hex 32",
        )
    return Key.of(name, words[-1])


def _lines(file: Path) -> list[tuple[int, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not UTF-8"
        raise UserError(
            f"the key file {file}, which cannot be read ({reason})",
            "a text file with a key a line",
            "name another",
        ) from fault
    return [(n, line.split("#")[0].strip()) for n, line in enumerate(text.splitlines(), 1)]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
