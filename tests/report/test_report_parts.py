"""Escaping, charts, marked queries and the terminal's table, each on its own."""

from __future__ import annotations

import io
import re
from html import unescape

import pytest
from rich.console import Console

from made_up_run import SOURCE
from sqlforge.core.records import Verdict
from sqlforge.core.redact import without_password
from sqlforge.report.charts import Bar, Line, bar_chart, line_chart, smoothed, thinned
from sqlforge.report.console import print_comparison
from sqlforge.report.data import Comparison, SourceResult
from sqlforge.report.difference import marked
from sqlforge.report.markup import Html, el, folded, join
from sqlforge.report.results import verdict
from sqlforge.score.statistics import mcnemar, paired_difference
from sqlforge.score.summary import Summary, summarise


def without_tags(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


def test_text_is_escaped_once_and_markup_not_at_all() -> None:
    assert el("p", "a & b", el("b", "<")) == "<p>a &amp; b<b>&lt;</b></p>"
    assert join(["<i>", None, Html("<i>")]) == "&lt;i&gt;<i>"


def test_markup_joined_to_plain_text_is_no_longer_trusted() -> None:
    assert el("p", Html("<b>") + "x") == "<p>&lt;b&gt;x</p>"


def test_attributes_are_escaped_too() -> None:
    assert el("a", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;"></a>'
    assert folded("more", "x", is_open=True).startswith('<details open="">')


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cr3t@db/shop",
        "mysql://db/shop?user=ann&password=s3cr3t",
        "postgresql://ann:s3cr3t&more<x>'@db/shop",
    ],
)
def test_a_password_is_gone_before_escaping_or_marking_could_hide_it(url: str) -> None:
    assert "s3cr3t" not in el("p", url)
    for half in marked(f"SELECT {url}", "SELECT 1"):
        assert "s3cr3t" not in half and "s3cr3t" not in without_password(half)


@pytest.mark.parametrize(
    ("gold", "predicted", "gold_marks", "predicted_marks"),
    [
        ("SELECT a FROM t", "select  A from T", [], []),
        ("SELECT a, b FROM t", "SELECT a FROM t", [", b"], []),
        ("x = 'New York'", "x = 'new york'", [], []),
        ("x = 'New York'", "x = 'New Bath'", ["'New York'"], ["'New Bath'"]),
        ("a >= 3", "a > 3", [">="], [">"]),
        ("SELECT 1", "", ["SELECT 1"], []),
    ],
)
def test_only_tokens_that_differ_are_marked(
    gold: str, predicted: str, gold_marks: list[str], predicted_marks: list[str]
) -> None:
    left, right = marked(gold, predicted)
    assert (without_tags(left), without_tags(right)) == (gold, predicted)
    found = [re.findall(r"<mark>(.*?)</mark>", half) for half in (left, right)]
    assert [[unescape(mark) for mark in marks] for marks in found] == [gold_marks, predicted_marks]


def test_an_endless_answer_is_shown_by_its_beginning() -> None:
    shown = without_tags(marked("SELECT 1", "SELECT 1" + ", 1" * 50_000)[1])
    assert len(shown) < 2_000
    assert shown.endswith(" … (148,508 characters more)")


def test_bars_and_whiskers_stay_inside_the_drawing() -> None:
    chart = bar_chart("t", [Bar("a", "tuned", 1.2, -0.1, 1.3, "x")])
    shares = re.findall(r'(?:x[12]|width)="(-?[\d.]+)%"', chart)
    assert len(shares) > 6
    assert all(0 <= float(share) <= 100 for share in shares)


