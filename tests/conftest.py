"""What several tests need: small real models, the shared data where it is, and an order."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # DSPy's; it would ask the network
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when Haystack is imported
if "PYTEST_XDIST_WORKER" in os.environ:  # threads of several processes would wait for each other
    os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}

# the same examples on every machine, however busy it is
settings.register_profile(
    "any speed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any speed")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


LONGEST_FIRST = (
    r"cookbook/test_notebooks\.py::test_it_runs",
    r"theory/.*\[both\]",
    r"theory/",
    r"docs/test_docs\.py::.*\[docs/fine-tuning\.md\]",
    r"docs/test_docs\.py",
    r"learn/test_learning\.py",
    r"train/",
)
"""Groups of tests by their ids; every other file is a group of its own."""


def group(nodeid: str) -> str:
    """What runs in one process, since it shares what fixtures and notebooks keep."""
    patterns = (pattern for pattern in LONGEST_FIRST if re.search(pattern, nodeid))
    return next(patterns, nodeid.partition("::")[0])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In several processes the longest come first, so that none is left at the end."""
    if hasattr(config, "workerinput"):
        place = {pattern: i for i, pattern in enumerate(LONGEST_FIRST)}
        items.sort(key=lambda item: place.get(group(item.nodeid), len(place)))


def pytest_collection_finish() -> None:
    """What was imported stays: collections need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:  # as pytest-xdist's documentation has it
            return group(nodeid)

    return ByGroup(config, log)


@pytest.fixture
def leave_no_garbage() -> Iterator[None]:
    """For frameworks that leave event loops open: collected later, they would fail another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.freeze()  # what is left is not looked at again, which would take seconds


@pytest.fixture
def no_finalizers() -> Iterator[None]:
    """For what goes to the end of the stack, where finalizers of older garbage would fail."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the evaluation data, which is not part of the repository")
    return SHARED


@pytest.fixture(scope="session")
def run_on_ray(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Runs a script that uses Ray in a process of its own; what it writes as JSON is returned.

    Its arguments are those given here, and then the file that it is to write.
    """

    def run(script: Path, *arguments: object, **environment: str) -> dict[str, Any]:
        said = tmp_path_factory.mktemp("ray") / "said.json"
        path = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        patient = {
            "PYTHONPATH": os.pathsep.join(path),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "600",  # on a machine that is busy with other things
            "RAY_worker_register_timeout_seconds": "600",
            "RAY_agent_register_timeout_ms": "600000",
        }
        done = subprocess.run(
            [sys.executable, str(script), *map(str, arguments), str(said)], timeout=1500,
            capture_output=True, text=True, env=os.environ | patient | environment, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        result: dict[str, Any] = json.loads(said.read_text(encoding="utf-8"))
        return result

    return run


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT cross-encoder of 60,000 random weights, with the built-in model's tokenizer."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("tiny-bert")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, num_labels=1, initializer_range=0.5,
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    builtin = ROOT / "src/secondpass/models/builtin"
    transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(builtin / "tokenizer.json"),
        unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=512,
    ).save_pretrained(folder)  # fmt: skip
    return folder
