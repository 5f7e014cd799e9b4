"""A threshold that carries its promise, and holds only where it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from secondpass.core.errors import GuaranteeError
from secondpass.core.ranking import Ranking
from secondpass.stages.threshold import Threshold
from secondpass.thresholds.guarantee.guarantee import Guarantee


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
                    found = tuple(m.stage for m in c.trail[-len(self.trail) :])
                    if found != self.trail:
                        self._refuse(" >> ".join(found))
        return super().run(rankings)

    def _refuse(self, found: str) -> None:
        raise GuaranteeError(
            f"this guarantee was made for {self.guarantee.pipeline!r} and would be applied to "
            f"{found!r}, where it promises nothing; make it again with "
            "guaranteed(pipeline, judged, ...)"
        )
