import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from claims import (
    ClaimRow,
    check_quotes,
    commit,
    format_claim,
    hardware,
    keep_claims,
    read_claims,
    update_quotes,
    write_claims,
)


@pytest.mark.parametrize(
    ("value", "bound", "met"),
    [
        (12000, ">= 12000", True),
        (11999.9, ">= 12,000", False),
        (60, "<= 60", True),
        (60, "< 60", False),
        (61, "> 6e1", True),
        (0, "== 0", True),
        (-0.5, ">= -1", True),
        (0.5, ">=.5", True),
        (math.nan, "<= 60", False),
        (7, None, None),
    ],
)
def test_met_follows_from_value_and_bound(value: float, bound: str | None, met: object) -> None:
    assert ClaimRow("x", value, bound=bound).met is met


@pytest.mark.parametrize("bound", ["12000", "=> 3", ">= fast", ">= 3 s", ""])
def test_a_bound_that_says_nothing_is_refused(bound: str) -> None:
    with pytest.raises(ValueError, match="is not like"):
        ClaimRow("x", 1, bound=bound)


def test_what_is_measured_in_pieces_says_of_each_row_where(tmp_path: Path) -> None:
    def keep(**values: float) -> None:
        rows = [ClaimRow(name, value) for name, value in values.items()]
        keep_claims("speed", command="bench", seed=0, rows=rows, folder=tmp_path)

    keep(a=1, b=2)
    path = tmp_path / "speed.json"
    path.write_text(path.read_text().replace(commit(), "before"))
    keep(b=3, c=4)
    assert {row.name: row.value for row in read_claims(path)} == {"a": 1, "b": 3, "c": 4}
    told = json.loads(path.read_text())["measured"]
    assert ["commit before" in told[name] for name in "abc"] == [True, False, False]


def test_what_is_written_is_read_again_with_where_it_was_measured(tmp_path: Path) -> None:
    rows = (
        ClaimRow("tuned", 0.713, "fraction", ">= 0.5", 0.64, 0.78, 150),
        ClaimRow("seconds", 12.5, "s"),
    )
    path = write_claims("demo", command="make demo", seed=7, rows=rows, folder=tmp_path)
    assert read_claims(path) == rows
    told = json.loads(path.read_text())
    assert list(told) == ["command", "date", "commit", "hardware", "versions", "seed", "rows"]
    assert told["rows"][0] == {
        "name": "tuned",
        "value": 0.713,
        "unit": "fraction",
        "bound": ">= 0.5",
        "low": 0.64,
        "high": 0.78,
        "n": 150,
        "met": True,
    }
    assert {"cpu", "cores", "memory_gib"} <= set(told["hardware"])
    assert {"python", "sqlglot"} <= set(told["versions"])
    assert told["commit"].removesuffix("+changes").isalnum()
    assert commit() == told["commit"]


def test_a_commit_that_was_told_counts_more_than_a_stale_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SQLFORGE_COMMIT", "0123abc")
    assert commit() == "0123abc"


def test_the_card_is_named_in_claims_of_a_process_that_has_loaded_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    # There need be no card: what torch would say of one is stood in for.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100 80GB HBM3")
    properties = SimpleNamespace(total_memory=85_000_000_000)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    found = hardware()
    assert (found["gpu"], found["gpu_memory_gib"]) == ("NVIDIA H100 80GB HBM3", 79.2)
    monkeypatch.delitem(sys.modules, "torch")
    assert "gpu" not in hardware()


def test_a_figure_that_is_no_number_misses_its_bound(tmp_path: Path) -> None:
    rows = [ClaimRow("loss", math.nan, bound="< 3")]
    path = write_claims("x", command="c", seed=None, rows=rows, folder=tmp_path)
    assert json.loads(path.read_text())["rows"][0]["value"] is None
    (row,) = read_claims(path)
    assert math.isnan(row.value)
    assert row.met is False


def test_an_edited_met_is_not_believed(tmp_path: Path) -> None:
    rows = [ClaimRow("x", 1, bound=">= 2")]
    path = write_claims("x", command="c", seed=None, rows=rows, folder=tmp_path)
    path.write_text(path.read_text().replace("false", "true"))
    assert read_claims(path)[0].met is False


def test_two_rows_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="occurs twice"):
        write_claims(
            "x", command="c", seed=None, rows=[ClaimRow("a", 1), ClaimRow("a", 2)], folder=tmp_path
        )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.71349, "fraction", "71.3 %"),
        (12345.6, "tokens/s", "12,346 tokens/s"),
        (123.44, "s", "123.4 s"),
        (5.254, "GB", "5.25 GB"),
        (5.0, "GB", "5 GB"),
        (0.0312, "s", "0.031 s"),
        (1034, "", "1,034"),
        (-30.5, "points", "-30.5 points"),
    ],
)
def test_figures_read_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert format_claim(ClaimRow("x", value, unit)) == text


def test_quotes_are_checked_and_rewritten(tmp_path: Path) -> None:
    rows = [ClaimRow("tuned", 0.713, "fraction")]
    write_claims("demo", command="c", seed=None, rows=rows, folder=tmp_path)
    page = tmp_path / "page.md"
    page.write_text("It got <!--claim:demo/tuned-->99.9 %<!--/claim--> right.")
    assert list(check_quotes(page.read_text(), tmp_path)) == [("demo/tuned", "99.9 %", "71.3 %")]
    assert update_quotes(page, tmp_path)
    assert page.read_text() == "It got <!--claim:demo/tuned-->71.3 %<!--/claim--> right."
    assert list(check_quotes(page.read_text(), tmp_path)) == []
    assert not update_quotes(page, tmp_path)


def test_a_quote_of_no_claim_is_a_difference_and_cannot_be_rewritten(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!--claim:demo/tuned-->1<!--/claim-->")
    assert list(check_quotes(page.read_text(), tmp_path)) == [
        ("demo/tuned", "1", "(no such claim)")
    ]
    with pytest.raises(KeyError, match="no claim demo/tuned"):
        update_quotes(page, tmp_path)


def test_interval_and_sample_size_are_quoted_too(tmp_path: Path) -> None:
    rows = [ClaimRow("tuned", 0.5, "fraction", None, 0.45, 0.55, 1034), ClaimRow("time", 3, "s")]
    write_claims("demo", command="c", seed=None, rows=rows, folder=tmp_path)
    page = tmp_path / "page.md"
    quotes = ("tuned.low", "tuned.high", "tuned.n")
    page.write_text(" ".join(f"<!--claim:demo/{quote}-->?<!--/claim-->" for quote in quotes))
    assert [m for _, _, m in check_quotes(page.read_text(), tmp_path)] == [
        "45.0 %",
        "55.0 %",
        "1,034",
    ]
    page.write_text("<!--claim:demo/time.low-->1 s<!--/claim-->")
    with pytest.raises(KeyError, match=r"demo/time\.low"):
        update_quotes(page, tmp_path)
