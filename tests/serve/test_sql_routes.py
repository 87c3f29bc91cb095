"""Questions about a database over HTTP; what is answered is the answerer's affair."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serve.prepared import Prepared
from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DatabaseError
from sqlforge.serve.app import create_app
from sqlforge.serve.settings import ServeSettings


@pytest.fixture
def answerer(tmp_path: Path) -> Prepared:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "CREATE TABLE maker(id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE goods(id INTEGER PRIMARY KEY, title TEXT, "
            "maker_id INTEGER REFERENCES maker(id), price REAL, icon BLOB);"
            "INSERT INTO goods VALUES (1, 'Lamp', NULL, 9e999, x'01ff'), "
            "(9007199254740993, 'Käse', NULL, 2.5, NULL);"
        )
    return Prepared(file)


@pytest.fixture
def asking(answerer: Prepared) -> TestClient:
    return TestClient(create_app(ServeSettings("smol", running=2, waiting=1), None, answerer))


def test_a_question_gives_sql_rows_and_what_led_to_them(
    asking: TestClient, answerer: Prepared
) -> None:
    answerer.answers["Which lamps?"] = "SELECT id, title, price, icon FROM goods"
    body = {"question": "Which lamps?", "history": [{"question": "a", "sql": "b"}], "samples": 2}
    found = asking.post("/v1/sql", json=body)
    assert found.status_code == 200
    assert answerer.asked == [("Which lamps?", (("a", "b"),), 2)]
    said = found.json()
    assert said.pop("seconds") == 0.1
    assert said == {
        "sql": "SELECT id, title, price, icon FROM goods",
        "dialect": "sqlite",
        "columns": ["id", "title", "price", "icon"],
        "rows": [[1, "Lamp", "Infinity", "0x01ff"], [9007199254740993, "Käse", 2.5, None]],
        "truncated": False,
        "error": None,
        "refused": False,
        "confidence": 0.75,
        "calibrated": False,
        "linked": [{"table": "goods", "column": "title", "value": "Lamp", "said": "lamp"}],
        "candidates": [
            {
                "sql": "SELECT id, title, price, icon FROM goods",
                "probability": 0.5,
                "votes": 1,
                "error": None,
            }
        ],
        "schema_text": "goods(id, title)",
        "tables": 1,
        "tables_shown": 1,
        "cut_short": False,
    }


def test_a_question_without_an_answer_says_why(asking: TestClient) -> None:
    said = asking.post("/v1/sql", json={"question": "?"}).json()
    assert (said["sql"], said["rows"], said["error"]) == (None, None, "Nothing was written.")


def test_an_edited_query_is_run_and_its_faults_are_sentences(asking: TestClient) -> None:
    ran = asking.post("/v1/sql/run", json={"sql": "SELECT title FROM goods WHERE id = 1"}).json()
    assert (ran["columns"], ran["rows"], ran["truncated"]) == (["title"], [["Lamp"]], False)
    faulty = asking.post("/v1/sql/run", json={"sql": "SELECT nothing FROM goods"})
    assert (faulty.status_code, faulty.json()["error"]["code"]) == (400, "database_error")
    writing = asking.post("/v1/sql/run", json={"sql": "DROP TABLE goods"})
    assert (writing.status_code, writing.json()["error"]["code"]) == (400, "query_refused")
    assert len(asking.get("/v1/schema").json()["tables"]) == 2


def test_the_schema_says_types_keys_and_references(asking: TestClient) -> None:
    said = asking.get("/v1/schema").json()
    assert said["dialect"] == "sqlite"
    (goods,) = [table for table in said["tables"] if table["name"] == "goods"]
    assert goods["columns"][0] == {
        "name": "id", "type": "INTEGER", "primary_key": True, "references": None
    }  # fmt: skip
    assert goods["columns"][2]["references"] == "maker.id"


def test_a_database_that_is_away_is_503_and_survived(
    asking: TestClient, answerer: Prepared
) -> None:
    answerer.fault = DatabaseError("postgresql://ann:s3cr3t@db/shop", "one that answers", "wait")
    away = asking.post("/v1/sql", json={"question": "Which lamps?"})
    assert away.status_code == 503 and away.headers["retry-after"] == "5"
    assert "s3cr3t" not in away.text
    answerer.fault = None
    assert asking.post("/v1/sql", json={"question": "Which lamps?"}).status_code == 200


def test_questions_beyond_the_queue_are_told_when_to_come_back(
    asking: TestClient, answerer: Prepared
) -> None:
    answerer.go_on.clear()
    body = {"question": "Which lamps?"}
    said: list[int] = []
    threads = [
        threading.Thread(target=lambda: said.append(asking.post("/v1/sql", json=body).status_code))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 5
    while "texts_open 3.0" not in asking.get("/metrics").text and time.monotonic() < until:
        time.sleep(0.01)
    full = asking.post("/v1/sql", json=body)
    answerer.go_on.set()
    for thread in threads:
        thread.join()
    assert full.status_code == 429 and int(full.headers["retry-after"]) >= 1
    assert full.json()["error"]["code"] == "queue_full"
    assert said == [200] * 3
    assert "sqlforge_texts_open 0.0" in asking.get("/metrics").text


def test_the_page_is_served_with_its_policy(asking: TestClient) -> None:
    page = asking.get("/")
    assert (
        page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    )
    again = asking.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert asking.get("/playground/nothing.js").status_code == 404
    assert asking.get("/playground/..%2fanswering.py").status_code == 404


def test_only_what_is_served_has_a_path(answerer: Prepared) -> None:
    client = TestClient(create_app(ServeSettings("smol"), None, answerer))
    assert client.post("/v1/chat/completions", json={}).status_code == 404
    assert TestClient(create_app(ServeSettings("smol"), None)).get("/v1/schema").status_code == 404


def test_each_sample_of_a_question_takes_room(asking: TestClient, answerer: Prepared) -> None:
    told = asking.post("/v1/sql", json={"question": "Which lamps?", "samples": 4})
    fault = told.json()["error"]
    assert (told.status_code, fault["param"]) == (400, "samples")
    assert "expected 3 at most" in fault["message"]
    answerer.decoding = Decoding(samples=4, vote=True)
    assert asking.post("/v1/sql", json={"question": "Which lamps?"}).status_code == 400
    assert answerer.asked == []
    asking.post("/v1/sql", json={"question": "Which lamps?", "samples": 3})
    assert len(answerer.asked) == 1
