"""The smoke test of every pointwise model as it loads: does it tell an answer from something else?

A model without its classification head, with its template missing or its labels swapped does not
crash: it silently orders everything wrongly. These pairs are so easy that a working reranker of
any size orders them correctly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from secondpass.core.errors import ModelError
from secondpass.stages.score import Pair

QUESTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "What is the capital of France?",
        "Paris is the capital and largest city of France.",
        "Bananas are rich in potassium and easy to digest.",
    ),
    (
        "how to boil an egg",
        "Put the egg in boiling water and cook it for eight minutes, then cool it.",
        "The committee postponed the vote on the new railway until next spring.",
    ),
    (
        "symptoms of the flu",
        "Flu symptoms include fever, cough, sore throat, headache and muscle aches.",
        "Granite is a coarse-grained rock that forms when magma cools slowly.",
    ),
)
"""Query, an answer, an unrelated text. Written for this purpose."""


def run_smoke_test(name: str, score: Callable[[Sequence[Pair]], Sequence[float]]) -> None:
    """Refuse a model that does not behave like a reranker.

    Raises:
        ModelError: Scores that are not finite, all equal, or higher for the wrong text.
    """
    pairs = [(query, text) for query, *texts in QUESTIONS for text in texts]
    scores = list(score(pairs))
    remedy = "; if that is what this model should do, load it with verify=False"
    if len(scores) != len(pairs) or not all(math.isfinite(s) for s in scores):
        raise ModelError(f"{name!r} scored {len(pairs)} test pairs as {scores}; is it damaged?")
    if max(scores) - min(scores) < 1e-4:
        raise ModelError(
            f"{name!r} gives every pair the same score ({scores[0]:.6g}): its classification head "
            f"or its prompt template is missing{remedy}"
        )
    for i, (query, answer, other) in enumerate(QUESTIONS):
        right, wrong = scores[2 * i], scores[2 * i + 1]
        if right <= wrong:
            raise ModelError(
                f"{name!r} ranks the wrong text higher: for {query!r}, {wrong:.3g} for {other!r} "
                f"and {right:.3g} for {answer!r}. Either it is not a reranker, its head was never "
                f"trained, or its labels are reversed{remedy}"
            )
