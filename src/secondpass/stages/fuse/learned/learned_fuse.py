"""Several opinions on the same candidates, weighed as labelled queries taught."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol, runtime_checkable

from secondpass.core.errors import CalibrationError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps
from secondpass.stages.fuse.learned.evidence import FusionEvidence
from secondpass.stages.fuse.learned.features import Features
from secondpass.stages.fuse.member_results import with_trails


@runtime_checkable
class FittedModel(Protocol):
    """A fitted model of rows: `LogisticModel` or `LambdaMartModel`."""

    @property
    def importance(self) -> Sequence[float]: ...

    def score(self, row: Sequence[float]) -> float: ...


class LearnedFuse(Composite):
    """A learned function of what several stages say of the same candidates. Gives ``raw`` scores.

    Made by `Fuse.learn`. Each member sees the ranking that came in, and its marks are kept in the
    trail; no candidate is lost. Its name holds a digest of all fitted numbers, so a calibrator
    that was fitted behind it is refused behind any other.

    Args:
        members: The stages that it was learned with, in the same order.
        features: How rows are made.
        model: What weighs them.
        fitted_on: Names of the members then, with their models' revisions.
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
        now = [m.name for m in members]
        if now != list(fitted_on):
            raise CalibrationError(
                f"this fusion was learned with the members {', '.join(fitted_on)} and would be "
                f"used with {', '.join(now)}, where its weights mean nothing; learn it again with "
                "Fuse.learn(members, judged)"
            )
        count = len(features.names)
        if len(model.importance) != count or len(features.usual) != count:
            raise CalibrationError(
                f"this learned fusion is damaged: it has {count} features and "
                f"{len(model.importance)} weights; learn it again"
            )
        self.members, self.features, self.model = members, features, model
        self.fitted_on, self.queries, self.evidence = tuple(fitted_on), tuple(queries), evidence
        kind = type(model).__name__.removesuffix("Model")
        self.name = f"LearnedFuse({', '.join(now)}; {kind}@{_digest(features, model)})"

    @property
    def weights(self) -> dict[str, float]:
        """By feature: log-odds per unit of it (logistic), or its share of the gain (LambdaMART).

        The features of one member share its say; ``features=["standardised"]`` gives one weight
        for each.
        """
        return dict(zip(self.features.names, self.model.importance, strict=True))

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        results = yield [(member, rankings) for member in self.members]
        return [self._one(r, said) for r, *said in zip(rankings, *results, strict=True)]

    def _one(self, ranking: Ranking, said: Sequence[Ranking]) -> Ranking:
        rows = self.features.rows(ranking, said)
        away = self.features.absences
        silent = sum(row[i] > 0 for row in rows for i in away)
        told = with_trails(ranking, said)
        if silent:
            told = told.with_event(
                self.name,
                "missing",
                f"{silent} of {len(rows) * len(away)} opinions are missing; "
                + (
                    "each counts as the worst"
                    if self.features.missing == "worst"
                    else "each counts as what is usual"
                ),
            )
        return told.rescored([self.model.score(row) for row in rows], "raw", by=self.name)


def _digest(features: Features, model: FittedModel) -> str:
    told = json.dumps([asdict(features), asdict(model)], default=str, sort_keys=True)  # type: ignore[call-overload]
    return hashlib.sha256(told.encode()).hexdigest()[:8]
