"""The server behind this one: how it is reached, and what is said when it does not answer."""

from __future__ import annotations

from typing import Any

import httpx2

from sqlforge.core.errors import UserError
from sqlforge.core.redact import without_password
from sqlforge.serve.faults import RefusedError

_CONNECT_S, _SILENCE_S = 5.0, 300.0


def client_options(url: str, key: str | None) -> dict[str, Any]:
    """What a client of httpx2 is made with.

    Args:
        url: up to where ``/v1`` begins.
        key: shown to it.

    Raises:
        UserError: it is no URL of HTTP.
    """
    base = url.rstrip("/").removesuffix("/v1")
    if not base.startswith(("http://", "https://")):
        raise UserError(
            f"--upstream {without_password(base)}",
            "the URL of a server with OpenAI's interface",
            "write http://HOST:PORT",
        )
    return {
        "base_url": base,
        "headers": {} if key is None else {"Authorization": f"Bearer {key}"},
        "timeout": httpx2.Timeout(_SILENCE_S, connect=_CONNECT_S),
        "limits": httpx2.Limits(max_connections=None),
        "trust_env": False,
    }


def away(fault: httpx2.HTTPError) -> RefusedError:
    """It does not answer."""
    return RefusedError(
        502,
        f"The server behind this one does not answer ({type(fault).__name__}): try again.",
        "upstream_unreachable",
        retry_s=5,
    )


def failed(status: int) -> RefusedError:
    """It answers, but not what was asked for."""
    return RefusedError(
        502,
        f"The server behind this one failed (status {status}): try again.",
        "upstream_failed",
        retry_s=5,
    )
