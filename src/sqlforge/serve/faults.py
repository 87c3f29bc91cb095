"""Refusals in the form that OpenAI's clients read, and what is logged of defects."""

from __future__ import annotations

import traceback
from typing import Any

from fastapi.responses import JSONResponse


class RefusedError(Exception):
    """A request that is not answered, and why, in one sentence.

    Args:
        status: of HTTP.
        message: what is wrong and what to do.
        code: for programs.
        param: the field of the request that is wrong.
        retry_s: after how many seconds to ask again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.param, self.retry_s = param, retry_s

    def body(self) -> dict[str, Any]:
        """As OpenAI writes it.

        >>> RefusedError(400, "no", param="n").body()
        {'error': {'message': 'no', 'type': 'invalid_request_error', 'param': 'n', 'code': None}}
        """
        return {
            "error": {
                "message": self.message,
                "type": _kind(self.status),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> JSONResponse:
        """The answer to the client."""
        headers = {} if self.retry_s is None else {"Retry-After": str(self.retry_s)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)


def defect(request_id: str) -> RefusedError:
    """What a client hears of a defect."""
    return RefusedError(500, f"The server failed; its log has more under {request_id}.", "internal")


def frames(fault: BaseException) -> str:
    """Where ``fault`` happened, without its message: that may quote a cell or a secret."""
    told = []
    seen: BaseException | None = fault
    while seen is not None:
        where = traceback.format_list(
            [
                traceback.FrameSummary(f.filename, f.lineno, f.name, line=f.line)
                for f in traceback.extract_tb(seen.__traceback__)
            ]
        )
        told.append("".join(where) + f"{type(seen).__module__}.{type(seen).__qualname__}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\nfrom\n".join(told)


def _kind(status: int) -> str:
    if status == 401:
        return "authentication_error"
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"
