"""From members and labelled queries to a fusion, with the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from secondpass.calibrate.calibration_data import pooled
from secondpass.calibrate.cross_validation import folds_by_query
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.stages import Calibrate
from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import Fitted, JudgedQuery, normalise_query
from secondpass.core.stage import Pipeline, Stage
from secondpass.stages.fuse.fuse import Fuse, MissingPolicy
from secondpass.stages.fuse.learned.data import FusionData
from secondpass.stages.fuse.learned.evidence import (
    FusionBaseline,
    FusionEvidence,
    OutOfFoldScores,
    compare_to_baseline,
)
from secondpass.stages.fuse.learned.features import KINDS, FeatureKind, FeatureOptions
from secondpass.stages.fuse.learned.learned_fuse import LearnedFuse
from secondpass.stages.fuse.learned.metadata_features import FieldKind
from secondpass.stages.fuse.learned.models import LambdaMartModel, LogisticModel

MODELS: dict[str, type[LogisticModel] | type[LambdaMartModel]] = {
    "logistic": LogisticModel,
    "lambdamart": LambdaMartModel,
}
ENOUGH = 50
"""Below this number of answerable queries, a note says that they are few."""


@hint_keywords()
def learn_fusion(
    members: Sequence[Stage],
    judged: Iterable[JudgedQuery],
    method: Literal["logistic", "lambdamart"] = "logistic",
    *,
    fields: Sequence[str] | Mapping[str, FieldKind] = (),
    features: Sequence[FeatureKind] = KINDS,
    missing: MissingPolicy = "worst",
    k: int = 60,
    now: datetime | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Fitted[FusionEvidence]:
    """A fusion whose weights are learned from labelled queries.

        hybrid = learn_fusion([load("bm25"), load("builtin:raw")], judged, fields=["date"])
        print(hybrid.evidence)          # against fixed weights and each member alone
        print(hybrid.evidence.weights)
        hybrid.pipeline(ranking)

    ``logistic`` is logistic regression: weights that can be read, regularised as
    cross-validation by query asks for. The fusion itself gives raw scores, the log-odds; the
    pipeline ends with a `Platt` calibrator, fitted on log-odds of queries that the weights had
    not seen, so what leaves it are probabilities. ``lambdamart`` is boosted trees that learn
    the order and find interactions; it gives raw scores, needs more labels and the `learn` extra,
    and `calibrated` on other queries makes probabilities of them.

    A member's features are its score (the log-odds of a probability), the same standardised within
    each ranking (raw scores only), 1 / (k + rank), -ln(rank), and whether it is missing.

    Args:
        members: Stages; they run once over the labelled queries.
        judged: Labelled queries: at least ten with a relevant and another candidate, fifty for
            LambdaMART. Keep others to calibrate on and to judge the result.
        method: See above.
        fields: Metadata fields to learn from, by name, or with their kinds: ``number``, ``date``
            (taken as ln(1 + age in days)) or ``category`` (the ten most frequent values have a
            column each).
        features: Which of a member's features to use.
        missing: What a candidate gets from a member that cut it or does not score it: ``worst``,
            that member's worst in this ranking; or ``skip``, the mean over all labelled pairs.
        k: Damping of the reciprocal rank.
        now: The moment from which ages count; that of each call if None.
        folds: Number of folds of the cross-validation by query.
        seed: Of folds and trees; the same seed gives the same fusion.

    Returns:
        A pipeline of a `LearnedFuse`, and for ``logistic`` a calibrator behind it; and whether it
        is better than fixed weights.

    Raises:
        CalibrationError: Too few labelled queries, one class only, or members that say nothing
            about relevance.
        InvalidInputError: Arguments or metadata that do not fit.
        MissingExtraError: scikit-learn or LightGBM is not installed.
    """
    if method not in MODELS:
        raise InvalidInputError(f'method={method!r}; "logistic" or "lambdamart"')
    fixed = Fuse(*members, missing=missing, k=k)
    options = FeatureOptions(fields=fields, kinds=features, missing=missing, k=k, now=now)
    data = FusionData.collect(fixed.members, judged, method)
    fitted_features, notes = data.fit_features(options)
    held_out = score_held_out(data, method, options, folds, seed)
    model = MODELS[method].fit(data.examples(fitted_features), seed)
    evidence = FusionEvidence(
        method=method,
        ndcg=held_out.fold_means(held_out.ndcg_by_query()),
        log_loss=held_out.log_loss(),
        baselines=compare_to_fixed(data, fixed, held_out),
        queries=len(data.rankings) + data.without_candidates,
        answerable=sum(map(any, data.labels)),
        pairs=len(pooled(data.labels)),
        notes=(*_notes(data, model), *notes),
        weights=dict(zip(fitted_features.names, model.importance, strict=True)),
    )
    stage = LearnedFuse(
        *members,
        features=fitted_features,
        model=model,
        fitted_on=data.members,
        queries=sorted({normalise_query(r.query) for r in data.rankings}),
        evidence=evidence,
    )
    calibrators = [_fit_calibrator(stage, held_out)] if held_out.is_probability else []
    return Fitted(pipeline=Pipeline(stage, *calibrators), evidence=evidence)


def score_held_out(
    data: FusionData, method: str, options: FeatureOptions, folds: int, seed: int
) -> OutOfFoldScores:
    """Scores of each query from features and a model that were fitted on the other folds."""
    queries, answerable = [r.query for r in data.rankings], [any(y) for y in data.labels]
    parts = folds_by_query(queries, answerable, folds, seed)
    scores: list[list[float]] = [[] for _ in queries]
    for part in parts:
        others = data.select(sorted({*range(len(queries))} - {*part}))
        features, _ = others.fit_features(options)
        model = MODELS[method].fit(others.examples(features), seed)
        for i in part:
            scores[i] = model.scores(features.rows(data.rankings[i], data.results[i]))
    return OutOfFoldScores(
        folds=parts, labels=data.labels, scores=scores, is_probability=method == "logistic"
    )


def compare_to_fixed(
    data: FusionData, fixed: Fuse, held_out: OutOfFoldScores
) -> tuple[FusionBaseline, ...]:
    """Equal weights, and each member alone, on the same queries."""
    equal = [fixed.combine(r, each) for r, each in zip(data.rankings, data.results, strict=True)]
    orders = [("Fuse with equal weights", equal)]
    orders += [(name, [each[i] for each in data.results]) for i, name in enumerate(data.members)]
    return tuple(compare_to_baseline(name, data.rankings, o, held_out) for name, o in orders)


def _notes(data: FusionData, model: LogisticModel | LambdaMartModel) -> list[str]:
    answerable = sum(map(any, data.labels))
    notes = []
    if isinstance(model, LogisticModel) and answerable < ENOUGH:
        notes.append(
            f"only {answerable} queries: weights are strongly regularised (C = "
            f"{model.strength:g}, by cross-validation); more labels would allow larger ones"
        )
    if data.without_candidates:
        notes.append(f"{data.without_candidates} queries have no candidate and were left out")
    if answerable < len(data.labels):
        notes.append(
            f"{len(data.labels) - answerable} queries have no relevant candidate; they have no nDCG"
        )
    return notes


def _fit_calibrator(stage: LearnedFuse, held_out: OutOfFoldScores) -> Calibrate:
    labels = pooled(held_out.labels)
    try:
        curve = Platt.fit(pooled(held_out.scores), labels)
    except CalibrationError as error:
        raise CalibrationError(
            f"these members say nothing about relevance on queries that the fit had not seen, so "
            f"there is nothing to learn: {error}"
        ) from error
    return Calibrate(curve, stage.name, stage.queries, base_rate=sum(labels) / len(labels))
