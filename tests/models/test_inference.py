"""A scorer is put together from an encoder, a session and a head: any of them may be another."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from secondpass import ModelError, Ranking, load
from secondpass.models.batching import BatchedSession, map_in_threads
from secondpass.models.builtin import FOLDER
from secondpass.models.encoding.encoders import PairEncoder
from secondpass.models.inference import ClassLogits, PairScorer


class Lengths:
    """A session that gives each row the number of its tokens, and the number in its segment."""

    inputs = {"input_ids", "attention_mask", "token_type_ids"}  # noqa: RUF012
    outputs: dict[str, list[Any]] = {"logits": ["batch", 2]}  # noqa: RUF012

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> list[Any]:
        self.shapes.append(feed["input_ids"].shape)
        columns = feed["attention_mask"].sum(axis=1), feed["token_type_ids"].sum(axis=1)
        return [np.stack(columns, axis=1).astype(np.float32)]


def scorer_of(session: Lengths, workers: int = 1, width_step: int = 1) -> PairScorer:
    encoder = PairEncoder(Tokenizer.from_file(str(FOLDER / "tokenizer.json")), 32)
    batched = BatchedSession(session, 0, 32, 64, workers, width_step=width_step)
    return PairScorer("any@1", encoder, batched, ClassLogits.find(session, "any@1"))


@pytest.mark.parametrize("workers", [1, 3])
def test_any_session_scores_pairs(workers: int) -> None:
    session = Lengths()
    pairs = [("two words", "word " * n) for n in (1, 9, 3, 100)]
    # [CLS] two words [SEP] [CLS] ... [SEP], of which the first four are not of the text
    assert scorer_of(session, workers).score(pairs) == [-4.0] * 4
    assert all(rows * width <= 64 for rows, width in session.shapes)
    assert sum(rows for rows, _ in session.shapes) == 4


def test_widths_are_multiples_of_a_step_up_to_the_longest_row() -> None:
    session = Lengths()
    scorer_of(session, width_step=10).score([("a", "word " * n) for n in (1, 9, 30)])
    assert {width for _, width in session.shapes} <= {10, 20, 32}


def test_a_head_of_three_labels_is_refused() -> None:
    head = ClassLogits("any@1", "logits")
    with pytest.raises(ModelError, match=r"'any@1' returns \(2, 3\) for 2 pairs"):
        head(np.zeros((2, 3), np.float32), 2)


def test_results_that_wait_are_bounded() -> None:
    """However slowly they are taken, since a batch of token vectors takes memory."""
    begun: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            begun.append(item)
        return item

    results = map_in_threads(work, range(1000), 2)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(begun) <= 10 + 2 * 4
    assert list(results) == list(range(10, 1000))


@pytest.mark.parametrize(("model", "tokens"), [("builtin:raw", 70), (f"onnx:{FOLDER}", 72)])
def test_a_query_that_does_not_fit_is_cut_and_told(model: str, tokens: int) -> None:
    ranking = load(model, options={"max_length": 32})(Ranking.of("word " * 100, ["a text"]))
    assert ranking[0].trail[-1].note["cut_query_tokens"] == tokens
    messages = [e.message for e in ranking.events if e.kind == "truncated"]
    assert any("the query was longer than the model reads" in message for message in messages)
