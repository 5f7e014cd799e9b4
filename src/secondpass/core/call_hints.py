"""A stage called with something else than a ranking is answered with what to write instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, ParamSpec, TypeVar

from secondpass.core.errors import WrongCallError, shown
from secondpass.core.ranking import Ranking

P = ParamSpec("P")
R = TypeVar("R")


def takes_one_ranking(method: Callable[P, R]) -> Callable[P, R]:
    """A decorator for methods that take a ranking and nothing else; the signature stays."""
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def checked_async(*args: P.args, **keywords: P.kwargs) -> Any:
            _check(args[1:], keywords)
            return await method(*args, **keywords)

        return checked_async  # type: ignore[return-value]  # R is a coroutine

    @functools.wraps(method)
    def checked(*args: P.args, **keywords: P.kwargs) -> R:
        _check(args[1:], keywords)
        return method(*args, **keywords)

    return checked


def refuse_pipe(stage: str) -> NoReturn:
    """What `|` between a stage and anything else raises."""
    raise WrongCallError(
        f"stages are joined with >>, not |. In a LangChain chain, put {stage!r} into its adapter: "
        "SecondPassRerank(model=stage).as_runnable() takes {'query': ..., 'documents': [...]}"
    )


def _check(args: Sequence[object], keywords: dict[str, Any]) -> None:
    arguments = [*args, *keywords.values()]
    if len(arguments) == 1 and isinstance(arguments[0], Ranking) and keywords.keys() <= {"ranking"}:
        return
    if len(arguments) > 1 or (arguments and isinstance(arguments[0], str)):
        remedy = (
            "make one of a query and its documents, Ranking.of(query, docs), or call "
            "rerank(query, docs, model=stage)"
        )
    elif arguments and _several(arguments[0]):
        remedy = "for several, stage.run(rankings)"
    else:
        remedy = (
            "make one with Ranking.of(query, docs); in a LangChain chain use "
            "SecondPassRerank(model=stage).as_runnable()"
        )
    what = ", ".join(shown(one) for one in arguments) or "nothing"
    raise WrongCallError(f"a stage is called with one Ranking, got {what:.200}: {remedy}")


def _several(value: object) -> bool:
    listed = isinstance(value, list | tuple)
    return listed and bool(value) and all(isinstance(one, Ranking) for one in value)  # type: ignore[attr-defined]
