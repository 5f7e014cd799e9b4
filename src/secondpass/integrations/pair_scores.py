"""Scores of pairs of query and text by any stage: what drop-ins for cross-encoders are made of."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from secondpass.core.candidate import Candidate, Scale
from secondpass.core.errors import InvalidInputError, NoScoresError, shown
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.models.load import ModelLike, as_stage, is_recipe_file, load
from secondpass.stages.cut import whole_number

_log = logging.getLogger("secondpass")


def stage_named(model: ModelLike, backend: str, options: Mapping[str, Any] | None = None) -> Stage:
    """The stage for a drop-in's model argument.

    Args:
        model: What `as_stage` takes. A name of the other library's kind, such as "owner/model" or
            the path of a folder with weights ("./model"), goes to `backend`.
        backend: Of such names, such as "cross-encoder".
        options: For the backend; only with a model string.

    Raises:
        InvalidInputError: `options` with a stage, which was loaded already.
        SecondPassError: What loading the model may raise.
    """
    given = {key: value for key, value in (options or {}).items() if value is not None}
    is_name = isinstance(model, str) and not is_recipe_file(model)
    if is_name and ":" not in str(model) and any(sep in str(model) for sep in ("/", os.sep)):
        model = f"{backend}:{model}"
    elif isinstance(model, os.PathLike) and Path(model).is_dir():
        model = f"{backend}:{os.fspath(model)}"
    if not given:
        return as_stage(model)
    if not is_name:
        raise InvalidInputError(
            f"{', '.join(given)}: options of a model that is loaded here by its name; "
            f"this one is {shown(model)}, so give them to load()"
        )
    return load(str(model), options=given)


def score_pairs(stage: Stage, pairs: Sequence[tuple[str, str]]) -> tuple[list[float], Scale]:
    """A score for each pair, in the order given, and what the scores mean.

    The pairs of one query are ranked together, and all queries in one run.

    Raises:
        InvalidInputError: An empty query, a text that is no string, or a stage that cuts.
        NoScoresError: The stage only orders, or left some without a score.
    """
    by_query: dict[str, list[Candidate]] = {}
    for index, (query, text) in enumerate(pairs):
        by_query.setdefault(query, []).append(Candidate(str(index), text))
    befores = [Ranking.of(query, candidates) for query, candidates in by_query.items()]
    scores: dict[str, float] = {}
    scales: set[Scale] = set()
    for before, after in zip(befores, stage.run(befores), strict=True):
        if len(after) != len(before):
            raise InvalidInputError(
                f"a cross-encoder gives every text a score, and {stage.name!r} kept {len(after)} "
                f"of {len(before)}; give a model that does not cut, and cut behind it"
            )
        if after.scale == "order":
            raise no_scores(stage, after)
        scales.add(after.scale)
        log_degraded(after)
        scores.update(zip(after.ids, after.scores, strict=True))
    if len(scales) > 1:
        raise NoScoresError(
            f"{stage.name!r} gave probabilities for some queries and raw scores for others, which "
            "cannot stand in one list; score them one query at a time"
        )
    return [scores[str(index)] for index in range(len(scores))], next(iter(scales), "raw")


def scored(stage: Stage, ranking: Ranking) -> Ranking:
    """A ranking by the stage, which has scores.

    Raises:
        NoScoresError: The stage only orders.
    """
    after = stage(ranking)
    if len(after) and after.scale == "order":
        raise no_scores(stage, after)
    log_degraded(after)
    return after


def log_degraded(ranking: Ranking) -> None:
    """Warn where not all was done as intended, since plain numbers have no place for events."""
    if ranking.status != "complete":
        why = "; ".join(event.message for event in ranking.events)
        _log.warning("the ranking for %r is %s: %s", ranking.query, ranking.status, why)


def text_of(document: object, position: int) -> str:
    """A document that must be a text.

    Raises:
        InvalidInputError: It is not.
    """
    if not isinstance(document, str):
        raise InvalidInputError(f"document {position} is {shown(document)}; pass a string")
    return document


def texts_of(documents: Iterable[str]) -> list[str]:
    """Documents that must be texts, as a list.

    Raises:
        InvalidInputError: One string, something else, or a document that is no string.
    """
    if isinstance(documents, str) or not isinstance(documents, Iterable):
        raise InvalidInputError(f"documents is {shown(documents)}; pass a list of texts")
    return [text_of(document, position) for position, document in enumerate(documents)]


def check_batch_size(batch_size: int) -> None:
    """Batches change no score here, but a size that is none is a mistake.

    Raises:
        InvalidInputError: Not a whole number, or below 1.
    """
    if whole_number(batch_size, "batch_size") < 1:
        raise InvalidInputError(f"batch_size={batch_size}: give 1 or more")


def no_scores(stage: Stage, after: Ranking) -> NoScoresError:
    """The error where a call promises scores and the stage gave none, with the reason."""
    why = "; ".join(event.message for event in after.events[-2:])
    return NoScoresError(
        f"this call returns scores, and {stage.name!r} gave only an order"
        + (f" ({why})" if why else "")
        + "; use rerank(query, docs, model=stage), which needs none"
    )
