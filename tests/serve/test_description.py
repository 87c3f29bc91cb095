"""The OpenAPI description, and requests made up from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serve.prepared import Prepared
from sqlforge.serve.app import create_app
from sqlforge.serve.local import LocalModel
from sqlforge.serve.settings import ServeSettings

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def app(quick: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    file = tmp_path_factory.mktemp("shop") / "shop.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE goods(id INTEGER PRIMARY KEY, title TEXT)")
    return create_app(ServeSettings("smol"), quick, Prepared(file))


def test_no_request_made_up_from_the_description_is_a_defect(app: FastAPI) -> None:
    description = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in description.get_all_operations()]
    for operation in operations:
        _try(operation)
    assert len(operations) == 10


def _try(operation: Any) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def with_made_up_cases(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
            case.body["model"] = "smol"  # so that texts reach the model
            case.body.setdefault("max_tokens", 4)
        case.call_and_validate(checks=CHECKS)

    with_made_up_cases()


def test_every_route_is_described_with_its_errors(app: FastAPI) -> None:
    described = app.openapi()
    assert set(described["paths"]) == {
        "/healthz", "/readyz", "/metrics", "/v1/models", "/v1/models/{model_id}",
        "/v1/chat/completions", "/v1/completions", "/v1/sql", "/v1/sql/run", "/v1/schema",
    }  # fmt: skip
    for path, methods in described["paths"].items():
        for method in methods.values():
            assert method["description"] and {"4XX", "5XX"} <= method["responses"].keys(), path
            assert "422" not in method["responses"]
