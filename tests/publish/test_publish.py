"""Publishing a run on a stand-in of the hub: what arrives, what is refused, what is resumed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from publish.hub_stand_in import READ_ONLY, Hub
from sqlforge.core.errors import ModelError, UserError
from sqlforge.core.files import digests, read_jsonl, write_jsonl
from sqlforge.core.run_dir import RunDir
from sqlforge.stages.predict_benchmark import prompt_part_of
from sqlforge.stages.publish import Publication, plan_publication, publish_run
from sqlforge.stages.report import report_run

NAME = "ann/smol-sql"
ADAPTER = {
    "README.md",
    "recipe.yaml",
    "sqlforge.json",
    "adapter_config.json",
    "adapter_model.safetensors",
    "chat_template.jinja",
    "tokenizer.json",
    "tokenizer_config.json",
}


def publish(run: RunDir, *, agreed: bool = False, **options: Any) -> str:
    planned = plan_publication(run, NAME, "adapter")
    return publish_run(run, planned, agreed=agreed, **options)


def test_what_is_planned_arrives_byte_by_byte(run: RunDir, hub: Hub) -> None:
    planned = plan_publication(run, NAME, "adapter")
    url = publish_run(run, planned)
    arrived = hub.files(NAME)
    assert set(arrived) == ADAPTER
    for file in planned.files:
        assert hashlib.sha256(arrived[file.path]).hexdigest() == file.sha256
    weights = run.adapter / "adapter_model.safetensors"
    assert arrived[weights.name] == weights.read_bytes()
    assert hub.commits(NAME) == 1 and not hub.repositories[NAME].private
    (noted,) = run.manifest()["published"]
    assert noted["to"] == NAME and noted["commit"] == url and noted["revision"] == "main"


def test_a_merged_model_that_was_not_scored_is_not_told_by_its_adapters_score(run: RunDir) -> None:
    for file in run.scores.glob("merged-*"):
        file.unlink()
    for part in (None, "merged"):
        with pytest.raises(UserError, match=r"merged/ was not scored.*sqlforge run"):
            plan_publication(run, NAME, part)
    assert plan_publication(run, NAME, "adapter").part == "adapter"
    report_run(run)
    assert "The LoRA adapter of" in run.card.read_text(encoding="utf-8")


def test_a_model_that_was_fine_tuned_whole_is_told_by_its_score_with_an_example(
    run: RunDir,
) -> None:
    told = run.recipe_file.read_text()
    assert "method: qlora" in told
    run.recipe_file.write_text(told.replace("method: qlora", "method: full"))
    shutil.rmtree(run.adapter)
    for file in (*run.scores.glob("merged-*"), run.predictions("merged")):
        file.unlink()
    planned = plan_publication(run, NAME)
    assert planned.part == "merged"
    assert "| **tuned** |" in planned.card and "and was answered, rightly, by" in planned.card


def test_the_whole_model_is_what_goes_where_there_is_one(run: RunDir, hub: Hub) -> None:
    planned = plan_publication(run, NAME)
    publish_run(run, planned)
    assert planned.part == "merged"
    assert {"config.json", "model.safetensors"} <= set(hub.files(NAME))


def test_no_place_on_this_machine_is_told(run: RunDir, hub: Hub) -> None:
    publish(run)
    arrived = hub.files(NAME)
    told = json.loads(arrived["adapter_config.json"])
    assert told["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert told["r"] == 16
    for path, content in arrived.items():
        assert b"/somewhere/private" not in content, path
        assert str(run.path).encode() not in content, path


def test_a_second_time_nothing_is_sent_and_nothing_committed(run: RunDir, hub: Hub) -> None:
    first, again = publish(run), publish(run)
    assert first == again
    assert hub.commits(NAME) == 1 and len(hub.uploads) == 1
    assert len(run.manifest()["published"]) == 1


def test_a_repository_that_is_there_gets_a_commit_more(run: RunDir, hub: Hub) -> None:
    publish(run)
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    run.note(adapter_sha256=digests(run.adapter))
    publish(run)
    assert hub.commits(NAME) == 2 and len(hub.uploads) == 2
    assert hub.files(NAME)[weights.name].endswith(b"!")


def test_a_branch_is_made_and_main_left_alone(run: RunDir, hub: Hub) -> None:
    publish(run, revision="trial")
    assert hub.commits(NAME) == 0 and set(hub.files(NAME, "trial")) == ADAPTER
    publish(run, revision="trial")
    assert hub.commits(NAME, "trial") == 1


def test_a_private_repository_is_one(run: RunDir, hub: Hub) -> None:
    publish(run, private=True)
    assert hub.repositories[NAME].private


def test_private_is_refused_where_the_repository_is_public(run: RunDir, hub: Hub) -> None:
    publish(run)
    with pytest.raises(UserError, match="which is there and public"):
        publish(run, private=True)
    assert hub.commits(NAME) == 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library waits seconds between its tries; not here."""
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda _: None)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "where", ["/whoami", "/create", "/preupload", "/batch", "/storage", "/commit"]
)
def test_a_connection_lost_anywhere_is_taken_up_again_without_doubles(
    run: RunDir, hub: Hub, where: str, after: bool
) -> None:
    hub.drop, hub.after = where, after
    with pytest.raises(UserError, match=r"connection to .* that broke .*start the same command"):
        publish(run)
    assert "published" not in run.manifest()
    hub.drop = None
    publish(run)
    assert set(hub.files(NAME)) == ADAPTER
    assert hub.commits(NAME) == 1, "one commit"
    assert len(set(hub.uploads)) == 1 == len(hub.stored)
    sent = len(hub.uploads)
    publish(run)
    assert len(hub.uploads) == sent and hub.commits(NAME) == 1


