"""Systems: whatever can be evaluated, compared, reported on or timed, as one of two types."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.core.recipe import Recipe
from secondpass.core.stage import Stage
from secondpass.evaluate.framework_retriever import FrameworkRetriever, Invokes, Retrieves
from secondpass.models.load import as_stage

System = (
    str
    | Stage
    | Recipe
    | os.PathLike[str]
    | Mapping[str, Any]
    | FrameworkRetriever
    | Retrieves
    | Invokes
)
"""A model string, a stage, a recipe or its path, or a retriever of LlamaIndex or LangChain."""


def as_system(model: System) -> Stage | FrameworkRetriever:
    """The stage, or the retriever with candidates of its own, that `model` stands for.

    Raises:
        InvalidInputError: It stands for neither.
        SecondPassError: What loading a model or reading a recipe may raise.
    """
    if isinstance(model, FrameworkRetriever):
        return model
    if not isinstance(model, str | Stage | Recipe | os.PathLike | Mapping) and isinstance(
        model, Retrieves | Invokes
    ):
        return FrameworkRetriever(model)
    return as_stage(model)


def as_reranker(model: System, reason: str) -> Stage:
    """The stage that `model` stands for, where a retriever makes no sense.

    Args:
        model: See `as_system`.
        reason: Why a retriever is refused, for the error: "so it has no depth".

    Raises:
        InvalidInputError: It stands for a retriever, or for nothing.
        SecondPassError: See `as_system`.
    """
    system = as_system(model)
    if isinstance(system, FrameworkRetriever):
        raise InvalidInputError(f"{system.name} brings its own candidates, {reason}")
    return system