@pytest.mark.parametrize(
    ("points", "ticks"),
    [
        (((1, 2.3), (9, 0.1)), ["0", "1", "2", "3"]),
        (((1, 0.0), (2, 0.0)), ["0", "1"]),
        (((5, 7e-4),), ["0", "0.0002", "0.0004", "0.0006", "0.0008"]),
    ],
)
def test_the_y_axis_has_round_values_that_hold_the_curve(
    points: tuple[tuple[float, float], ...], ticks: list[str]
) -> None:
    chart = line_chart("loss", "falls", [Line("raw", points)])
    assert re.findall(r'text-anchor="end">([\d.]+)</text>', chart) == ticks
    places = re.search(r'points="([^"]*)"', chart)
    assert places is not None
    assert all(0 <= float(v) <= 100 for pair in places[1].split() for v in pair.split(","))


def test_a_long_curve_is_thinned_by_means_and_keeps_its_ends() -> None:
    curve = thinned([(float(x), float(x % 2)) for x in range(10_001)])
    assert len(curve) <= 402
    assert (curve[0][0], curve[-1][0]) == (0, 10_000)
    assert all(0.4 < y < 0.6 for _, y in curve[1:-1])


def test_smoothing_does_not_lag_behind_a_falling_line() -> None:
    falling = [(float(x), 100.0 - x) for x in range(100)]
    assert smoothed(falling) == tuple(falling)


def _result(base: int, tuned: int, n: int = 20) -> SourceResult:
    def verdicts(right: int) -> list[Verdict]:
        return [Verdict(str(i), "d", None, i < right, False, True, True) for i in range(n)]

    both = verdicts(base), verdicts(tuned)
    right = [[v.execution for v in found] for found in both]
    summaries = {"base": summarise(both[0]), "tuned": summarise(both[1])}
    compared = Comparison(mcnemar(*right), paired_difference(*right))
    return SourceResult("spider", True, summaries, {"base": compared}, {})


def test_the_verdict_says_when_tuning_did_harm() -> None:
    sentence = verdict(_result(15, 5)).replace("\xa0", " ")
    assert "75.0 % → 25.0 % (−50.0 points" in sentence
    assert sentence.endswith("McNemar p = 0.002, n = 20).")


def test_the_verdict_says_when_the_difference_may_be_chance() -> None:
    assert "McNemar p = 0.500, not significant, n = 20" in verdict(_result(5, 7))


@pytest.fixture
def printed() -> tuple[Console, io.StringIO]:
    page = io.StringIO()
    return Console(file=page, width=80), page


def _summaries(n: int, right: int) -> Summary:
    return summarise([Verdict(str(i), "d", "k", i < right, False, True, True) for i in range(n)])


def test_the_terminal_shows_every_system_and_mcnemars_line(
    printed: tuple[Console, io.StringIO],
) -> None:
    console, page = printed
    comparison = {
        SOURCE: {
            "base": {
                "mcnemar": {"only_base": 1, "only_tuned": 120, "p_value": 1e-30},
                "difference": {"value": 0.595, "low": 0.51, "high": 0.66},
            },
            "merged_differs": {"count": 2, "n": 200, "ids": ["a", "b"]},
        }
    }
    summaries = {SOURCE: {"base": _summaries(200, 25), "tuned": _summaries(200, 144)}}
    print_comparison(console, summaries, comparison)
    shown = page.getvalue().replace("\xa0", " ")
    assert "the embedded corpus, n = 200" in shown
    assert re.search(r"base +│ 12.5 % \(8.6–17.8\) +│ 0.0 % \(0.0–1.9\)", shown)
    assert "tuned minus base: +59.5 points (+51.0 to +66.0), McNemar p < 0.001" in shown
    assert "(120 won, 1 lost)" in shown
    assert "merged answers with other SQL than the adapter's: 2 of 200" in shown


def test_the_terminal_copes_with_nothing_to_compare(printed: tuple[Console, io.StringIO]) -> None:
    console, page = printed
    print_comparison(console, {"spider": {"base": _summaries(3, 1)}, "wikisql": {}}, {})
    assert "Spider dev" in page.getvalue() and "WikiSQL" not in page.getvalue()