@pytest.mark.usefixtures("impatient")
def test_weights_that_arrived_before_the_connection_was_lost_are_not_sent_again(
    run: RunDir, hub: Hub
) -> None:
    hub.drop = "/commit"
    with pytest.raises(UserError):
        publish(run)
    assert len(hub.uploads) == 1 and hub.commits(NAME) == 0
    hub.drop = None
    publish(run)
    assert len(hub.uploads) == 1 and hub.commits(NAME) == 1


def test_no_token_is_one_sentence(run: RunDir, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(UserError, match="no token of the hub, expected one that may write"):
        publish(run)
    assert not hub.asked


def test_a_token_that_nobody_knows_is_one_sentence(
    run: RunDir, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_stolen")
    with pytest.raises(UserError, match=r"a token that .* does not know") as caught:
        publish(run)
    assert "hf_stolen" not in str(caught.value) and not hub.repositories


def test_a_token_that_may_only_read_is_one_sentence(
    run: RunDir, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", READ_ONLY)
    with pytest.raises(UserError, match="may not write to ann/smol-sql"):
        publish(run)


def test_somebody_elses_name_is_one_sentence(run: RunDir, hub: Hub) -> None:
    planned = plan_publication(run, "bob/smol", "adapter")
    with pytest.raises(UserError, match="may not write to bob/smol"):
        publish_run(run, planned)


def test_offline_is_one_sentence(run: RunDir, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE"):
        publish(run)


@pytest.mark.parametrize("name", ["smol", "ann/", "/smol", "ann/smol/x", "ann/../x", "a b/c", ""])
def test_a_name_without_a_user_is_refused(run: RunDir, name: str) -> None:
    with pytest.raises(UserError, match="expected user/name"):
        plan_publication(run, name)


def test_runs_that_lack_something_are_refused(run: RunDir, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="which is no run directory"):
        plan_publication(RunDir(tmp_path), NAME)
    shutil.rmtree(run.merged)
    with pytest.raises(UserError, match=r"without merged/.*sqlforge merge .* first"):
        plan_publication(run, NAME, "merged")
    assert plan_publication(run, NAME).part == "adapter"
    shutil.rmtree(run.scores)
    with pytest.raises(UserError, match="without scores"):
        plan_publication(run, NAME)
    shutil.rmtree(run.adapter)
    with pytest.raises(UserError, match=r"without adapter/.*sqlforge train"):
        plan_publication(run, NAME)


def spoil_weights(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def swap_weights(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")


def pickle_weights(folder: Path) -> None:
    (folder / "adapter_model.bin").write_bytes(b"\x80\x04.")


def disguise_a_pickle(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(b"\x80\x04\x95" * 20)


def lose_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def lose_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def add_a_script(folder: Path) -> None:
    (folder / "modeling.py").write_text("import os")


def break_json(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_weights, "no whole safetensors file"),
        (swap_weights, "not the file that the run made"),
        (pickle_weights, "runs code when it is loaded"),
        (disguise_a_pickle, "no whole safetensors file"),
        (lose_weights, "without adapter_model.safetensors"),
        (lose_the_tokenizer, "without tokenizer.json"),
        (add_a_script, "neither weights nor tokenizer"),
        (break_json, "expected JSON"),
    ],
)
def test_files_that_are_not_the_runs_own_weights_are_refused(
    run: RunDir, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(run.adapter)
    with pytest.raises(ModelError, match=said):
        plan_publication(run, NAME, "adapter")


def with_licence(run: RunDir, licence: str) -> Publication:
    """The run as if its data were under another licence."""
    for name in ("train", "validation", "test"):
        file = run.data / f"{name}.jsonl"
        write_jsonl(file, [{**row, "licence": licence} for row in list(read_jsonl(file))])
    return plan_publication(run, NAME, "adapter", with_data=False)


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("CC-BY-ND-4.0", "which forbids what is made out of it"),
        ("LicenseRef-own-database", "which is private, and may repeat its values"),
        ("LicenseRef-unknown", "which is private"),
    ],
)
def test_a_model_that_its_data_do_not_let_go_needs_a_yes(
    run: RunDir, hub: Hub, licence: str, said: str
) -> None:
    planned = with_licence(run, licence)
    assert len(planned.held) == 1
    with pytest.raises(UserError, match=f"{said}.*add --yes"):
        publish_run(run, planned)
    assert not hub.asked
    publish_run(run, planned, agreed=True)
    assert hub.commits(NAME) == 1


def test_data_that_may_not_be_passed_on_need_a_yes_and_the_model_does_not(
    run: RunDir, hub: Hub
) -> None:
    assert not with_licence(run, "CC-BY-NC-4.0").held
    planned = plan_publication(run, NAME, "adapter", with_data=True)
    assert "may not be passed on" in planned.held[0]
    assert "data/train.jsonl" in {file.path for file in planned.files}
    with pytest.raises(UserError, match="add --yes"):
        publish_run(run, planned)


def test_what_the_audit_marked_is_held_back(run: RunDir) -> None:
    facts = {
        "rows": 60, "leaking": 0, "removed": True, "contaminated": [],
        "redistributable": False, "benchmarks": {},
    }  # fmt: skip
    (run.data / "audit.json").write_text(json.dumps(facts))
    assert not plan_publication(run, NAME, "adapter").held
    planned = plan_publication(run, NAME, "adapter", with_data=True)
    assert planned.held == ("the leak audit marked the data as not redistributable",)


def test_questions_go_along_only_when_asked_for(run: RunDir) -> None:
    planned = plan_publication(run, NAME, "adapter", with_data=True)
    assert not planned.held
    assert {f.path for f in planned.files} == ADAPTER | {
        f"data/{name}.jsonl" for name in ("train", "validation", "test")
    }


def test_no_question_that_may_not_be_passed_on_is_shown_in_the_card(run: RunDir) -> None:
    shown = plan_publication(run, NAME, "adapter").card
    assert "and was answered, rightly, by" in shown
    hidden = with_licence(run, "CC-BY-NC-4.0").card
    assert "A made-up example" in hidden and "In which cities" not in hidden


def test_a_manifest_without_digests_is_told(run: RunDir) -> None:
    kept = {k: v for k, v in run.manifest().items() if k != "adapter_sha256"}
    run.manifest_file.write_text(json.dumps(kept))
    assert not plan_publication(run, NAME, "adapter").digests_noted
    assert plan_publication(run, NAME, "merged").digests_noted


def test_what_was_downloaded_is_asked_as_its_run_asked_it(
    run: RunDir, hub: Hub, tmp_path: Path
) -> None:
    run.recipe_file.write_text(
        run.recipe_file.read_text().replace("form: compact", "form: markdown")
    )
    publish(run)
    folder = tmp_path / "smol-sql"
    folder.mkdir()
    for name, content in hub.files(NAME).items():
        (folder / name).write_bytes(content)
    assert prompt_part_of(str(folder)) == run.recipe().prompt
    assert prompt_part_of(str(folder)).form == "markdown"


def test_nothing_of_a_plan_can_be_changed(run: RunDir) -> None:
    planned = plan_publication(run, NAME)
    with pytest.raises(dataclasses.FrozenInstanceError):
        planned.held = ()
