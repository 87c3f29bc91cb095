"""The command line as its callers meet it: exit codes, sentences, and what is left behind."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from published import write_tiny_spider
from sqlforge import cli
from sqlforge.core.errors import GoldError, TrainingError
from sqlforge.core.files import write_jsonl

VERBS = (
    "demo run prepare synth audit plan train reinforce predict score report merge export publish "
    "serve ask trace"
).split()
TINY: dict[str, Any] = {
    "name": "tiny",
    "model": {"name": "smollm2-135m", "device": "cpu"},
    "data": {
        "synthetic_max_tables": 1,
        "train": [{"source": "synthetic", "rows": 6}],
        "validation": [{"source": "synthetic", "rows": 2}],
        "test": [{"source": "synthetic", "rows": 4}],
    },
}
SPIDER = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """The one sentence of a user's mistake; everything else about it is checked here."""
        assert self.code == 2, f"exit code {self.code}: {self.out}{self.err}"
        assert "Traceback" not in self.out + self.err
        assert self.err.startswith("sqlforge: Got ") and self.err.endswith(".\n")
        assert self.err.count("\n") == 1, "one line"
        assert ", expected " in self.err
        return self.err


Run = Callable[..., Ended]


@pytest.fixture
def sqlforge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line through the entry point, in this process."""
    monkeypatch.delenv("SQLFORGE_DATA_DIR", raising=False)

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sqlforge", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
            code: Any = 0
        except SystemExit as ended:
            code = ended.code
        shown = capsys.readouterr()
        return Ended(code or 0, shown.out, shown.err)

    return run


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recipe with changes to ``TINY``."""

    def write(**changes: object) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({**TINY, **changes}))
        return path

    return write


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(TINY))
    words = ["prepare", str(folder / "recipe.yaml"), "--out", str(folder / "run")]
    subprocess.run(
        [sys.executable, "-c", "from sqlforge.cli import main; main()", *words],
        check=True,
        capture_output=True,
    )
    return folder / "run"


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    return write_tiny_spider(tmp_path / "spider")


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# --- help -----------------------------------------------------------------------------------------


def test_the_list_of_verbs_is_the_one_tested_here() -> None:
    commands = [command.callback for command in cli.app.registered_commands]
    assert [command.__name__ for command in commands if command] == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example_and_takes_json(
    verb: str, sqlforge: Run
) -> None:
    shown = sqlforge(verb, "--help")
    assert shown.code == 0
    assert f"Example: sqlforge {verb}" in shown.out
    assert "--json" in shown.out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['sqlforge', 'train', '--help']\n"
        "from sqlforge.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(shown.stdout.splitlines()[-1].split())
    assert not loaded & {"torch", "transformers", "scipy", "sqlglot", "sqlalchemy"}


def test_a_misspelt_verb_or_option_is_a_users_mistake(sqlforge: Run) -> None:
    assert sqlforge("trian", "x").code == 2
    assert sqlforge("train", "x", "--fast").code == 2
    assert sqlforge("score", "--benchmark", "imagined").code == 2
    assert sqlforge("predict", "--model", "x", "--benchmark", "spider").code == 2


# --- recipes and run directories ------------------------------------------------------------------


