"""Keep secrets out of everything that a run writes."""

from __future__ import annotations

import re

# A URL taken for a path has lost one of its slashes. A password may hold a slash that should have
# been escaped; quotes end a URL that stands in JSON.
_CREDENTIALS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://?)(?P<user>[^\s:/@]*):(?:[^\s\"'<>]*|[^\s/]*)@", re.I
)
_QUERY_SECRET = re.compile(
    r"(?P<key>[?&]\w*(?:password|passwd|pwd|token|secret|api_?key)=)[^&\s'\"]+", re.I
)


def without_password(text: str) -> str:
    """``text`` with the password of every URL in it replaced by ``***``.

    >>> without_password("read postgresql://ann:s3cr3t@db:5432/shop?sslmode=require")
    'read postgresql://ann:***@db:5432/shop?sslmode=require'
    >>> without_password("mysql://db/shop?password=abc&x=1")
    'mysql://db/shop?password=***&x=1'
    """
    text = _CREDENTIALS.sub(r"\g<scheme>\g<user>:***@", text)
    return _QUERY_SECRET.sub(r"\g<key>***", text)
