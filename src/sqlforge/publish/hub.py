"""Uploading to a model hub through ``huggingface_hub``.

Files whose content is there already are not sent again, and a commit that would change nothing is
not made: a command that was cut off is simply started again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlforge.core.errors import UserError
from sqlforge.publish.contents import Upload

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def check_name(repository: str) -> str:
    """``repository`` if it reads ``user/name``.

    Raises:
        UserError: it does not.

    >>> check_name("ann/smol-sql")
    'ann/smol-sql'
    """
    user, slash, name = repository.partition("/")
    if not slash or not _NAME.fullmatch(user) or not _NAME.fullmatch(name):
        raise UserError(
            f"'{repository}' as the name of a repository",
            "user/name of letters, digits, '-', '_' and '.'",
            "put your user or organisation, and a slash, before the name",
        )
    return repository


def upload(
    repository: str, uploads: Sequence[Upload], *, private: bool, revision: str | None, message: str
) -> str:
    """Create ``repository`` where it is missing, add the files in one commit; return its URL.

    Args:
        private: of a repository that is made; one that is there must be private then too.
        revision: the branch, made where it is missing; else the main one.

    Raises:
        UserError: there is no token, the hub refuses it, the connection was lost, or a public
            repository is there where a private one was asked for.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    token = get_token()
    if token is None:
        raise UserError(
            "no token of the hub",
            "one that may write",
            "make one in the hub's settings, then set HF_TOKEN or type 'hf auth login'",
        )
    api = HfApi(token=token)
    additions = [
        CommitOperationAdd(u.path, u.source if isinstance(u.source, bytes) else str(u.source))
        for u in uploads
    ]
    with _explained(repository, api.endpoint):
        api.whoami()
        _make(api, repository, private)
        if revision is not None:
            api.create_branch(repository, branch=revision, exist_ok=True)
        made: Any = api.create_commit(
            repository, additions, commit_message=message, revision=revision
        )
    return str(made.commit_url)


def _make(api: Any, repository: str, private: bool) -> None:
    if private and api.repo_exists(repository) and not api.repo_info(repository).private:
        raise UserError(
            f"--private and {repository}, which is there and public",
            "a private repository or a new name",
            "make it private on the hub, or choose another --to",
        )
    api.create_repo(repository, private=private or None, exist_ok=True)


@contextmanager
def _explained(repository: str, endpoint: str) -> Iterator[None]:
    """Foreign errors as sentences: the one place where they are mapped."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled as fault:
        raise UserError(
            "HF_HUB_OFFLINE, which forbids the network", "a way to the hub", "unset it"
        ) from fault
    except (ConnectionError, TimeoutError) as fault:  # the Xet client's, and the system's
        raise _lost(fault, endpoint) from fault
    except PermissionError as fault:
        if fault.filename is not None:  # a file's, not the Xet client's
            raise
        raise _forbidden(repository) from fault
    except (httpx2.HTTPError, RuntimeError) as fault:
        # Failed uploads of large files come wrapped; a RuntimeError of another kind is a defect.
        reason = fault.__cause__ if isinstance(fault, RuntimeError) else fault
        if isinstance(reason, HfHubHTTPError):
            raise _refused(reason, repository, endpoint) from fault
        if isinstance(reason, httpx2.HTTPError):
            raise _lost(reason, endpoint) from fault
        raise


def _refused(fault: Any, repository: str, endpoint: str) -> UserError:
    code = fault.response.status_code
    if code == 401:
        return UserError(
            f"a token that {endpoint} does not know",
            "a valid one that may write",
            "make a new one in the hub's settings and set HF_TOKEN or type 'hf auth login'",
        )
    if code == 403:
        return _forbidden(repository)
    told = " ".join((fault.server_message or "").split())[:200]
    return UserError(
        f"the answer {code} of {endpoint}{f' ({told})' if told else ''}",
        "one that takes the files",
        "start the same command again: what arrived is kept, nothing is sent twice",
    )


def _forbidden(repository: str) -> UserError:
    return UserError(
        f"a token that may not write to {repository}",
        "one with the right to write there",
        "make one in the hub's settings, or choose another --to",
    )


def _lost(fault: Exception, endpoint: str) -> UserError:
    told = " ".join(str(fault).split())[:200] or type(fault).__name__
    return UserError(
        f"a connection to {endpoint} that broke ({told})",
        "one that holds",
        "start the same command again: what arrived is kept, nothing is sent twice",
    )
