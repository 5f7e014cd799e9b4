"""What a training run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from secondpass.core.short_repr import short_repr
from secondpass.train.measure import Quality

FineTuningVerdict = Literal["better", "no clear difference", "worse"]


@short_repr
@dataclass(frozen=True, slots=True)
class TrainingReport:
    """Before and after, on queries that nothing was trained, chosen or calibrated on.

    Attributes:
        out: The folder of the run.
        before: Of the model that training began with.
        after: Of what the recipe loads.
        gain: Mean difference of nDCG@10 after less before.
        interval: Its 95 % interval, by bootstrap over the held-out queries.
        best_step: The checkpoint that was chosen; 0 is the weights that training began with,
            where no checkpoint was better on the queries set aside for choosing.
        sizes: Judged lists in each part.
        uncalibrated: Why there are no probabilities; None where there are.
        stopped: Why training ended early; None where it did not.
        cut_short: How many texts training read in part; None where it read all of each.
    """

    out: Path
    before: Quality
    after: Quality
    gain: float
    interval: tuple[float, float]
    best_step: int
    sizes: Mapping[str, int]
    uncalibrated: str | None
    stopped: str | None
    cut_short: str | None = None

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
        said = (
            f"nDCG@10 on {len(self.before.ndcg10)} held-out queries: {self.before.mean:.4f} before,"
            f" {self.after.mean:.4f} after ({self.gain:+.4f}, 95 % interval {low:+.4f} to "
            f"{high:+.4f}): {self.verdict}."
        )
        if self.best_step == 0:
            said += (
                " No checkpoint was better than the weights that training began with on the "
                "queries set aside for choosing, so these were kept."
            )
        elif self.verdict == "worse":
            said += f" Do not use it: what you had is in {self.recipe_before}."
        elif self.verdict == "no clear difference":
            said += " More judged queries would tell."
        if self.uncalibrated is not None:
            said += f" It gives raw scores, no probabilities: {self.uncalibrated}."
        if self.stopped is not None:
            said += f" Training ended early: {self.stopped}."
        if self.cut_short is not None:
            said += f" {self.cut_short}."
        return said

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the folder."""
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
