"""A task that a tiny model learns in seconds: the text that answers has the query's word."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secondpass import Candidate, JudgedQuery

WORDS = [
    "apple", "river", "stone", "cloud", "horse", "paper", "light", "green", "music", "table",
    "bread", "glass", "tiger", "ocean", "flame", "cabin", "wheel", "storm", "field", "crown",
]  # fmt: skip


def _task(queries: int) -> list[JudgedQuery]:
    pick = random.Random(0)
    judged = []
    for n in range(queries):
        word, *others = pick.sample(WORDS, 8)
        texts = [f"{o} {pick.choice(others)}" for o in others[:4]]
        place = pick.randrange(5)
        texts.insert(place, f"{others[5]} {word}")
        docs = [Candidate(str(i), text) for i, text in enumerate(texts)]
        judged.append(JudgedQuery.of(f"{word} {n}", docs, [str(place)]))
    return judged


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Matrices of 16 x 16 are slower on several threads."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def task() -> Callable[[int], list[JudgedQuery]]:
    """Makes so many judged queries, always the same."""
    return _task


@pytest.fixture(scope="session")
def tiny_late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A late-interaction model with random weights, most of which are the vocabulary's."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from secondpass.models.builtin import FOLDER
    from secondpass.models.builtin.to_torch import pair_tokenizer
    from secondpass.models.late_interaction import (
        LateInteractionBert,
        LateInteractionConfig,
    )

    folder = tmp_path_factory.mktemp("tiny-late")
    torch.manual_seed(0)
    config = LateInteractionConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, num_labels=1, architectures=["LateInteractionBert"],
        initializer_range=0.3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    LateInteractionBert(config).save_pretrained(folder)
    plain = transformers.PreTrainedTokenizerFast(tokenizer_file=str(FOLDER / "tokenizer.json"))
    pair_tokenizer(plain).save_pretrained(folder)
    return folder
