"""The playground: one page, its style and its scripts, as files with the headers they need.

Nothing here knows a web framework: the server asks :func:`page_file` for a path and sends what it
gets. The page takes nothing from elsewhere, and its policy lets it run no script but these files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text becomes markup: innerHTML and its like throw where the browser knows this.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOLDER = "/playground/"


@dataclass(frozen=True, slots=True)
class PageFile:
    """What to answer with: status 200, or 304 and no body where the browser's copy is current."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


def page_file(path: str, if_none_match: str | None = None) -> PageFile | None:
    """The file at a URL path: ``/`` or ``/playground/NAME``; ``None`` where there is none.

    Args:
        path: the path of the request, decoded.
        if_none_match: the request's header of that name.

    >>> page_file("/").headers[0]
    ('Content-Type', 'text/html; charset=utf-8')
    >>> page_file("/playground/../answering.py") is None
    True
    """
    name = "index.html" if path == "/" else path.removeprefix(_FOLDER)
    body = _bodies().get(name) if path == "/" or path.startswith(_FOLDER) else None
    if body is None:
        return None
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = (
        ("Content-Type", _TYPES[name.rpartition(".")[2]]),
        ("ETag", tag),
        # Kept, but asked about each time: an upgraded server is seen at once.
        ("Cache-Control", "no-cache"),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    )
    known = {part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return PageFile(304, b"", headers)
    return PageFile(200, body, headers)


@cache
def _bodies() -> dict[str, bytes]:
    """Every file of the page by name; they are small and never change while a server runs."""
    folder = files(__name__)
    return {
        item.name: item.read_bytes()
        for item in folder.iterdir()
        if item.name.rpartition(".")[2] in _TYPES
    }
