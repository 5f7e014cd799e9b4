"""The one-line way in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from secondpass.candidate import Candidate
from secondpass.cut import Top
from secondpass.models.load import load
from secondpass.ranking import Ranking
from secondpass.stage import Pipeline, Stage
from secondpass.threshold import Threshold


def rerank(
    query: str,
    docs: Iterable[str | Candidate],
    *,
    model: str | Stage = "builtin",
    top_k: int | None = None,
    at_least: float | None = None,
) -> Ranking:
    """Order documents by relevance to a query, best first.

    Args:
        query: What was asked.
        docs: Texts, which get the ids "0", "1", ..., or `Candidate` objects. No document is a
            legal question with an empty answer.
        model: A model string, see `load`, or any stage. The built-in one gives probabilities.
        top_k: Keep so many at most.
        at_least: Keep those with at least this P(relevant); may leave none.

    Returns:
        A `Ranking`: iterate over it, read `.ids`, `.scores` and `.scale`.

    Raises:
        InvalidInputError: Empty query, a document that is no text, equal ids.
        NotCalibratedError: `at_least` with a model that gives raw scores.
        SecondPassError: What loading and running the model may raise.
    """
    stages: list[Stage] = [_loaded(model) if isinstance(model, str) else model]
    if at_least is not None:
        stages.append(Threshold(at_least))
    if top_k is not None:
        stages.append(Top(top_k))
    return Pipeline(*stages)(Ranking.of(query, docs))


@lru_cache(maxsize=2)
def _loaded(model: str) -> Stage:
    """A model is read once, not once a call."""
    return load(model)
