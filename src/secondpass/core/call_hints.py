"""A wrong call is answered with what to write instead.

An unknown keyword with the one that is meant, and a stage that was called with anything but one
ranking with how to make one.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn, ParamSpec, TypeVar

from secondpass.core.errors import WrongCallError, shown

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


def remedies_for_loading(call: str, of_the_backend: Collection[str] = ()) -> dict[str, str]:
    """What to do with options of a model, where one is passed that is loaded: load it with them.

    Args:
        call: How the model is passed, with MODEL in its place: ``"SecondPassRerank(model=MODEL)"``.
        of_the_backend: Keywords of backends beside those that all libraries have.
    """
    backend = call.replace("MODEL", 'load("BACKEND:NAME", options={"KEYWORD": ...})')
    loading = call.replace("MODEL", 'load("BACKEND:NAME", KEYWORD=...)')
    names = ("device", "max_length", "batch_size", "trust_remote_code", *of_the_backend)
    return {
        **dict.fromkeys(names, f"load the model with it, and pass what load gives: {backend}"),
        **dict.fromkeys(
            ("options", "cache", "disk_cache"),
            f"load the model with it, and pass what load gives: {loading}",
        ),
    }


def keyword_hint(unknown: str, keywords: Collection[str]) -> str | None:
    """The keyword that was meant, by what the field calls it or by how it is spelled.

    Args:
        unknown: The keyword that was given.
        keywords: Those that there are.
    """
    for row in _SYNONYMS:
        names = row.split()
        if unknown in names:
            meant = next((name for name in names if name in keywords), None)
            if meant is not None:
                return meant
    return next(iter(difflib.get_close_matches(unknown, keywords, n=1)), None)


def hint_keywords(
    remedies: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for public functions: an unknown keyword raises with what to write instead.

    The function keeps its signature, for type checkers too.

    Args:
        remedies: For keywords that stand for something else than another keyword: what to do.
            KEYWORD in it becomes the one that was given.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        listed = [name for name in names if name not in ("self", "cls")]
        where = function.__qualname__.removesuffix(".__init__")

        def check(keywords: Mapping[str, Any]) -> None:
            unknown = next((name for name in keywords if name not in names), None)
            if unknown is not None:
                raise WrongCallError(_unknown_keyword(where, unknown, listed, remedies or {}))

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

    return decorate


def _unknown_keyword(
    where: str, unknown: str, keywords: list[str], remedies: Mapping[str, str]
) -> str:
    meant = keyword_hint(unknown, keywords)
    remedy = remedies.get(unknown)
    if remedy is not None:
        answer = "; " + remedy.replace("KEYWORD", unknown)
    elif meant is not None:
        answer = f"; it is called {meant!r} here"
    else:
        answer = f"; it has {', '.join(keywords)}"
    return f"{where}() has no keyword {unknown!r}{answer}"


def takes_one_ranking(method: Callable[P, R]) -> Callable[P, R]:
    """A decorator for methods that take a ranking and nothing else; the signature stays."""
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def checked_async(*args: P.args, **keywords: P.kwargs) -> Any:
            _check_ranking(args[1:], keywords)
            return await method(*args, **keywords)

        return checked_async  # type: ignore[return-value]  # R is a coroutine

    @functools.wraps(method)
    def checked(*args: P.args, **keywords: P.kwargs) -> R:
        _check_ranking(args[1:], keywords)
        return method(*args, **keywords)

    return checked


def refuse_pipe(stage: str) -> NoReturn:
    """What `|` between a stage and anything else raises."""
    raise WrongCallError(
        f"stages are joined with >>, not |. In a LangChain chain, put {stage!r} into its adapter: "
        "SecondPassRerank(model=stage).as_runnable() takes {'query': ..., 'documents': [...]}"
    )


def _check_ranking(args: Sequence[object], keywords: dict[str, Any]) -> None:
    from secondpass.core.ranking import Ranking  # whose own functions have hints

    arguments = [*args, *keywords.values()]
    if len(arguments) == 1 and isinstance(arguments[0], Ranking) and keywords.keys() <= {"ranking"}:
        return
    if len(arguments) > 1 or (arguments and isinstance(arguments[0], str)):
        remedy = (
            "make one of a query and its documents, Ranking.of(query, docs), or call "
            "rerank(query, docs, model=stage)"
        )
    elif arguments and _are_rankings(arguments[0], Ranking):
        remedy = "for several, stage.run(rankings)"
    else:
        remedy = (
            "make one with Ranking.of(query, docs); in a LangChain chain use "
            "SecondPassRerank(model=stage).as_runnable()"
        )
    values = ", ".join(shown(one) for one in arguments) or "nothing"
    raise WrongCallError(f"a stage is called with one Ranking, got {values:.200}: {remedy}")


def _are_rankings(value: object, kind: type) -> bool:
    return (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(v, kind) for v in value)
    )
