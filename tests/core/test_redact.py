import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.core.redact import without_password

SCHEMES = ["postgresql", "mysql+pymysql", "mssql+pyodbc", "redis", "https"]
PASSWORDS = st.text(string.ascii_letters + string.digits + "!$%&*()+,-./:;=@^_~#?", min_size=4)


@given(st.sampled_from(SCHEMES), st.sampled_from(["", "ann", "ann.lee"]), PASSWORDS)
def test_no_part_of_a_password_is_left(scheme: str, user: str, password: str) -> None:
    secret = f"<{password}>".replace("<", "q7").replace(">", "7q")
    shown = without_password(f"read {scheme}://{user}:{secret}@db.example:5432/shop today")
    assert shown.startswith(f"read {scheme}://{user}:***@")
    assert shown.endswith("db.example:5432/shop today")
    assert secret not in shown and "q7" not in shown and "7q" not in shown


@given(st.text(st.characters(exclude_characters=":?&"), max_size=80))
def test_text_without_urls_is_left_alone(text: str) -> None:
    assert without_password(text) == text


@given(st.text(max_size=120))
def test_hiding_twice_is_hiding_once(text: str) -> None:
    once = without_password(text)
    assert without_password(once) == once


def test_json_around_a_url_stays_json() -> None:
    value = {"url": "http://host:80/path", "db": "mysql://ann:pw1@h/d", "mail": "ann@example.org"}
    shown = json.loads(without_password(json.dumps(value)))
    assert shown == {**value, "db": "mysql://ann:***@h/d"}


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/page?a=1&b=2",
        "sqlite:///data/shop.sqlite",
        "postgresql://ann@host/db",
        "http://localhost:8000/v1",
        "mail ann@example.org at 12:30",
    ],
)
def test_urls_without_passwords_are_left_alone(text: str) -> None:
    assert without_password(text) == text


@pytest.mark.parametrize("key", ["password", "PWD", "token", "access_token", "api_key", "secret"])
def test_secrets_in_a_query_are_hidden(key: str) -> None:
    assert without_password(f"x://h/d?a=1&{key}=hide&z=2") == f"x://h/d?a=1&{key}=***&z=2"
