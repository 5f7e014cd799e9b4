"""Fusion by a model that was fitted to labelled queries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol, runtime_checkable

from secondpass.core.errors import CalibrationError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps
from secondpass.stages.fuse.fuse import with_trails
from secondpass.stages.fuse.learned.evidence import FusionEvidence
from secondpass.stages.fuse.learned.features import Features


@runtime_checkable
class FittedModel(Protocol):
    """A fitted model of rows: `LogisticModel` or `LambdaMartModel`."""

    @property
    def importance(self) -> Sequence[float]: ...

    def scores(self, rows: Sequence[Sequence[float]]) -> Sequence[float]: ...


class LearnedFuse(Composite):
    """A learned function of what several stages make of the same candidates. Gives ``raw`` scores.

    `learn_fusion` makes it. Each member sees the ranking that came in, and its marks are kept in
    the trail; no candidate is lost. Its name holds a digest of all fitted numbers, so a calibrator
    that was fitted behind it is refused behind any other.

    Args:
        members: The stages that it was learned with, in the same order.
        features: Makes the rows.
        model: Scores the rows.
        fitted_on: Names of the members when it was learned, with their models' revisions.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.
        evidence: Whether it is better than fixed weights.

    Raises:
        CalibrationError: Other members than it was learned with, or numbers that do not fit.
        NotCalibratedError: (when run) a member gave probabilities then and does not now.
    """

    def __init__(
        self,
        *members: Stage,
        features: Features,
        model: FittedModel,
        fitted_on: Sequence[str],
        queries: Sequence[str] = (),
        evidence: FusionEvidence | None = None,
    ) -> None:
        names = [m.name for m in members]
        if names != list(fitted_on):
            raise CalibrationError(
                f"this fusion was learned with the members {', '.join(fitted_on)} and would be "
                f"used with {', '.join(names)}, where its weights mean nothing; learn it again "
                "with learn_fusion(members, judged)"
            )
        count = len(features.names)
        if len(model.importance) != count or len(features.imputed) != count:
            raise CalibrationError(
                f"this learned fusion is damaged: it has {count} features and "
                f"{len(model.importance)} weights; learn it again"
            )
        self.members, self.features, self.model = members, features, model
        self.fitted_on, self.queries, self.evidence = tuple(fitted_on), tuple(queries), evidence
        kind = type(model).__name__.removesuffix("Model")
        self.name = f"LearnedFuse({', '.join(names)}; {kind}@{_digest(features, model)})"

    @property
    def weights(self) -> dict[str, float]:
        """By feature: log-odds per unit of it (logistic), or its share of the gain (LambdaMART).

        A member's influence is spread over its features; ``features=["standardised"]`` gives one
        weight for each member.
        """
        return dict(zip(self.features.names, self.model.importance, strict=True))

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        results = yield [(member, rankings) for member in self.members]
        return [self._combine(r, each) for r, *each in zip(rankings, *results, strict=True)]

    def _combine(self, ranking: Ranking, member_rankings: Sequence[Ranking]) -> Ranking:
        rows = self.features.rows(ranking, member_rankings)
        columns = self.features.missing_columns
        missing = sum(row[i] > 0 for row in rows for i in columns)
        fused = with_trails(ranking, member_rankings)
        if missing:
            policy = "the worst" if self.features.missing == "worst" else "the mean"
            fused = fused.with_event(
                self.name,
                "missing",
                f"{missing} of {len(rows) * len(columns)} scores are missing; "
                f"each counts as {policy}",
            )
        return fused.rescored(list(self.model.scores(rows)), "raw", by=self.name)


def _digest(features: Features, model: FittedModel) -> str:
    """Of all fitted numbers, under the names that they had in the first recipes."""
    former = {"kinds": "aspects", "imputed": "usual"}
    named = {former.get(name, name): value for name, value in asdict(features).items()}
    text = json.dumps([named, asdict(model)], default=str, sort_keys=True)  # type: ignore[call-overload]
    return hashlib.sha256(text.encode()).hexdigest()[:8]
