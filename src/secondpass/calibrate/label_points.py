"""Held-out quality against the number of labelled queries, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.calibrate.table import aligned
from secondpass.short_repr import short_repr

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class LabelPoint:
    """Means over the repeats, on queries that the fits had not seen.

    Attributes:
        queries: Labelled queries fitted on.
        log_loss: In nats.
        expected_calibration_error: In [0, 1].
        brier_score: In [0, 1].
        standard_error: Of the log loss, with the query as the sample.
        failed: Repeats in which so few queries could not be fitted on, such as one class only;
            they are in none of the means.
    """

    queries: int
    log_loss: float
    expected_calibration_error: float
    brier_score: float
    standard_error: float
    failed: int


@short_repr
@dataclass(frozen=True, slots=True)
class LabelCurve:
    """Held-out quality against the number of labelled queries.

    Attributes:
        stage: Name of what was calibrated.
        method: Name of the calibrator.
        points: Smallest size first.
        left_out: Sizes that there were not enough queries for, or that could never be fitted.
        repeats: How many random draws each point is the mean of.
    """

    stage: str
    method: str
    points: tuple[LabelPoint, ...]
    left_out: tuple[int, ...]
    repeats: int

    @property
    def enough(self) -> int:
        """The smallest size within one standard error of the best log loss.

        A size that failed in more repeats than another is not the best, and none that ever failed
        is enough if some never did.
        """
        fewest = min(p.failed for p in self.points)
        able = [p for p in self.points if p.failed == fewest]
        best = min(able, key=lambda p: p.log_loss)
        return next(p for p in able if p.log_loss <= best.log_loss + best.standard_error).queries

    def __str__(self) -> str:
        rows: list[list[str | float | None]] = [
            [
                str(p.queries), p.log_loss, p.expected_calibration_error, p.brier_score,
                p.standard_error, str(p.failed),
            ]
            for p in self.points
        ]  # fmt: skip
        head = ("queries", "log loss", "ECE", "Brier", "standard error", "failed")
        missing = f"; too few queries for {', '.join(map(str, self.left_out))}"
        return (
            f"{self.stage}, {self.method}: {self.enough} labelled queries are enough (means of "
            f"{self.repeats} draws{missing if self.left_out else ''})\n{aligned(head, rows)}"
        )

    def figure(self) -> Figure:
        """Log loss, ECE and Brier score against the number of labelled queries.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from secondpass.calibrate.figures import blank

        figure, panels = blank(11, 3.6, columns=3)
        sizes = [p.queries for p in self.points]
        for axes, name in zip(
            panels, ("log_loss", "expected_calibration_error", "brier_score"), strict=True
        ):
            axes.plot(sizes, [getattr(p, name) for p in self.points], "o-", markersize=4)
            axes.axvline(self.enough, color="0.6", linestyle="--", linewidth=1)
            axes.set(xscale="log", xlabel="labelled queries", ylabel=name.replace("_", " "))
            axes.set_xticks(sizes, [str(size) for size in sizes])
            axes.minorticks_off()
        figure.suptitle(f"{self.stage}, {self.method}: {self.enough} are enough")
        return figure
