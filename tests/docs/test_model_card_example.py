"""The example card is what the script makes of the run's facts today, and the hub can read it."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "model-card-example.md"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    script = REPOSITORY / "docs" / "make_model_card_example.py"
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_makes(maker: ModuleType, tmp_path: Path) -> None:
    maker.make(maker.FACTS, tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_the_hubs_own_library_reads_its_front_matter() -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the extra 'publish' is not installed")
    data = hub.ModelCard(PAGE.read_text(encoding="utf-8")).data
    assert data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert data.license == "apache-2.0" and data.pipeline_tag == "text-generation"
    by_type = {result.metric_type: result for result in data.eval_results}
    assert set(by_type) == {"execution_accuracy", "exact_match", "valid_sql"}
    found = by_type["execution_accuracy"]
    low, high = found.metric_args["confidence_interval_95"]
    assert low < found.metric_value < high and found.dataset_name == "the embedded corpus"


def test_the_python_in_the_card_is_python() -> None:
    blocks = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        compile(block, "card", "exec")


def test_figures_of_the_card_are_those_of_its_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (value,) = set(re.findall(r"type: execution_accuracy\n.+\n\s+value: ([\d.]+)", page))
    assert f"| **tuned** | {float(value) * 100:.1f} (" in page
