"""What a training run reports: its progress while it runs, and before and after once it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from secondpass.calibrate import JudgedQuery, expected_calibration_error
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.train.config import TrainingConfig

Phase = Literal["measuring before", "training", "exporting", "measuring after"]
FineTuningVerdict = Literal["better", "no clear difference", "worse"]
RESAMPLES = 5_000


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """A moment of a training run.

    Attributes:
        phase: What is being done.
        done: Steps taken of this phase, or queries read while measuring.
        total: Of how many; 0 where that is not known.
        loss: Mean of the last steps, while training.
        pairs_per_second: Read forwards and backwards since the start or the resumption.
        seconds_left: Of the training, at that speed.
    """

    phase: Phase
    done: int
    total: int
    loss: float | None = None
    pairs_per_second: float | None = None
    seconds_left: float | None = None


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class RankingQuality:
    """Measured on judged queries that have relevant and other candidates.

    Attributes:
        ndcg10: nDCG@10 of each query, in their order.
        mrr10: Mean reciprocal rank of the first relevant among ten.
        calibration_error: Expected calibration error; None where the scores are raw.
    """

    ndcg10: tuple[float, ...]
    mrr10: float
    calibration_error: float | None

    @classmethod
    def of(cls, rankings: Sequence[Ranking], judged: Sequence[JudgedQuery]) -> RankingQuality:
        """Of rankings, one for each judged query.

        Raises:
            MissingExtraError: ir_measures is not installed.
        """
        from secondpass.evaluate.metrics import Metric, per_query

        ndcg, reciprocal_rank = Metric.of("nDCG@10"), Metric.of("RR@10")
        qrels = {
            str(i): {c.id: int(c.id in j.relevant) for c in j.ranking} for i, j in enumerate(judged)
        }
        orders = {str(i): r.ids for i, r in enumerate(rankings)}
        values = per_query([ndcg, reciprocal_rank], qrels, orders)
        error = None
        if all(r.scale == "probability" for r in rankings):
            probabilities = [score for r in rankings for score in r.scores]
            labels = [c.id in j.relevant for j, r in zip(judged, rankings, strict=True) for c in r]
            error = expected_calibration_error(probabilities, labels)
        return cls(
            ndcg10=tuple(values[ndcg.name]),
            mrr10=sum(values[reciprocal_rank.name]) / len(judged),
            calibration_error=error,
        )

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


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """Before and after, on queries that nothing was trained, validated or calibrated on.

    Attributes:
        out: The folder of the run.
        config: The options of the run.
        before: Of the model that training began with.
        after: Of what the recipe loads.
        gain: Mean difference of nDCG@10 after less before.
        interval: Its 95 % interval, by percentile bootstrap over the held-out queries: Sakai
            2006, "Evaluating Evaluation Metrics based on the Bootstrap".
        best_step: The checkpoint that was chosen; 0 is the weights that training began with,
            where no checkpoint was better on the validation queries.
        sizes: The number of judged lists in each part.
        uncalibrated: Why there are no probabilities; None where there are.
        stopped: Why training ended early; None where it did not.
        cut_short: What share of the texts training read in part; None where it read all of each.
    """

    out: Path
    config: TrainingConfig
    before: RankingQuality
    after: RankingQuality
    gain: float
    interval: tuple[float, float]
    best_step: int
    sizes: Mapping[str, int]
    uncalibrated: str | None
    stopped: str | None
    cut_short: str | None

    @property
    def verdict(self) -> FineTuningVerdict:
        """Whether the interval lies above 0, below, or holds it."""
        if self.interval[0] > 0:
            return "better"
        return "worse" if self.interval[1] < 0 else "no clear difference"

    @property
    def recipe(self) -> Path:
        """Of the fine-tuned model: `Recipe.read(report.recipe).stage()`."""
        return self.out / "recipe.json"

    @property
    def recipe_before(self) -> Path:
        """Of the model that training began with, as it was measured."""
        return self.out / "before.json"

    def summary(self) -> str:
        """The verdict, in a sentence or three."""
        low, high = self.interval
        sentences = [
            f"nDCG@10 on {len(self.before.ndcg10)} held-out queries: {self.before.mean:.4f} before,"
            f" {self.after.mean:.4f} after ({self.gain:+.4f}, 95 % interval {low:+.4f} to "
            f"{high:+.4f}): {self.verdict}."
        ]
        if self.best_step == 0:
            sentences.append(
                "No checkpoint was better than the weights that training began with on the "
                "validation queries, so these were kept."
            )
        elif self.verdict == "worse":
            sentences.append(f"Do not use it: what you had is in {self.recipe_before}.")
        elif self.verdict == "no clear difference":
            sentences.append("More judged queries would tell.")
        if self.uncalibrated is not None:
            sentences.append(f"It gives raw scores, no probabilities: {self.uncalibrated}.")
        if self.stopped is not None:
            sentences.append(f"Training ended early: {self.stopped}.")
        if self.cut_short is not None:
            sentences.append(f"{self.cut_short}.")
        return " ".join(sentences)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the folder and the options, which are `config.to_dict()`."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "gain": self.gain,
            "interval": list(self.interval),
            "verdict": self.verdict,
            "best_step": self.best_step,
            "sizes": dict(self.sizes),
            "uncalibrated": self.uncalibrated,
            "stopped": self.stopped,
            "cut_short": self.cut_short,
        }


def gain_interval(
    before: Sequence[float], after: Sequence[float], seed: int
) -> tuple[float, tuple[float, float]]:
    """Mean of the paired differences and its 95 % bootstrap interval."""
    from secondpass.evaluate.significance import bootstrap_interval

    gains = [new - old for old, new in zip(before, after, strict=True)]
    interval = bootstrap_interval(gains, method="percentile", resamples=RESAMPLES, seed=seed)
    return sum(gains) / len(gains), (interval.low, interval.high)
