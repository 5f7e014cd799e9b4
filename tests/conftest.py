"""What several tests need: small real models, the shared data where it is, and an order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
if "PYTEST_XDIST_WORKER" in os.environ:  # threads of several processes would wait for each other
    os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}

# the same examples on every machine, however busy it is
settings.register_profile(
    "any speed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any speed")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


LONGEST_FIRST = ("cookbook", "theory", "slow")
"""Marks."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For several processes: a file stays together, with what its tests share, the longest first.

    What lasts longest and shares nothing has a group of its own, by a mark.
    """
    if not hasattr(config, "workerinput"):
        return
    rank: dict[str, int] = {}
    groups: dict[pytest.Item, str] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(ROOT).as_posix()))
        groups[item] = group = str(next(item.iter_markers("xdist_group")).args[0])
        marked = [i for i, name in enumerate(LONGEST_FIRST) if item.get_closest_marker(name)]
        rank[group] = min([rank.get(group, len(LONGEST_FIRST)), *marked])
    items.sort(key=lambda item: (rank[groups[item]], groups[item]))


@pytest.fixture(scope="session")
def shared() -> Path:
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the evaluation data, which is not part of the repository")
    return SHARED


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
