"""How good an order is, and whether a second model's is better by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate import JudgedQuery, expected_calibration_error
from secondpass.core.errors import MissingExtraError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.train.split import has_both

RESAMPLES = 5_000


@dataclass(frozen=True, slots=True)
class Quality:
    """Measured on judged queries that have relevant and other candidates.

    Attributes:
        ndcg10: nDCG@10 of each query, in their order.
        mrr10: Mean reciprocal rank of the first relevant among ten.
        calibration_error: Expected calibration error; None where the scores are raw.
    """

    ndcg10: tuple[float, ...]
    mrr10: float
    calibration_error: float | None

    @property
    def mean(self) -> float:
        """Mean nDCG@10."""
        return sum(self.ndcg10) / len(self.ndcg10)

    def to_dict(self) -> dict[str, float | None]:
        """For JSON, without the single queries."""
        return {
            "ndcg10": self.mean,
            "mrr10": self.mrr10,
            "expected_calibration_error": self.calibration_error,
        }


def measured(stage: Stage, judged: Sequence[JudgedQuery]) -> Quality:
    """Run the stage and measure its order, and its probabilities where it gives some.

    Raises:
        MissingExtraError: ir_measures is not installed.
    """
    known = [j for j in judged if has_both(j)]
    return quality(stage.run([j.ranking for j in known]), known)


def quality(rankings: Sequence[Ranking], judged: Sequence[JudgedQuery]) -> Quality:
    """The same of rankings made before, one for each judged query."""
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtraError("measuring a training run", "train") from error
    qrels = {
        str(i): {c.id: int(c.id in j.relevant) for c in j.ranking} for i, j in enumerate(judged)
    }
    run = {
        str(i): {id: float(-place) for place, id in enumerate(r.ids)}
        for i, r in enumerate(rankings)
    }
    gain, reciprocal = ir_measures.nDCG @ 10, ir_measures.RR @ 10
    found: dict[object, dict[str, float]] = {gain: {}, reciprocal: {}}
    for row in ir_measures.iter_calc([gain, reciprocal], qrels, run):
        found[row.measure][row.query_id] = float(row.value)
    each = tuple(found[gain][str(i)] for i in range(len(judged)))
    stated = None
    if all(r.scale == "probability" for r in rankings):
        p = [s for r in rankings for s in r.scores]
        y = [c.id in j.relevant for j, r in zip(judged, rankings, strict=True) for c in r]
        stated = expected_calibration_error(p, y)
    return Quality(each, sum(found[reciprocal].values()) / len(judged), stated)


def difference(
    before: Sequence[float], after: Sequence[float], seed: int
) -> tuple[float, tuple[float, float]]:
    """Mean of the paired differences and its 95 % interval, by bootstrap over the queries.

    Percentile bootstrap: Sakai 2006, "Evaluating Evaluation Metrics based on the Bootstrap".
    """
    import numpy as np

    gaps = np.asarray(after) - np.asarray(before)
    picks = np.random.default_rng(seed).integers(len(gaps), size=(RESAMPLES, len(gaps)))
    low, high = np.percentile(gaps[picks].mean(axis=1), [2.5, 97.5])
    return float(gaps.mean()), (float(low), float(high))
