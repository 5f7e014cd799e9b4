"""Whether a stage judges each candidate by itself."""

from __future__ import annotations

from secondpass.calibrate import Calibrate
from secondpass.core.stage import Stage
from secondpass.stages.score import Score, Scorer


def is_pointwise(stage: Stage) -> bool:
    """Whether each candidate's score is known not to depend on the others.

    Then the order of the first k follows from one run on all. True for pipelines of scorers and
    their calibrators; others, such as judges and BM25 over the candidates, see the whole list.
    """
    scored = [p for p in stage.parts if isinstance(p, Score)]
    return bool(scored) and all(
        isinstance(p, Calibrate) or (isinstance(p, Score) and isinstance(p.scorer, Scorer))
        for p in stage.parts
    )
