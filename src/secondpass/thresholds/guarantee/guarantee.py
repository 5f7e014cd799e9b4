"""What was promised, on what grounds, and the threshold that holds only where it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from secondpass.core.errors import GuaranteeError
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.stages.threshold import Threshold


@short_repr
@dataclass(frozen=True, slots=True)
class RiskBound:
    """One risk of a guarantee.

    Attributes:
        risk: Its name.
        at_most: What it does not exceed.
        observed: Its mean on the judged queries at the threshold chosen.
        p_value: Of "the risk is above `at_most`"; None where the promise is on average. A betting
            p-value stops at its goal, so it is just below the level of the test.
    """

    risk: str
    at_most: float
    observed: float
    p_value: float | None


@short_repr
@dataclass(frozen=True, slots=True)
class Guarantee:
    """A promise about queries like the judged ones, and the evidence for it.

    With a confidence: over the draw of the judged queries, the probability that every risk is at
    most what was promised is at least that. Without (None): the expected loss on the next query
    is, the draw of the judged queries included.

    Attributes:
        promises: One for each risk; they hold at once.
        confidence: Of all of them together, or None.
        bound: The p-value of losses between 0 and 1.
        queries: Number of judged queries.
        without_relevant: How many of them have no relevant candidate; they count as they are.
        candidates: Candidates of a judged query, mean.
        kept: Candidates kept of a judged query, mean.
        safe: The lowest and the highest judged score at which the promise holds as well.
        pipeline: Name of the pipeline that it is made for.
        unchecked: Fitted stages in it that do not know the queries they were fitted on; that none
            of the judged queries was among those is the caller's word.
    """

    promises: Sequence[RiskBound]
    confidence: float | None
    bound: str
    queries: int
    without_relevant: int
    candidates: float
    kept: float
    safe: Sequence[float]
    pipeline: str
    unchecked: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("promises", "safe", "unchecked"):  # a recipe gives lists
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def statement(self) -> str:
        """What is promised, short."""
        risks = ", ".join(f"{p.risk}<={p.at_most:g}" for p in self.promises)
        return f"{risks} {'on average' if self.confidence is None else f'@{self.confidence:g}'}"

    def __str__(self) -> str:
        sure = "on average" if self.confidence is None else f"with confidence {self.confidence:g}"
        risks = " and ".join(
            f"{p.risk} at most {p.at_most:g} ({p.observed:.3g} seen)" for p in self.promises
        )
        none = f", {self.without_relevant} without anything relevant" * bool(self.without_relevant)
        return (
            f"{risks} {sure}, from {self.queries} judged queries{none}; keeps {self.kept:.3g} of "
            f"{self.candidates:.3g} candidates"
        )


class GuaranteedThreshold(Threshold):
    """What `guaranteed` puts behind a pipeline; see there.

    Args:
        at_least: The least score to keep.
        scale: See `Threshold`.
        guarantee: The promise and its evidence.
        fitted_on: Name of the stage whose scores it cuts (`stage.origin`). The scores of any
            other are refused, here and in recipes.
        trail: Names of the last stages that every judged candidate went through. A ranking whose
            trail ends otherwise is refused, which tells pipelines apart that end alike.
        queries: Fingerprints of the judged queries.

    Raises:
        GuaranteeError: Behind another pipeline than the one it was made for.
        NotCalibratedError, NoScoresError: See `Threshold`.
    """

    def __init__(
        self,
        at_least: float,
        scale: Literal["probability", "raw"],
        guarantee: Guarantee,
        fitted_on: str,
        *,
        trail: Sequence[str] = (),
        queries: Sequence[str] = (),
    ) -> None:
        super().__init__(at_least, scale)
        self.guarantee, self.fitted_on = guarantee, fitted_on
        self.trail, self.queries = tuple(trail), tuple(queries)
        self.name = f"{self.name} ({guarantee.statement})"

    def check_origin(self, origin: str) -> None:
        if origin != self.fitted_on:
            self._refuse(origin)

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        for ranking in rankings:
            for c in ranking:
                if c.trail and self.trail:  # scores that come from outside are the caller's word
                    names = tuple(m.stage for m in c.trail[-len(self.trail) :])
                    if names != self.trail:
                        self._refuse(" >> ".join(names))
        return super().run(rankings)

    def _refuse(self, other: str) -> None:
        raise GuaranteeError(
            f"this guarantee was made for {self.guarantee.pipeline!r} and would be applied to "
            f"{other!r}, where it promises nothing; make it again with "
            "guaranteed(pipeline, judged, ...)"
        )
