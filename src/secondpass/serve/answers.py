"""Scores of a ranking as other people's APIs have them, and its evidence.

Their scores lie in 0 to 1. Where a recipe gives probabilities they are these; where it gives raw
scores they are the sigmoid of them, in the same order, and no probability. An order has no scores,
and none is invented for it.
"""

from __future__ import annotations

from typing import Any

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.errors import NoScoresError
from secondpass.core.evidence import evidence_details
from secondpass.core.formulas import sigmoid
from secondpass.core.ranking import Ranking

_NUMBERS = ("raw", "probability")
SPAN_THRESHOLD = 0.1
"""Least score of a span where a request gives none: Cohere's."""


def scored(ranking: Ranking, *, raw: bool = False) -> list[tuple[Candidate, float]]:
    """Candidates with their scores, best first; those that were not scored in time are not there.

    Args:
        ranking: Of a recipe.
        raw: Raw scores instead, where there are some.

    Raises:
        NoScoresError: It is only an order.
    """
    if ranking.scale != "order":
        return [(c, _score(_last(c, raw), raw)) for c in ranking]
    found: list[tuple[Candidate, float]] = []
    if ranking.status == "partial":
        for candidate in ranking:  # what was scored in time stands above the rest
            mark = candidate.trail[-1] if candidate.trail else None
            if mark is None or mark.score is None or mark.scale in (None, "order"):
                break
            found.append((candidate, _score(_last(candidate, raw), raw)))
        if found or any(c.trail and c.trail[-1].note.get("unscored") for c in ranking):
            return found
    if not len(ranking):
        return []
    raise NoScoresError(
        "this recipe gives an order without scores, and this API needs scores; POST /rank gives "
        "the order, or put a calibrator behind it"
    )


def _last(candidate: Candidate, raw: bool) -> Mark:
    """The mark whose score counts: the last, or the last before it became a probability."""
    marks = [m for m in candidate.trail if m.score is not None and m.scale in _NUMBERS]
    before = [m for m in marks if m.scale == "raw"]
    return before[-1] if raw and before else marks[-1]


def _score(mark: Mark, raw: bool) -> float:
    assert mark.score is not None
    return mark.score if raw or mark.scale == "probability" else sigmoid(mark.score)


def spans_of(
    candidate: Candidate, threshold: float | None, most: int | None
) -> list[dict[str, Any]]:
    """Evidence in Cohere's shape: [start, end) in code points, most relevant first.

    Scores of evidence are raw, and Cohere's lie between 0 and 1, as the threshold does. Where a
    request gives none, the best span is there in any case.
    """
    spans = [span._replace(score=sigmoid(span.score)) for span in candidate.evidence]
    least = SPAN_THRESHOLD if threshold is None else threshold
    enough = [span for span in spans if span.score >= least]
    return evidence_details(enough or spans[: threshold is None])[:most]
