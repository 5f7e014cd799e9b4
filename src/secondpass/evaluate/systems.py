"""Whatever may be evaluated, made into one kind of thing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.core.recipe import Recipe
from secondpass.core.stage import Stage
from secondpass.evaluate.evaluation import Evaluation
from secondpass.evaluate.framework_retriever import FrameworkRetriever, Invokes, Retrieves
from secondpass.models.load import as_stage

Ranker = Stage | FrameworkRetriever
"""What runs: a stage on the candidates it is given, or a retriever that brings its own."""
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
Contenders = Mapping[str, System | Evaluation] | Sequence[System | Evaluation] | System | Evaluation
"""One or several, with names of your own as a dict."""


def as_ranker(model: System) -> Ranker:
    """What `model` names.

    Raises:
        InvalidInputError: It names nothing.
        SecondPassError: What loading a model or reading a recipe may raise.
    """
    if isinstance(model, Stage | FrameworkRetriever):
        return model
    if not isinstance(model, str | Recipe | os.PathLike | Mapping) and isinstance(
        model, Retrieves | Invokes
    ):
        return FrameworkRetriever(model)
    return as_stage(model)


def named(contenders: Contenders) -> dict[str, Ranker | Evaluation]:
    """Contenders by name; those that come without get their own.

    Raises:
        InvalidInputError: None, or two of the same name.
    """
    if isinstance(contenders, Mapping) and "secondpass_recipe" not in contenders:
        given = {str(name): _made(c) for name, c in contenders.items()}
    else:
        # a pipeline is a sequence too, of stages
        several = isinstance(contenders, Sequence) and not isinstance(contenders, str | Stage)
        each: Sequence[Any] = contenders if several else [contenders]  # type: ignore[assignment]
        given = {}
        for c in each:
            made = _made(c)
            if made.name in given:
                raise InvalidInputError(
                    f"two contenders are called {made.name!r}; give a dict with names of your own"
                )
            given[made.name] = made
    if not given:
        raise InvalidInputError("there is no contender to compare")
    return given


def _made(contender: Any) -> Ranker | Evaluation:
    return contender if isinstance(contender, Evaluation) else as_ranker(contender)