def test_an_unknown_recipe_key_ends_in_one_sentence_and_leaves_nothing(
    sqlforge: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path = recipe(lora_rnk=8, train={"epoch": 2})
    for verb in ("run", "prepare"):
        sentence = sqlforge(verb, path, "--out", tmp_path / "run").sentence()
        assert "'lora_rnk'" in sentence and "'train.epoch'" in sentence
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_not_there_or_is_a_folder_ends_in_one_sentence(
    sqlforge: Run, tmp_path: Path
) -> None:
    assert "no file at" in sqlforge("run", tmp_path / "absent.yaml").sentence()
    assert "Is a directory" in sqlforge("run", tmp_path).sentence()


@pytest.mark.parametrize("verb", ["train", "reinforce", "merge", "report"])
def test_a_stage_on_a_folder_that_is_no_run_says_so(
    verb: str, sqlforge: Run, tmp_path: Path
) -> None:
    assert "is no run directory" in sqlforge(verb, tmp_path).sentence()
    assert "is no run directory" in sqlforge(verb, tmp_path / "absent").sentence()
    assert everything_in(tmp_path) == []


def test_several_processes_do_not_reinforce(
    sqlforge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "2 processes" in sqlforge("reinforce", tmp_path).sentence()


def test_score_and_trace_on_a_folder_that_is_no_run_say_so(sqlforge: Run, tmp_path: Path) -> None:
    scored = sqlforge("score", "--benchmark", "internal", "--run", tmp_path)
    assert "is no run directory" in scored.sentence()
    assert "is no run directory" in sqlforge("trace", "x", "--run", tmp_path).sentence()
    assert everything_in(tmp_path) == []


def test_a_stage_says_which_stage_must_come_first(
    sqlforge: Run, prepared: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "recipe.yaml").write_bytes((prepared / "recipe.yaml").read_bytes())
    assert "without data/train.jsonl" in sqlforge("train", bare).sentence()
    assert "without adapter/" in sqlforge("merge", bare).sentence()
    assert "without scores" in sqlforge("report", bare).sentence()
    assert "without scores" in sqlforge("report", prepared).sentence()
    assert "without data/" in sqlforge("trace", "x", "--run", bare).sentence()
    scored = sqlforge("score", "--benchmark", "internal", "--run", prepared)
    assert "without predictions" in scored.sentence()
    assert everything_in(bare) == ["recipe.yaml"]


def test_a_run_with_another_recipe_is_left_as_it_is(
    sqlforge: Run, recipe: Callable[..., Path], prepared: Path
) -> None:
    before = everything_in(prepared)
    sentence = sqlforge("prepare", recipe(seed=8), "--out", prepared).sentence()
    assert "follows another recipe" in sentence
    assert everything_in(prepared) == before


def test_a_folder_with_other_things_is_left_as_it_is(
    sqlforge: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path = recipe()
    assert "something else" in sqlforge("run", path, "--out", tmp_path).sentence()
    assert "not empty" in sqlforge("synth", "--n", 20, "--out", tmp_path).sentence()
    assert everything_in(tmp_path) == ["mine.yaml"]


def test_a_run_inside_a_file_ends_in_one_sentence(
    sqlforge: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path = recipe()
    sqlforge("prepare", path, "--out", path / "run").sentence()
    sqlforge("prepare", path, "--out", tmp_path / ("n" * 300)).sentence()
    sqlforge("synth", "--n", 20, "--out", path / "corpus").sentence()
    assert everything_in(tmp_path) == ["mine.yaml"]


def test_a_folder_that_may_not_be_written_ends_in_one_sentence(
    sqlforge: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    sentence = sqlforge("prepare", recipe(), "--out", locked / "run").sentence()
    assert os.strerror(errno.EACCES) in sentence


# --- data -----------------------------------------------------------------------------------------


def test_missing_data_is_named_and_no_data_folder_is_left(
    sqlforge: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = recipe(data=SPIDER), tmp_path / "run"
    assert "--data-dir" in sqlforge("prepare", path, "--out", out).sentence()
    sentence = sqlforge("prepare", path, "--out", out, "--data-dir", tmp_path / "no").sentence()
    assert str(tmp_path / "no") in sentence
    assert everything_in(out) == ["manifest.json", "recipe.yaml"]


def test_a_corrupt_file_is_named_and_no_data_folder_is_left(
    sqlforge: Run, recipe: Callable[..., Path], spider: Path, tmp_path: Path
) -> None:
    (spider / "dev.json").unlink()
    (spider / "dev.json.xz").write_bytes(b"\xfd7zXZ\x00 and then nothing that makes sense")
    out = tmp_path / "run"
    words = ("prepare", recipe(data=SPIDER), "--out", out, "--data-dir", spider)
    assert "dev.json.xz" in sqlforge(*words).sentence()
    assert everything_in(out) == ["manifest.json", "recipe.yaml"]


def test_a_malformed_row_is_named_by_file_and_line_and_left_out_on_request(
    sqlforge: Run, recipe: Callable[..., Path], spider: Path, tmp_path: Path
) -> None:
    rows = json.loads((spider / "train_spider.json").read_text())
    del rows[1]["query"]
    (spider / "train_spider.json").write_text(json.dumps(rows, indent=1))
    words = ("--out", tmp_path / "run", "--data-dir", spider)
    sentence = sqlforge("prepare", recipe(data=SPIDER), *words).sentence()
    assert "train_spider.json, line 7" in sentence
    assert everything_in(tmp_path / "run") == ["manifest.json", "recipe.yaml"]

    words = ("--out", tmp_path / "other", "--data-dir", spider, "--json", tmp_path / "found.json")
    ended = sqlforge("prepare", recipe(data={**SPIDER, "skip_bad_rows": True}), *words)
    assert ended.code == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["train"], found["skipped"]) == (3, 1)
    (skipped,) = json.loads((tmp_path / "other" / "data" / "skipped.json").read_text())
    assert skipped["line"] == 7 and skipped["file"].endswith("train_spider.json")


def test_more_rows_than_there_are_is_a_users_mistake(
    sqlforge: Run, recipe: Callable[..., Path], spider: Path, tmp_path: Path
) -> None:
    data = {**SPIDER, "train": [{"source": "spider", "rows": 5}]}
    words = ("--out", tmp_path / "run", "--data-dir", spider)
    assert "4 train examples" in sqlforge("prepare", recipe(data=data), *words).sentence()


def test_a_database_that_is_not_sqlite_ends_in_one_sentence(
    sqlforge: Run, recipe: Callable[..., Path], spider: Path, tmp_path: Path
) -> None:
    (spider / "database" / "shop" / "shop.sqlite").write_text("just text, and a good deal of it")
    words = ("--out", tmp_path / "run", "--data-dir", spider)
    assert "shop.sqlite" in sqlforge("prepare", recipe(data=SPIDER), *words).sentence()
    assert everything_in(tmp_path / "run") == ["manifest.json", "recipe.yaml"]


def test_a_hub_that_does_not_answer_and_a_renamed_column_end_in_one_sentence(
    sqlforge: Run, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    data = {**TINY["data"], "train": [{"source": "b-mc2/sql-create-context"}]}
    words = ("--out", tmp_path / "run", "--processes", 1)
    sentence = sqlforge("prepare", recipe(data=data), *words).sentence()
    assert "from the hub" in sentence and "--data-dir" in sentence
    file = tmp_path / "train.jsonl"
    file.write_text(
        '{"question": "Who?", "ddl": "CREATE TABLE t (a)", "answer": "SELECT a FROM t"}'
    )
    data["train"] = [{"source": "sql-create-context", "path": str(file)}]
    words = ("--out", tmp_path / "other", "--processes", 1)
    sentence = sqlforge("prepare", recipe(data=data), *words).sentence()
    assert "the columns 'question', 'context', 'answer'" in sentence
    assert "rename 'ddl' to 'context'" in sentence
    assert everything_in(tmp_path / "other") == ["manifest.json", "recipe.yaml"]


# --- a full disk ----------------------------------------------------------------------------------


def test_a_full_disk_while_preparing_leaves_whole_files_only(
    sqlforge: Run, recipe: Callable[..., Path], full_disk: Path
) -> None:
    data = {**TINY["data"], "train": [{"source": "synthetic", "rows": 60}]}
    sentence = sqlforge("prepare", recipe(data=data), "--out", full_disk / "run").sentence()
    assert "full" in sentence or "No space left" in sentence
    left = everything_in(full_disk / "run")
    assert left == ["manifest.json", "recipe.yaml"]
    json.loads((full_disk / "run" / "manifest.json").read_text())


def test_a_full_disk_while_making_a_corpus_leaves_nothing(sqlforge: Run, full_disk: Path) -> None:
    sentence = sqlforge("synth", "--n", 20, "--out", full_disk / "corpus").sentence()
    assert "full" in sentence or "No space left" in sentence
    assert everything_in(full_disk) == []


def test_a_full_disk_under_json_leaves_no_half_file(
    sqlforge: Run, full_disk: Path, tmp_path: Path
) -> None:
    (full_disk / "ballast").write_bytes(b"x" * 65_536)
    words = ("synth", "--n", 20, "--max-tables", 1, "--out", tmp_path / "corpus")
    assert "No space left" in sqlforge(*words, "--json", full_disk / "found.json").sentence()
    assert everything_in(full_disk) == ["ballast"]


# --- models ---------------------------------------------------------------------------------------


def test_a_model_that_cannot_be_had_names_the_ways_out(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    words = ("--benchmark", "spider", "--data-dir", spider, "--out", tmp_path / "out.jsonl")
    sentence = sqlforge("predict", "--model", "nobody/nothing", *words).sentence()
    assert "network" in sentence and "folder" in sentence
    sentence = sqlforge("predict", "--model", "smollm3", *words).sentence()
    assert "smollm2-135m" in sentence
    assert not (tmp_path / "out.jsonl").exists()
    words = ("--model", "nobody/nothing", *words[:-1], tmp_path)
    assert "Is a directory" in sqlforge("predict", *words).sentence(), "before any long work"


def test_a_model_without_a_chat_template_anywhere_is_refused(
    sqlforge: Run, prepared: Path, tmp_path: Path
) -> None:
    from sqlforge.model.load import load_tokenizer

    tokenizer = load_tokenizer("smollm2-135m")
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "config.json").write_text('{"model_type": "llama"}')
    run = tmp_path / "run"
    run_with(prepared, run, model={"name": str(tmp_path / "model")})
    assert "no chat template" in sqlforge("train", run).sentence()
    assert not (run / "adapter").exists()


def test_cuda_where_there_is_none_is_a_users_mistake(
    sqlforge: Run, prepared: Path, tmp_path: Path
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    run = tmp_path / "run"
    run_with(prepared, run, model={"name": "smollm2-135m", "device": "cuda"})
    assert "device 'cuda'" in sqlforge("train", run).sentence()
    assert not (run / "adapter").exists()


def test_examples_that_are_all_too_long_are_a_users_mistake(
    sqlforge: Run, prepared: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run_with(prepared, run, prompt={"max_tokens": 32})
    assert "prompt.max_tokens" in sqlforge("train", run).sentence()
    run_with(prepared, tmp_path / "packs", train={"pack_tokens": 64})
    assert "train.pack_tokens" in sqlforge("train", tmp_path / "packs").sentence()


def run_with(prepared: Path, run: Path, **changes: object) -> None:
    """The prepared run once more, with another recipe."""
    run.mkdir()
    (run / "data").symlink_to(prepared / "data")
    resolved = yaml.safe_load((prepared / "recipe.yaml").read_text())
    (run / "recipe.yaml").write_text(yaml.safe_dump({**resolved, **changes}))


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ("--vote", "a vote over one sample"),
        ("--samples 8", "8 samples without a vote"),
        ("--samples 8 --vote --temperature 0", "at temperature 0"),
        ("--prefer-non-empty", "preferred without a vote"),
        ("--seed 3", "--seed for greedy answers"),
        ("--refuse-below 2", "2 as the least probability"),
        ("--refuse-below 0.5", "without a calibration for 'smollm2-135m'"),
        ("--calibration c.json", "--calibration without --refuse-below"),
        ("--calibrate c.json --refuse-below 0.5", "--calibrate with --refuse-below"),
        ("--calibration c.json --refuse-below 0.5", "no file at c.json"),
    ],
)
def test_options_of_predict_that_would_not_count_are_refused_before_any_long_work(
    sqlforge: Run, tmp_path: Path, options: str, got: str
) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    spider = write_tiny_spider(tmp_path / "spider")
    words = ("--model", "smollm2-135m", "--benchmark", "spider", "--data-dir", spider)
    out = tmp_path / "p.jsonl"
    assert got in sqlforge("predict", *words, "--out", out, *options.split()).sentence()
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no kind of export"),
        (("--gguf", "f16", "--safetensors", "--model", "a"), "--gguf and --safetensors"),
        (("--gguf", "f16"), "--gguf without --model, expected --gguf with --model: add --model"),
        (("--grammar", "gbnf", "--model", "a"), "without --db, expected --grammar with --db: add"),
        (("--safetensors", "--model", "a", "--db", "b"), "--safetensors with --db"),
        (("--safetensors", "--model", "a", "--db", "b"), "leave --db out"),
    ],
)
def test_options_of_export_that_do_not_go_together_are_refused(
    sqlforge: Run, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    ended = sqlforge("export", *words, "--out", tmp_path / "out")
    assert ended.code == 2 and told in ended.err
    assert not everything_in(tmp_path)


def score_words(spider: Path, predictions: object) -> tuple[object, ...]:
    return ("score", "--benchmark", "spider", "--data-dir", spider, "--predictions", predictions)


def test_predictions_are_judged_and_written_where_asked(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pred.sql"
    file.write_text("SELECT count(*) FROM client\nSELECT town FROM client\n")
    out, verdicts = tmp_path / "deep" / "out.json", tmp_path / "verdicts.jsonl"
    ended = sqlforge(*score_words(spider, file), "--json", out, "--verdicts", verdicts)
    assert ended.code == 0
    found = json.loads(out.read_text())
    assert found["n"] == 2 and found["split"] == "dev"
    assert found["metrics"]["execution_accuracy"]["correct"] == 1
    assert found["metrics"]["valid_sql"]["correct"] == 1
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert [row["execution"] for row in rows] == [True, False]
    fixed = ["id", "db_id", "hardness", "execution", "exact_set", "valid", "parsed", "error"]
    assert list(rows[0])[: len(fixed)] == fixed
    assert "execution_accuracy" in ended.out


def test_a_suite_of_instances_is_built_kept_and_judged_on(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    file, out, verdicts = (tmp_path / name for name in ("pred.sql", "out.json", "verdicts.jsonl"))
    file.write_text("SELECT 2\nSELECT city FROM client\n")  # there are two clients today
    words = ("--suite", 5, "--suite-dir", tmp_path / "kept", "--json", out, "--verdicts", verdicts)
    for _ in range(2):
        assert sqlforge(*score_words(spider, file), *words).code == 0
        metrics = json.loads(out.read_text())["metrics"]
        assert metrics["execution_accuracy"]["correct"] == 2
        assert metrics["test_suite_accuracy"]["correct"] == 1
        rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
        assert [row["test_suite"] for row in rows] == [False, True]
    (folder,) = (tmp_path / "kept").iterdir()
    assert folder.name.startswith("shop-") and len(list(folder.glob("*.sqlite"))) in range(1, 6)


def test_a_suites_folder_without_a_suite_is_a_users_mistake(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    words = (*score_words(spider, tmp_path / "pred.sql"), "--suite-dir", tmp_path)
    assert "add --suite 20" in sqlforge(*words).sentence()
    (tmp_path / "full").write_text("")
    (tmp_path / "pred.sql").write_text("SELECT 2\nSELECT 3\n")
    words = (*score_words(spider, tmp_path / "pred.sql"), "--suite", 2)
    assert "full" in sqlforge(*words, "--suite-dir", tmp_path / "full" / "kept").sentence()


def test_failures_are_explained_in_the_strict_mode_too(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    file, out, verdicts = (tmp_path / name for name in ("pred.sql", "out.json", "verdicts.jsonl"))
    file.write_text("SELECT count(*) FROM client\nSELECT city FROM client WHERE id = 1\n")
    words = ("--match", "strict", "--explain", "--json", out, "--verdicts", verdicts)
    assert sqlforge(*score_words(spider, file), *words).code == 0
    found = json.loads(out.read_text())
    assert found["by_clause"]["DISTINCT"]["n"] == 1
    assert found["by_database"]["shop"]["correct"] == 1
    assert found["mistakes"]["primary"] == {"extra condition": 1}
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert [row["mistakes"] for row in rows] == [[], ["extra condition", "DISTINCT"]]


def test_two_files_of_predictions_are_compared_in_pairs(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    good, bad, out = (tmp_path / name for name in ("good.sql", "bad.sql", "out.json"))
    good.write_text("SELECT count(*) FROM client\nSELECT DISTINCT city FROM client\n")
    bad.write_text("SELECT 7\nSELECT DISTINCT city FROM client\n")
    assert sqlforge(*score_words(spider, good), "--against", bad, "--json", out).code == 0
    found = json.loads(out.read_text())["against"]
    assert found["mcnemar"] == {"only_base": 0, "only_tuned": 1, "p_value": 1.0}
    assert found["n"] == 2 and found["difference"]["value"] == 0.5
    assert list(found["by_hardness"]) == ["easy"]
    for kind in ("difference", "bootstrap", "bootstrap_databases"):
        assert found[kind]["low"] <= 0.5 <= found[kind]["high"]


@pytest.mark.parametrize("match", ["official", "strict"])
def test_a_page_shows_both_modes_of_a_file_of_predictions(
    match: str, sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    file, page = tmp_path / "pred.sql", tmp_path / "deep" / "page.html"
    file.write_text("SELECT count(*) FROM client\nSELECT town FROM client\n")
    assert sqlforge(*score_words(spider, file), "--match", match, "--report", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "official count" in text and "strict count" in text
    assert "Execution accuracy on Spider dev" in text.replace("\xa0", " ")
    assert "The predictions miss, officially counted, 1 test questions" in text
    assert "unknown column: town" in text and "Classes of mistakes on Spider dev" in text
    assert "Recipe and manifest" not in text and "The tuned model" not in text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (1, "1 too few (none from spider-dev-0001 on)"),
        (3, "1 too many (no example from line 3 on)"),
    ],
)
def test_too_few_or_too_many_predictions_are_a_users_mistake(
    lines: int, words: str, sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    (tmp_path / "pred.sql").write_text("SELECT 1\n" * lines)
    out = tmp_path / "out.json"
    sentence = sqlforge(*score_words(spider, tmp_path / "pred.sql"), "--json", out).sentence()
    assert words in sentence
    assert not out.exists()


def test_predictions_that_cannot_be_read_are_a_users_mistake(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    assert "no file" in sqlforge(*score_words(spider, tmp_path / "absent.sql")).sentence()
    assert str(tmp_path) in sqlforge(*score_words(spider, tmp_path)).sentence()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    assert "UTF-8" in sqlforge(*score_words(spider, tmp_path / "binary")).sentence()


def test_the_official_pair_of_files_is_judged(sqlforge: Run, spider: Path, tmp_path: Path) -> None:
    gold = "SELECT count(*) FROM client\tshop\nSELECT city FROM client\tbank\n"
    (tmp_path / "gold.txt").write_text(gold)
    (tmp_path / "pred.txt").write_text("select count(*) from client\nselect id from client\n")
    out = tmp_path / "out.json"
    words = (*score_words(spider, tmp_path / "pred.txt"), "--gold", tmp_path / "gold.txt")
    assert sqlforge(*words, "--json", out).code == 0
    found = json.loads(out.read_text())
    assert (found["split"], found["n"]) == ("gold.txt", 2)
    assert found["metrics"]["exact_set_match"]["correct"] == 1
    assert "leave out the split" in sqlforge(*words, "--split", "dev").sentence()


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ("\n", "no gold in"),
        ("SELECT city FROM client\n", "line 1"),
        ("\nSELECT city FROM client\tshop\n", "line 1"),
        ("SELECT city FROM client\tshop\tbank\n", "line 1"),
        ("SELECT city FROM client\tzoo\n", "the databases zoo"),
        ("SELECT city FROM client\tshop\n" * 2, "1 predictions"),
    ],
)
def test_golds_of_another_form_are_a_users_mistake(
    sqlforge: Run, spider: Path, tmp_path: Path, gold: str, said: str
) -> None:
    (tmp_path / "gold.txt").write_text(gold)
    (tmp_path / "pred.txt").write_text("SELECT city FROM client\n")
    words = (*score_words(spider, tmp_path / "pred.txt"), "--gold", tmp_path / "gold.txt")
    assert said in sqlforge(*words).sentence()


@pytest.mark.parametrize("bad", ["SELECT nam FROM client", "SELECT city FROM client c", "x"])
def test_a_failing_gold_is_named_and_can_be_left_out_and_counted(
    sqlforge: Run, spider: Path, tmp_path: Path, bad: str
) -> None:
    (tmp_path / "gold.txt").write_text(f"SELECT city FROM client\tshop\n{bad}\tshop\n")
    (tmp_path / "pred.txt").write_text("SELECT city FROM client\n" * 2)
    out, verdicts = tmp_path / "out.json", tmp_path / "verdicts.jsonl"
    words = (*score_words(spider, tmp_path / "pred.txt"), "--gold", tmp_path / "gold.txt")
    sentence = sqlforge(*words, "--json", out).sentence()
    assert "gold-0001" in sentence and "--skip-bad-gold" in sentence and not out.exists()
    ended = sqlforge(*words, "--skip-bad-gold", "--json", out, "--verdicts", verdicts)
    assert ended.code == 0
    found = json.loads(out.read_text())
    assert (found["n"], found["bad_golds"]) == (1, 1)
    assert found["metrics"]["execution_accuracy"]["correct"] == 1
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert [row["execution"] for row in rows] == [True, None]
    assert rows[1]["bad_gold"]


def test_a_missing_database_is_named_and_its_questions_can_be_left_out(
    sqlforge: Run, spider: Path, tmp_path: Path
) -> None:
    (spider / "database" / "shop" / "shop.sqlite").unlink()
    (tmp_path / "pred.sql").write_text("SELECT 1\n" * 2)
    sentence = sqlforge(*score_words(spider, tmp_path / "pred.sql")).sentence()
    assert "(shop)" in sentence
    out = tmp_path / "out.json"
    words = (*score_words(spider, tmp_path / "pred.sql"), "--skip-bad-gold", "--json", out)
    assert sqlforge(*words).code == 0
    assert (json.loads(out.read_text())["n"], json.loads(out.read_text())["bad_golds"]) == (0, 2)


@pytest.mark.parametrize("ignored", [("--out", "corpus"), ("--n", "50")])
def test_suggesting_names_makes_no_corpus_and_says_so(
    sqlforge: Run, tmp_path: Path, ignored: tuple[str, str]
) -> None:
    names = tmp_path / "names.yaml"
    words = ("synth", "--db", "shop.sqlite", "--suggest-names", names, *ignored)
    assert f"{ignored[0]} with --suggest-names" in sqlforge(*words).sentence()
    assert not names.exists()


def test_score_says_what_it_lacks(sqlforge: Run) -> None:
    assert "--predictions" in sqlforge("score", "--benchmark", "spider").sentence()
    assert "--run" in sqlforge("score", "--benchmark", "internal").sentence()
    ignored = sqlforge("score", "--benchmark", "internal", "--run", "x", "--extract")
    assert "--extract for the test set of a run" in ignored.sentence()
    ignored = sqlforge("score", "--benchmark", "internal", "--run", "x", "--data-dir", "y")
    assert "--data-dir for the test set of a run" in ignored.sentence()
    other = sqlforge("score", "--benchmark", "spider", "--run", "x")
    assert "--run for the benchmark spider" in other.sentence()
    words = ("score", "--benchmark", "spider", "--predictions", "x")
    assert "--data-dir" in sqlforge(*words).sentence()
    words = (*words, "--data-dir", "x", "--split", "test")
    assert "the split 'test'" in sqlforge(*words).sentence()


def test_a_prediction_that_the_run_lacks_is_named(
    sqlforge: Run, prepared: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run_with(prepared, run)
    write_jsonl(run / "predictions" / "tuned.jsonl", [{"id": "x", "sql": "SELECT 1", "text": ""}])
    sentence = sqlforge("score", "--benchmark", "internal", "--run", run).sentence()
    assert "predictions without synthetic-test-000000 and 3 others" in sentence
    (run / "predictions" / "tuned.jsonl").write_text("{")
    sentence = sqlforge("score", "--benchmark", "internal", "--run", run).sentence()
    assert "tuned.jsonl, line 1" in sentence


def test_a_run_is_scored_and_reported(sqlforge: Run, prepared: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_with(prepared, run)
    test = [json.loads(line) for line in (run / "data" / "test.jsonl").read_text().splitlines()]
    gold = [{"id": e["id"], "sql": e["sql"], "text": e["sql"]} for e in test]
    write_jsonl(run / "predictions" / "tuned.jsonl", gold)
    write_jsonl(run / "predictions" / "base.jsonl", [{**row, "sql": "SELECT"} for row in gold])
    out = tmp_path / "out.json"
    lines = tmp_path / "verdicts.jsonl"
    words = ("--benchmark", "internal", "--run", run, "--json", out, "--verdicts", lines)
    ended = sqlforge("score", *words, "--suite", 2, "--suite-dir", tmp_path / "kept")
    assert ended.code == 0 and "Test-suite" in ended.out
    found = json.loads(out.read_text())
    assert (found["benchmark"], found["system"], found["n"]) == ("internal", "tuned", len(test))
    assert found["metrics"]["exact_match"]["value"] == 1.0
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["execution"] for row in rows] == [True] * len(test)
    (source,) = found["sources"].values()
    assert source["tuned"]["test_suite_accuracy"]["value"] == 1.0
    assert source["tuned"]["execution_accuracy"]["value"] == 1.0
    assert source["base"]["execution_accuracy"]["value"] == 0.0
    comparison = json.loads((run / "scores" / "comparison.json").read_text())
    assert next(iter(comparison.values()))["base"]["difference"]["value"] == 1.0
    assert sqlforge("report", run).code == 0
    assert "<html" in (run / "report.html").read_text()


def test_spiders_questions_in_a_run_are_judged_in_the_official_mode_too(
    sqlforge: Run, recipe: Callable[..., Path], spider: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ("prepare", recipe(data=SPIDER), "--data-dir", spider, "--out", run)
    assert sqlforge(*words).code == 0
    test = [json.loads(line) for line in (run / "data" / "test.jsonl").read_text().splitlines()]
    sql = ["SELECT count(*) FROM client", "SELECT city FROM client"]  # the gold says DISTINCT
    answers = [{"id": e["id"], "sql": s, "text": s} for e, s in zip(test, sql, strict=True)]
    write_jsonl(run / "predictions" / "tuned.jsonl", answers)
    assert sqlforge("score", "--benchmark", "internal", "--run", run).code == 0
    scores = run / "scores"
    exact = {}
    for mode, metric in (("", "exact_match"), (".official", "exact_set_match")):
        found = json.loads((scores / f"tuned-spider{mode}.json").read_text())
        exact[metric] = found["metrics"][metric]["correct"]
    assert exact == {"exact_match": 1, "exact_set_match": 2}
    rows = (scores / "tuned-spider.official.verdicts.jsonl").read_text().splitlines()
    assert {json.loads(row)["hardness"] for row in rows} == {"easy"}
    assert sqlforge("report", run).code == 0
    assert "Counted officially and strictly on Spider dev" in (run / "report.html").read_text()


# --- trace ----------------------------------------------------------------------------------------


def test_an_unknown_example_id_is_a_users_mistake(sqlforge: Run, prepared: Path) -> None:
    sentence = sqlforge("trace", "synthetic-test-999999", "--run", prepared).sentence()
    assert "synthetic-test-999999" in sentence


def test_trace_follows_an_example_of_a_run(sqlforge: Run, prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "stations.json"
    words = ("trace", "synthetic-test-000001", "--run", prepared, "--json", out)
    short = sqlforge(*words)
    assert short.code == 0
    assert list(json.loads(out.read_text()))[-1] == "Packed batch"
    judged = sqlforge(*words, "--answer", "SELECT nothing FROM nowhere")
    assert judged.code == 0
    stations = json.loads(out.read_text())
    assert list(stations)[-1] == "Metrics"
    assert stations["SQL"] == "SELECT nothing FROM nowhere"
    assert '"valid": false' in stations["Verdict"]
    assert "score/judge.py" in judged.out


# --- defects, failures, extras --------------------------------------------------------------------


def raising(fault: Exception) -> Callable[[], None]:
    def command() -> None:
        raise fault

    return command


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (TrainingError("the loss of step 3 is nan"), 1, "sqlforge: the loss of step 3 is nan\n"),
        (GoldError("x-1", "SELECT", "syntax"), 1, "The gold SQL of x-1 fails"),
        (ModuleNotFoundError("no", name="torch"), 2, "pip install -e '.[train]'"),
        (ModuleNotFoundError("no", name="faker"), 2, "pip install -e '.[data]'"),
        (PermissionError(errno.EACCES, "Permission denied", "/etc/x"), 2, "/etc/x"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 2, "No space left"),
    ],
)
def test_faults_leave_by_their_own_exit_code(
    fault: Exception, code: int, words: str, sqlforge: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(raising(fault))
    monkeypatch.setattr(cli, "app", app)
    ended = sqlforge()
    assert ended.code == code
    assert words in ended.err and ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "fault",
    [
        ZeroDivisionError("a defect"),
        ModuleNotFoundError("no", name="sqlforge.imagined"),
        FileNotFoundError(errno.ENOENT, "No such file", "inner"),
    ],
)
def test_a_defect_is_not_hidden(
    fault: Exception, sqlforge: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(raising(fault))
    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(type(fault)):
        sqlforge()


def test_no_password_reaches_the_terminal(sqlforge: Run) -> None:
    ended = sqlforge("report", "postgresql://ann:s3cr3t@host/db")
    assert "s3cr3t" not in ended.sentence()
