"""What Prometheus is told; no label holds a question, a name of the database or a secret."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 30, 60, 120)


class Metrics:
    """The counters of one server."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "sqlforge_requests",
            "Requests answered.",
            ["path", "method", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "sqlforge_request_seconds",
            "From a request's first byte to its answer's last.",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.open = Gauge(
            "sqlforge_requests_open", "Requests being answered.", registry=self._registry
        )
        self.texts = Gauge(
            "sqlforge_texts_open", "Texts being written or waiting.", registry=self._registry
        )
        self.room = Gauge(
            "sqlforge_texts_room", "Texts that may be written or wait.", registry=self._registry
        )
        self.prompt_tokens = Counter(
            "sqlforge_prompt_tokens", "Tokens of prompts.", registry=self._registry
        )
        self.written_tokens = Counter(
            "sqlforge_written_tokens", "Tokens written.", registry=self._registry
        )
        self.first_token_seconds = Histogram(
            "sqlforge_first_token_seconds",
            "From a streaming request to its first text.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.questions = Counter(
            "sqlforge_questions",
            "Questions about the database, by what came of them.",
            ["outcome"],
            registry=self._registry,
        )

    def page(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
