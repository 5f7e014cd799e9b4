"""From members and labelled queries to a fusion, with the evidence for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from secondpass.calibrate.calibration_data import pooled
from secondpass.calibrate.cross_validation import folds_by_query
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.stages import Calibrate
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import JudgedQuery, judged_list, normalise_query
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage
from secondpass.stages.fuse.learned.baselines import OutOfFoldScores, rival
from secondpass.stages.fuse.learned.evidence import FusionEvidence
from secondpass.stages.fuse.learned.examples import Examples
from secondpass.stages.fuse.learned.features import FeatureKind, Features, MissingPolicy
from secondpass.stages.fuse.learned.lambdamart import LambdaMartModel
from secondpass.stages.fuse.learned.learned_fuse import LearnedFuse
from secondpass.stages.fuse.learned.logistic import LogisticModel
from secondpass.stages.fuse.learned.metadata_features import FieldKind

FEWEST = {"logistic": 10, "lambdamart": 50}
"""Queries with a relevant and another candidate, below which a fit is refused."""
ENOUGH = 50
"""Below so many of them a person is told how few they are."""


def learned(
    members: Sequence[Stage],
    judged: Iterable[JudgedQuery],
    method: Literal["logistic", "lambdamart"],
    *,
    fields: Sequence[str] | Mapping[str, FieldKind],
    aspects: Sequence[FeatureKind],
    missing: MissingPolicy,
    k: int,
    now: datetime | None,
    folds: int,
    seed: int,
    fixed: Callable[[Ranking, Sequence[Ranking]], Ranking],
) -> Pipeline:
    """See `Fuse.learn`; `fixed` fuses with equal weights what the members said."""
    if method not in FEWEST:
        raise InvalidInputError(f'method={method!r}; "logistic" or "lambdamart"')
    given = judged_list(judged)
    known = [j for j in given if len(j.ranking)]
    labels = tuple([c.id in j.relevant for c in j.ranking] for j in known)
    _check_enough(method, labels)
    rankings = [j.ranking for j in known]
    names = [m.name for m in members]
    by_member = [m.run(rankings) for m in members]
    said = [list(one) for one in zip(*by_member, strict=True)]
    kind: type[LogisticModel] | type[LambdaMartModel] = (
        LogisticModel if method == "logistic" else LambdaMartModel
    )

    def prepared(places: Sequence[int]) -> tuple[Features, list[str]]:
        """Features that know nothing of the other queries."""
        some, heard = [rankings[i] for i in places], [said[i] for i in places]
        return Features.of(
            names, some, heard, fields=fields, aspects=aspects, missing=missing, k=k, now=now
        )

    def examples(features: Features, places: Sequence[int]) -> Examples:
        return Examples(
            tuple(rankings[i].query for i in places),
            tuple(features.rows(rankings[i], said[i]) for i in places),
            tuple(labels[i] for i in places),
        )

    everything = range(len(known))
    features, notes = prepared(everything)
    parts = folds_by_query([r.query for r in rankings], [any(y) for y in labels], folds, seed)
    scores: list[list[float]] = [[] for _ in known]
    for own in parts:
        others = sorted({*everything} - {*own})
        there, _ = prepared(others)
        model = kind.fit(examples(there, others), seed)
        for i in own:
            scores[i] = [model.score(row) for row in there.rows(rankings[i], said[i])]
    final = kind.fit(examples(features, everything), seed)
    folded = OutOfFoldScores(parts, labels, tuple(scores), is_probability=method == "logistic")
    heard = [fixed(r, s) for r, s in zip(rankings, said, strict=True)]
    rivals = [rival("Fuse with equal weights", rankings, heard, folded)]
    rivals += [rival(n, rankings, one, folded) for n, one in zip(names, by_member, strict=True)]
    answerable = sum(map(any, labels))
    evidence = FusionEvidence(
        method,
        folded.ndcg,
        folded.log_loss,
        tuple(rivals),
        len(given),
        answerable,
        len(pooled(labels)),
        (*_notes(labels, final, len(given) - len(known)), *notes),
    )
    stage = LearnedFuse(
        *members,
        features=features,
        model=final,
        fitted_on=names,
        queries=sorted({normalise_query(r.query) for r in rankings}),
        evidence=evidence,
    )
    return Pipeline(stage, *([_calibrator(stage, scores, labels)] if method == "logistic" else []))


def _check_enough(method: str, labels: Sequence[Sequence[bool]]) -> None:
    able, least = sum(0 < sum(y) < len(y) for y in labels), FEWEST[method]
    if able < least:
        others = f', or use "logistic", which needs {FEWEST["logistic"]}'
        raise CalibrationError(
            f"{able} labelled queries with a relevant and another candidate are too few to learn "
            f"a fusion from; {method} needs {least}. Label more"
            f"{others if method == 'lambdamart' and able >= FEWEST['logistic'] else ''}, or use "
            "fixed weights, which need none: Fuse(*members)"
        )


def _notes(labels: Sequence[Sequence[bool]], model: object, empty: int) -> list[str]:
    answerable = sum(map(any, labels))
    notes = []
    if isinstance(model, LogisticModel) and answerable < ENOUGH:
        notes.append(
            f"{answerable} queries are few: weights are held back (C = {model.strength:g}, by "
            "cross-validation); label more to let them out"
        )
    if empty:
        notes.append(f"{empty} queries have no candidate and were left out")
    if answerable < len(labels):
        notes.append(
            f"{len(labels) - answerable} queries have no relevant candidate; they have no nDCG"
        )
    return notes


def _calibrator(
    stage: LearnedFuse, scores: Sequence[Sequence[float]], labels: Sequence[Sequence[bool]]
) -> Calibrate:
    flat = pooled(labels)
    try:
        curve = Platt.fit(pooled(scores), flat)
    except CalibrationError as error:
        raise CalibrationError(
            f"these members say nothing about relevance on queries that the fit had not seen, so "
            f"there is nothing to learn: {error}"
        ) from error
    return Calibrate(curve, stage.name, stage.queries, base_rate=sum(flat) / len(flat))
