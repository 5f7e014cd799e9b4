from __future__ import annotations

import math

import pytest

from secondpass import ModelError
from secondpass.models.loading import QUESTIONS, run_smoke_test

WORDS = {text: float(i % 2 == 0) for i, text in enumerate(t for _, *ts in QUESTIONS for t in ts)}


def test_a_reranker_passes() -> None:
    run_smoke_test("good", lambda pairs: [WORDS[t] for _, t in pairs])


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda pairs: [0.5] * len(pairs), "same score"),
        (lambda pairs: [-WORDS[t] for _, t in pairs], "ranks the wrong text higher"),
        (lambda pairs: [math.nan] * len(pairs), "damaged"),
        (lambda pairs: [1.0], "damaged"),
    ],
)
def test_what_is_no_reranker_is_refused_with_the_reason(score, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError, match=message):
        run_smoke_test("bad", score)
