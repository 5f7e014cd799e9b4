"""A keyword that a function does not have is answered with the one that it has."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, ParamSpec, TypeVar

from secondpass.core.errors import WrongCallError

P = ParamSpec("P")
R = TypeVar("R")

_SYNONYMS = (
    "top_k top_n k n limit topk max_results num_results n_results return_top_n size",
    "threshold at_least score_threshold min_score minimum_score similarity_cutoff cutoff "
    "score_cutoff relevance_threshold min_relevance",
    "docs documents passages texts candidates nodes chunks contexts corpus",
    "query queries question q query_str search_query",
    "model model_name model_id model_name_or_path reranker stage pipeline scorer ranker name",
    "keep_at_least min_results min_n at_least_n keep min_top_k",
    "judged labels labelled labeled examples judgements qrels queries",
    "relevant labels positives relevant_ids",
    "max_length max_len max_seq_length max_tokens",
    "disk_cache cache_dir cache_path cache_folder",
)
"""What the field calls the same thing, one thing a row."""


def keyword_hint(unknown: str, known: Collection[str]) -> str | None:
    """The keyword that was meant, by what the field calls it or by how it is spelled.

    Args:
        unknown: The keyword that was given.
        known: Those that there are.
    """
    for row in _SYNONYMS:
        names = row.split()
        if unknown in names:
            meant = next((name for name in names if name in known), None)
            if meant is not None:
                return meant
    return next(iter(difflib.get_close_matches(unknown, known, n=1)), None)


def hint_keywords(
    remedies: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for public functions: an unknown keyword raises with what to write instead.

    The function keeps its signature, for type checkers too.

    Args:
        remedies: For keywords that stand for something else than another keyword: what to do.
            KEYWORD in it becomes the one that was given.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters.values()
        known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        shown = [name for name in known if name not in ("self", "cls")]
        where = function.__qualname__.removesuffix(".__init__")

        def check(keywords: Mapping[str, Any]) -> None:
            unknown = next((name for name in keywords if name not in known), None)
            if unknown is not None:
                raise WrongCallError(_answer(where, unknown, shown, remedies or {}))

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def checked_async(*args: P.args, **keywords: P.kwargs) -> Any:
                check(keywords)
                return await function(*args, **keywords)

            return checked_async  # type: ignore[return-value]  # R is a coroutine

        @functools.wraps(function)
        def checked(*args: P.args, **keywords: P.kwargs) -> R:
            check(keywords)
            return function(*args, **keywords)

        return checked

    return decorated


def _answer(where: str, unknown: str, known: list[str], remedies: Mapping[str, str]) -> str:
    meant = keyword_hint(unknown, known)
    remedy = remedies.get(unknown)
    if remedy is not None:
        answer = "; " + remedy.replace("KEYWORD", unknown)
    elif meant is not None:
        answer = f"; it is called {meant!r} here"
    else:
        answer = f"; it has {', '.join(known)}"
    return f"{where}() has no keyword {unknown!r}{answer}"
