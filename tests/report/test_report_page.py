"""The page as a whole: complete, self-contained, safe, and in its parts what the run says."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from made_up_run import HOSTILE, KINDS, SECRET, SOURCE, make_run
from sqlforge.core.errors import UserError
from sqlforge.core.run_dir import RunDir
from sqlforge.report import slices
from sqlforge.report.data import ReportData, SourceResult
from sqlforge.report.gather import gather
from sqlforge.score.breakdown import Breakdown
from sqlforge.score.statistics import wilson
from sqlforge.score.summary import summarise
from sqlforge.stages.report import report_run
from sqlforge.stages.score import score_run


class _Reader(HTMLParser):
    """Collects tags and text and insists on balanced tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def headings(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>([^<]*)</h2>", page)


def test_the_page_opens_with_what_came_out(page: str) -> None:
    sentence = re.search(r'<p class="verdict">([^<]*)</p>', page)
    assert sentence is not None
    assert sentence[1].replace("\xa0", " ") == (
        "Execution accuracy on the embedded corpus, databases unseen in training: 5.0 % → 72.5 % "
        "(+67.5 points, 95 % interval +48.4 to +79.4, McNemar p &lt; 0.001, n = 40)."
    )


def test_the_page_holds_every_part_of_a_whole_run(page: str) -> None:
    assert headings(page) == [
        "Results",
        "Accuracy by query kind",
        "Accuracy by clause",
        "Accuracy by what makes a question hard",
        "Accuracy by database",
        "What went wrong",
        "Training",
        "Merged against adapter",
        "The base model&#x27;s prompt",
        "Data and licences",
        "Failures",
        "Won by tuning",
        "Recipe and manifest",
    ]
    assert all(f"{kind}, n = 8" in page for kind in KINDS)


def test_every_tag_is_closed_and_the_contents_lead_somewhere(page: str) -> None:
    reader = read(page)
    targets = {attributes.get("id") for _, attributes in reader.tags}
    links = [attributes["href"] or "" for tag, attributes in reader.tags if tag == "a"]
    assert len(links) == len(headings(page))
    assert {link.removeprefix("#") for link in links} <= targets


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    tags = read(page).tags
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in tags}
    assert not any(name in ("src", "xlink:href") for _, found in tags for name in found)
    assert "url(" not in page and "@import" not in page


def test_markup_in_a_question_or_a_prediction_stays_text(page: str) -> None:
    assert "<script" not in page and "<img" not in page
    assert HOSTILE in "".join(read(page).words)
    assert "<img src=x>" in "".join(read(page).words)


def test_passwords_in_urls_never_reach_the_page(whole_run: RunDir, page: str) -> None:
    assert SECRET in whole_run.manifest_file.read_text(encoding="utf-8")
    assert SECRET in whole_run.predictions("tuned").read_text(encoding="utf-8")
    assert SECRET not in page
    assert "postgresql://ann:***@db.example:5432/shop" in page


@pytest.mark.parametrize(
    ("systems", "missing"),
    [
        (("tuned",), {"Won by tuning", "Merged against adapter", "The base model&#x27;s prompt"}),
        (("base", "tuned"), {"Merged against adapter"}),
        (("base",), {"Failures", "Won by tuning", "Merged against adapter"}),
    ],
)
def test_parts_that_the_run_lacks_are_left_out(
    systems: tuple[str, ...], missing: set[str], page: str, tmp_path: Path
) -> None:
    partial = report_run(make_run(tmp_path / "run", systems=systems)).read_text(encoding="utf-8")
    read(partial)
    assert set(headings(page)) - set(headings(partial)) == missing
    assert "nearest-question" not in partial


def test_a_run_without_logs_and_facts_still_gets_its_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.metrics_file.unlink()
    run.manifest_file.unlink()
    (run.scores / "comparison.json").unlink()
    page = report_run(run).read_text(encoding="utf-8")
    read(page)
    assert "Training" not in headings(page)
    assert "McNemar" not in page


def test_a_run_without_scores_is_refused_in_one_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", systems=())
    with pytest.raises(UserError, match="without scores, expected a run whose predictions"):
        report_run(run)
    assert not run.report.exists()


