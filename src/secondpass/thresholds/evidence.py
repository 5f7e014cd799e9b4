"""A chosen threshold, and why it may be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.core.printing import format_table, short_repr
from secondpass.thresholds.goals import Goal
from secondpass.thresholds.operating_points import CurvePoint, Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = ("", "precision", "recall", "F1", "kept", "tokens", "empty")


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdEvidence:
    """What a threshold does, seen and to be expected. Print it, or draw it with `figure`.

    Attributes:
        goal: What it was chosen for.
        threshold: The least score to keep.
        seen: On the labelled queries that it was chosen on: too good, since it was chosen to be.
        expected: On queries that had no part in the choice, cross-validated by query: what to
            expect of new ones; see `meets_goal`. None where no fold could reach the goal.
        fold_thresholds: What was chosen without each fold.
        folds_short: Folds without which the goal was out of reach; `expected` leaves them out.
        curve: All thresholds that were tried, rising, with what they do to all queries.
        queries: Number of labelled queries.
        answerable: Number of them that have a relevant candidate.
        pairs: Number of their candidates.
        reused: Number of the queries that a calibrator of the pipeline was fitted on; their
            probabilities are a little too good, so take others.
    """

    goal: Goal
    threshold: float
    seen: Outcome
    expected: Outcome | None
    fold_thresholds: tuple[float, ...]
    folds_short: int
    curve: tuple[CurvePoint, ...]
    queries: int
    answerable: int
    pairs: int
    reused: int

    @property
    def meets_goal(self) -> bool:
        """Whether the goal is also to be expected of new queries, not only met on these."""
        if self.expected is None:
            return False
        return self.goal.pick([CurvePoint(self.threshold, self.expected)]) is not None

    @property
    def warning(self) -> str | None:
        """A sentence that says what to expect instead, where the goal is missed on new queries."""
        if self.meets_goal:
            return None
        if self.expected is None:
            expect = "no part of these queries could be left out and the goal still be reached"
        else:
            precision = self.expected.precision
            expect = (
                f"expect precision {'of nothing' if precision is None else f'{precision:.2f}'}, "
                f"recall {self.expected.recall:.2f}, {self.expected.tokens:.0f} tokens per query"
            )
        return (
            f"{self.goal!r} is met on these {self.queries} queries, where it was chosen, "
            f"and is not to be expected of new ones: {expect}. Label more queries, or ask for less"
        )

    def __str__(self) -> str:
        rows = [_row("on these queries", self.seen)]
        if self.expected:
            rows.append(_row("expected on new ones", self.expected))
        notes = []
        if self.expected and self.expected.precision_error is not None:
            notes.append(f"standard error of precision {self.expected.precision_error:.3f}")
        if self.expected and self.expected.recall_error is not None:
            notes.append(f"of recall {self.expected.recall_error:.3f}")
        if self.reused:
            notes.append(f"{self.reused} of the queries also fitted the calibrator: take others")
        if self.folds_short:
            notes.append(f"{self.folds_short} folds could not reach the goal")
        return (
            f"{self.goal!r}: threshold {self.threshold:.4g} from {self.queries} queries "
            f"({self.answerable} with a relevant candidate), {self.pairs} pairs\n"
            f"{format_table(HEAD, rows)}\n{', '.join(notes)}\n{self.warning or ''}"
        ).rstrip()

    def figure(self) -> Figure:
        """Precision, recall and F1, and the tokens kept, against the threshold.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from secondpass.calibrate.plots import new_figure

        figure, (shares, tokens) = new_figure(10, 4, columns=2)
        x = [p.threshold for p in self.curve]
        some = [p for p in self.curve if p.outcome.precision is not None]
        shares.plot(
            [p.threshold for p in some], [p.outcome.precision or 0.0 for p in some],
            label="precision",
        )  # fmt: skip
        shares.plot(x, [p.outcome.recall for p in self.curve], label="recall")
        shares.plot(x, [p.outcome.f() for p in self.curve], label="F1")
        shares.set(xlabel="threshold", ylim=(0, 1.02), title=repr(self.goal))
        tokens.plot(x, [p.outcome.tokens for p in self.curve], color="0.3")
        tokens.set(xlabel="threshold", ylabel="tokens kept per query")
        for axes in (shares, tokens):
            axes.axvline(self.threshold, color="0.6", linestyle="--", linewidth=1)
        shares.legend(fontsize=8, frameon=False)
        return figure


def _row(name: str, outcome: Outcome) -> list[str | float | None]:
    return [
        name, outcome.precision, outcome.recall, outcome.f(), outcome.kept, outcome.tokens,
        outcome.empty,
    ]  # fmt: skip
