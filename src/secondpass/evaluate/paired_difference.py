"""One contender against the baseline in one metric, and what that says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from secondpass.core.short_repr import short_repr

HelpsAnswer = Literal["helps", "hurts", "not shown"]


@short_repr
@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Contender minus baseline over the same queries.

    Attributes:
        contender: Name.
        metric: Name.
        queries: How many there are.
        baseline: The baseline's mean.
        mean: The contender's mean.
        difference: Mean difference, which is `mean - baseline`.
        low: Lower end of its confidence interval (of this difference alone).
        high: Upper end.
        p: Two-sided p-value of the paired randomisation test.
        p_corrected: The same after Holm's correction over all contenders and metrics tested.
        wins: Queries on which the contender is better.
        ties: Queries on which both are equal.
        losses: Queries on which it is worse.
        detectable: The smallest true difference that so many queries would probably have shown.
        least_p: The least p that so few differing queries can give.
        alpha: Level below which `p_corrected` counts.
    """

    contender: str
    metric: str
    queries: int
    baseline: float
    mean: float
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    wins: int
    ties: int
    losses: int
    detectable: float
    least_p: float
    alpha: float

    @property
    def answer(self) -> HelpsAnswer:
        """``helps`` or ``hurts`` where the corrected p is below alpha, else ``not shown``."""
        if self.p_corrected >= self.alpha:
            return "not shown"
        return "helps" if self.difference > 0 else "hurts"

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        numbers = (
            f"{self.metric} {self.baseline:.3f} to {self.mean:.3f}, difference "
            f"{self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], "
            f"p {shown_p(self.p_corrected)}, "
            f"{self.queries} queries: {self.wins} better, {self.ties} equal, {self.losses} worse"
        )
        if self.answer != "not shown":
            return f"{self.contender} {self.answer}: {numbers}."
        return f"{self.contender}: no difference shown: {numbers}. {self._why()}"

    def _why(self) -> str:
        if self.wins + self.losses == 0:
            return "It changes nothing here."
        if self.least_p >= self.alpha:
            return (
                f"Only {self.wins + self.losses} queries differ, too few to show anything at "
                f"this level; label more."
            )
        if not math.isfinite(self.detectable):
            return "One query shows nothing; label more."
        return (
            f"With these queries a true difference below {self.detectable:.3f} would probably "
            "not be seen."
        )


def shown_p(p: float) -> str:
    """A p-value without false zeros."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