def test_failures_come_evenly_from_all_sources_and_are_the_same_each_time(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", sources=("spider", "wikisql"), rows=200)
    data = gather(run)
    assert [case.source for case in data.failures] == ["spider"] * 15 + ["wikisql"] * 15
    assert all(case.error for case in data.failures)
    assert data.failure_count > 30
    assert gather(run) == data
    page = report_run(run).read_text(encoding="utf-8")
    assert "30 of them, drawn by seed" in page
    assert "Execution accuracy on WikiSQL held-out tables" in page


def test_successes_are_questions_that_only_the_tuned_model_gets_right(whole_run: RunDir) -> None:
    successes = gather(whole_run).successes
    assert len(successes) == 6
    for system, right in (("tuned", True), ("base", False)):
        lines = (whole_run.scores / f"{system}-{SOURCE}.verdicts.jsonl").read_text().splitlines()
        found = {row["id"]: row["execution"] for row in map(json.loads, lines)}
        assert all(found[case.id] is right for case in successes)


def test_databases_seen_in_training_are_not_called_unseen(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    test = (run.data / "test.jsonl").read_text(encoding="utf-8")
    (run.data / "train.jsonl").write_text(test, encoding="utf-8")
    assert "unseen" not in report_run(run).read_text(encoding="utf-8")


def test_the_merged_answers_that_differ_are_counted_and_shown(page: str, whole_run: RunDir) -> None:
    merged = gather(whole_run).merged
    assert merged is not None
    assert merged.ids == tuple(f"{SOURCE}-{n}" for n in (7, 17, 27, 37))
    assert "4 of 40 answers (10.0\xa0%) differ" in page
    assert "<mark>DISTINCT</mark>" in page


def test_the_page_says_into_which_weights_the_adapter_was_merged(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert "Merged, 4 of 40" in report_run(run).read_text(encoding="utf-8")
    run.note(merged_into="dequantised")
    assert "Merged into the 4-bit weights that it was trained on, unpacked, 4 of 40" in (
        report_run(run).read_text(encoding="utf-8")
    )
    run.note(merged_into="bf16")
    page = report_run(run).read_text(encoding="utf-8")
    assert "Merged into the weights of the base model, 4 of 40" in page


def test_both_modes_stand_side_by_side_with_three_intervals_of_the_gain(page: str) -> None:
    captions = re.findall(r"<caption>([^<]*)</caption>", page)
    assert "Counted officially and strictly on the embedded corpus, in percent" in captions
    assert "Gain of tuned on the embedded corpus with 95 % intervals of three kinds" in captions
    for head in ("Official: execution", "Strict: golds with rows", "Bootstrap of databases"):
        assert f">{head}</th>" in page


def test_mistakes_are_shown_as_plot_and_table(page: str, whole_run: RunDir) -> None:
    (result,) = gather(whole_run).sources
    found = result.breakdowns["tuned"].mistakes
    assert found is not None and sum(found.primary.values()) == found.failures
    for name, count in found.primary.items():
        share = f"{count} ({count / found.failures * 100:.0f} %)"
        chart = re.search(rf"<figcaption>{name}</figcaption>.*?</figure>", page)
        assert chart is not None and share in chart[0]
    table = re.search(r"<caption>Classes of mistakes on.*?</table>", page)
    assert table is not None
    rows = re.findall(r'<th scope="row">([^<]*)</th>', table[0])
    assert rows[-1] == "all" and set(found.present) <= set(rows)


def test_accuracy_is_taken_apart_by_clause_and_database(page: str) -> None:
    assert "HAVING, n = 39" in page and "no join, n = 1" in page
    table = re.search(r"<caption>Execution accuracy by database.*?</table>", page)
    assert table is not None
    assert re.findall(r'<th scope="row">([^<]*)</th>', table[0]) == ["kiosk", "shops"]


def test_a_run_scored_before_there_were_classes_still_gets_its_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for file in run.scores.glob("*.verdicts.jsonl"):
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        old = [{k: v for k, v in row.items() if k != "mistakes"} for row in rows]
        file.write_text("\n".join(map(json.dumps, old)), encoding="utf-8")
    for file in (*run.scores.glob("*.strict.*"), *run.scores.glob("*.official.*")):
        file.unlink()
    text = report_run(run).read_text(encoding="utf-8")
    assert "What went wrong" not in headings(text)
    assert "Counted officially" not in text


def test_many_databases_are_folded_and_the_hardest_kept() -> None:
    metrics = {f"db{i:03}": wilson(i, 100) for i in range(90)}
    breakdown = Breakdown({}, metrics)
    result = SourceResult("spider", True, {"tuned": summarise([])}, {}, {"tuned": breakdown})
    data = ReportData("x", "m", "lora", None, (result,), (), 0, (), None, (), (), {}, (), "", "{}")
    shown = slices.by_database(data)
    assert shown is not None and "the 40 hardest of 90" in shown and "<details>" in shown
    assert "db039" in shown and "db040" not in shown


def test_the_prompt_that_won_the_trial_is_named(page: str) -> None:
    assert "instructed (used)" in page


def test_a_cut_last_line_and_a_loss_that_is_no_number_are_passed_over(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with run.metrics_file.open("a", encoding="utf-8") as file:
        file.write('{"step": 301, "loss": NaN}\n{"step": 302, "lo')
    assert [step.step for step in gather(run).steps] == list(range(1, 301))


def test_what_the_score_stage_writes_is_what_the_report_reads(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=8)
    shutil.rmtree(run.scores)
    scored = score_run(run)
    (result,) = gather(run).sources
    assert result.summaries == scored.summaries[SOURCE]
    assert result.comparisons.keys() == {"base", "template", "merged"}
    tuned = result.summaries["tuned"]
    found = result.breakdowns["tuned"].mistakes
    assert found is not None
    assert found.failures == tuned.n - tuned.execution_accuracy.correct
    assert sum(found.primary.values()) == found.failures
    assert result.strict.keys() == scored.summaries[SOURCE].keys()
    assert result.comparisons["base"].bootstrap is not None
