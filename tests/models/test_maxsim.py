"""MaxSim, against the definition written out."""

from __future__ import annotations

import numpy as np
import pytest

from secondpass.models.onnx.matching import dot_rows
from secondpass.models.onnx.maxsim import (
    MaxSimWeights,
    QueryVectors,
    TextVectors,
    logits,
    softmax,
)


@pytest.mark.parametrize("sharpness", [0.0, 50.0])
def test_the_definition(sharpness: float) -> None:
    def best(cosines: list[float]) -> float:
        if not sharpness:
            return max(cosines)
        return float(np.logaddexp.reduce(sharpness * np.array(cosines)) / sharpness)

    rng = np.random.default_rng(0)
    of = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    query = QueryVectors(of(3, 8), softmax(of(3)), of(8), 0.5)
    texts = [TextVectors(of(n, 8), of(8)) for n in (1, 7, 2, 20_000)]
    by_hand = [
        20
        * sum(
            w * best([q @ t for t in text.vectors])
            for q, w in zip(query.vectors, query.weights, strict=True)
        )
        + 2 * query.mean @ text.mean
        + 0.5
        for text in texts
    ]
    made = logits(query, texts, MaxSimWeights((20, 2), sharpness))
    np.testing.assert_allclose(made, by_hand, rtol=1e-4)


def test_weights_are_a_softmax_that_does_not_overflow() -> None:
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0], np.float32)), [0.5, 0.5])


def test_a_row_is_added_up_the_same_way_whatever_rows_there_are() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9, 384)).astype(np.float32)
    vector = rng.normal(size=384).astype(np.float32)
    alone = np.concatenate([dot_rows(rows[i : i + 1], vector) for i in range(len(rows))])
    assert alone.tolist() == dot_rows(rows, vector).tolist()
    np.testing.assert_allclose(alone, rows @ vector, rtol=1e-4)
