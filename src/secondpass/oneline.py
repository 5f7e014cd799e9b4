"""The one-line way in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from secondpass.candidate import Candidate
from secondpass.cut import Top
from secondpass.models.load import is_recipe_file, load
from secondpass.ranking import Ranking
from secondpass.recipe import Recipe, as_stage
from secondpass.stage import Pipeline, Stage
from secondpass.threshold import Threshold


def rerank(
    query: str,
    docs: Iterable[str | Candidate],
    *,
    model: str | Stage | Recipe | os.PathLike[str] | Mapping[str, Any] = "builtin",
    top_k: int | None = None,
    at_least: float | None = None,
) -> Ranking:
    """Order documents by relevance to a query, best first.

    Args:
        query: What was asked.
        docs: Texts, which get the ids "0", "1", ..., or `Candidate` objects. No document is a
            legal question with an empty answer.
        model: A model string, see `load`, any stage, a recipe, or the path of a recipe's file (a
            `pathlib.Path` or a string that ends in ".json"). The built-in one gives probabilities.
        top_k: Keep so many at most.
        at_least: Keep those with at least this P(relevant); may leave none.

    Returns:
        A `Ranking`: iterate over it, read `.ids`, `.scores` and `.scale`.

    Raises:
        InvalidInputError: Empty query, a document that is no text, equal ids.
        NotCalibratedError: `at_least` with a model that gives raw scores.
        SecondPassError: What loading and running the model may raise.
    """
    stages: list[Stage] = [_stage_of(model)]
    if at_least is not None:
        stages.append(Threshold(at_least))
    if top_k is not None:
        stages.append(Top(top_k))
    return Pipeline(*stages)(Ranking.of(query, docs))


def _stage_of(model: str | Stage | Recipe | os.PathLike[str] | Mapping[str, Any]) -> Stage:
    if not isinstance(model, str | os.PathLike):
        return as_stage(model)
    file = Path(model) if is_recipe_file(model) else None
    written_at = file.stat().st_mtime_ns if file is not None and file.is_file() else None
    return _loaded(str(model) if file is None else file, written_at)


@lru_cache(maxsize=2)
def _loaded(model: str | Path, _written_at: int | None) -> Stage:
    """A model is read once, not once a call; a recipe again when its file has changed."""
    return load(model)
