"""A model hub on this machine: the HTTP interface that ``huggingface_hub`` uploads through.

It keeps commits in memory, stores large files by digest once, and can drop a connection at a
request of one's choice. Xet storage is not among what it speaks: clients fall back to LFS.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_goodtoken"
READ_ONLY = "hf_readonly"
LARGE = ".safetensors"


@dataclass
class Repository:
    """Branches as the list of their commits; a commit is every file's bytes or LFS digest."""

    private: bool = False
    branches: dict[str, list[dict[str, bytes | str]]] = field(default_factory=lambda: {"main": []})


@dataclass
class Hub:
    """What the stand-in holds, and what it was asked."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # Requests whose path holds this text get no answer; with ``after`` only once they are done.
    drop: str | None = None
    after: bool = False

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        """The files at the head of a branch."""
        commits = self.repositories[name].branches[branch]
        head = commits[-1] if commits else {}
        return {p: self.stored[c] if isinstance(c, str) else c for p, c in head.items()}

    def commits(self, name: str, branch: str = "main") -> int:
        return len(self.repositories[name].branches[branch])


@contextmanager
def running() -> Iterator[Hub]:
    """A hub that ends with the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        kept = hub

    return Handler


class _Handler(BaseHTTPRequestHandler):
    kept: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        hub = self.kept
        hub.asked.append(f"{self.command} {path}")
        dropped = hub.drop is not None and hub.drop in path
        if dropped and not hub.after:
            if self.headers.get("Content-Length"):
                self.rfile.read1(100)  # in the middle of what is sent
            return self._hang_up()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        code, answer = self._answer(path, body)
        if dropped:
            return self._hang_up()
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        if code == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, path: str, body: bytes) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if parts[0] == "storage":
            assert hashlib.sha256(body).hexdigest() == parts[1]
            self.kept.stored[parts[1]] = body
            self.kept.uploads.append(parts[1])
            return 200, {}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in (TOKEN, READ_ONLY):
            return 401, {"error": "Invalid username or password."}
        if path == "/api/whoami-v2":
            return 200, {"name": "ann", "type": "user"}
        if token == READ_ONLY:
            return 403, {"error": "You need a token with write access."}
        told = json.loads(body) if body and "/commit/" not in path else {}
        if path == "/api/validate-yaml":
            return 200, {"warnings": [], "errors": []}
        if path == "/api/repos/create":
            return self._create(told)
        if path.endswith(".git/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": list(map(self._batched, told["objects"]))}
        return self._about(parts, body)

    def _create(self, told: dict[str, Any]) -> tuple[int, Any]:
        name = f"{told.get('organization') or 'ann'}/{told['name']}"
        url = f"{self.kept.url}/{name}"
        if name in self.kept.repositories:
            return 409, {"error": "You already created this model repo", "url": url}
        if not name.startswith("ann/"):
            return 403, {"error": "You don't have the rights to create a model there"}
        self.kept.repositories[name] = Repository(told.get("visibility") == "private")
        return 200, {"url": url}

    def _batched(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if wanted["oid"] in self.kept.stored:
            return wanted
        href = f"{self.kept.url}/storage/{wanted['oid']}"
        return {**wanted, "actions": {"upload": {"href": href}}}

    def _about(self, parts: list[str], body: bytes) -> tuple[int, Any]:
        """``/api/models/USER/NAME`` and what is below it."""
        assert parts[:2] == ["api", "models"], parts
        name, rest = "/".join(parts[2:4]), parts[4:]
        repository = self.kept.repositories.get(name)
        if repository is None:
            return 404, {"error": "Repository not found"}
        if not rest or rest[0] == "revision":
            branch = rest[1] if rest else "main"
            sha = f"{len(repository.branches[branch]):040x}"
            return 200, {"id": name, "sha": sha, "private": repository.private, "siblings": []}
        verb, branch = rest
        if verb == "xet-write-token":
            return 403, {"error": "You may not write here"}
        if verb == "branch":
            if branch in repository.branches:
                return 409, {"error": "Reference already exists"}
            repository.branches[branch] = list(repository.branches["main"])
            return 200, {}
        commits = repository.branches[branch]
        head = commits[-1] if commits else {}
        if verb == "preupload":
            return 200, {"files": [_looked_at(f, head) for f in json.loads(body)["files"]]}
        assert verb == "commit", parts
        commits.append({**head, **dict(_changes(body))})
        sha = f"{len(commits):040x}"
        url = f"{self.kept.url}/{name}/commit/{sha}"
        return 200, {"commitUrl": url, "commitOid": sha, "success": True}


def _looked_at(file: dict[str, Any], head: dict[str, bytes | str]) -> dict[str, Any]:
    held = head.get(file["path"])
    mode = "lfs" if file["path"].endswith(LARGE) else "regular"
    found = {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}
    if held is None:
        return found
    if isinstance(held, str):
        return {**found, "oid": held}
    blob = b"blob %d\0" % len(held) + held
    return {**found, "oid": hashlib.sha1(blob).hexdigest()}


def _changes(body: bytes) -> Iterator[tuple[str, bytes | str]]:
    for line in map(json.loads, body.splitlines()):
        value = line["value"]
        if line["key"] == "file":
            yield value["path"], base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            yield value["path"], value["oid"]
        else:
            assert line["key"] == "header"
