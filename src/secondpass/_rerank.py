"""`rerank`, the one-line way in."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, overload

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.deadline import checked_seconds, ends_within
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage
from secondpass.models.load import ModelLike, as_stage, is_recipe_file
from secondpass.stages.kept import cuts_of

Documents = Iterable[str | Candidate]
_ELSEWHERE = dict.fromkeys(
    ("device", "max_length", "batch_size", "options", "cache", "disk_cache"),
    "load the model with it, and pass what load gives: rerank(query, docs, model=load(...))",
)


@overload
def rerank(
    query: str,
    docs: Documents,
    *,
    model: ModelLike = ...,
    top_k: int | None = ...,
    threshold: float | None = ...,
    keep_at_least: int = ...,
    deadline: float | None = ...,
) -> Ranking: ...
@overload
def rerank(
    query: list[str] | tuple[str, ...],
    docs: Documents | Sequence[Documents],
    *,
    model: ModelLike = ...,
    top_k: int | None = ...,
    threshold: float | None = ...,
    keep_at_least: int = ...,
    deadline: float | None = ...,
) -> list[Ranking]: ...
@hint_keywords(_ELSEWHERE)
def rerank(
    query: str | list[str] | tuple[str, ...],
    docs: Documents | Sequence[Documents],
    *,
    model: ModelLike = "builtin",
    top_k: int | None = None,
    threshold: float | None = None,
    keep_at_least: int = 0,
    deadline: float | None = None,
) -> Ranking | list[Ranking]:
    """Order documents by relevance to a query, best first.

    Args:
        query: What was asked; or a list of queries, which are answered together.
        docs: Texts, which get the ids "0", "1", ..., or `Candidate` objects. No document is a
            legal question with an empty answer.
        model: A model string, any stage, a recipe, the path of a recipe's file (a `pathlib.Path`
            or a string that ends in ".json"), or a `ChatJudge`; see `as_stage`. The built-in model
            gives probabilities.
        top_k: The number kept at most.
        threshold: Keep those with at least this P(relevant); may leave none. `choose_threshold`
            finds one for your data.
        keep_at_least: The number of the best that stay whatever the threshold; an event says so.
        deadline: Seconds for the whole call, loading the model included. When they end, the best
            ranking so far comes back, and its `status` says "partial"; see `Stage.within`.

    Returns:
        A `Ranking`: iterate over it, print it, read `.ids`, `.indices`, `.scores` and `.scale`.
        For a list of queries a list, with a ranking for each.

    Raises:
        InvalidInputError: Empty query, a document that is not a text, equal ids, an option that
            cannot be used.
        NotCalibratedError: `threshold` with a model that gives raw scores.
        SecondPassError: What loading and running the model may raise.
    """
    cuts = cuts_of(top_k, threshold, keep_at_least)
    rankings = _rankings(query, docs)
    with ends_within(None if deadline is None else checked_seconds(deadline)):
        results = Pipeline(_stage(model), *cuts).run(rankings)
    return results[0] if isinstance(query, str) else results


@overload
async def arerank(
    query: str,
    docs: Documents,
    *,
    model: ModelLike = ...,
    top_k: int | None = ...,
    threshold: float | None = ...,
    keep_at_least: int = ...,
    deadline: float | None = ...,
) -> Ranking: ...
@overload
async def arerank(
    query: list[str] | tuple[str, ...],
    docs: Documents | Sequence[Documents],
    *,
    model: ModelLike = ...,
    top_k: int | None = ...,
    threshold: float | None = ...,
    keep_at_least: int = ...,
    deadline: float | None = ...,
) -> list[Ranking]: ...
@hint_keywords(_ELSEWHERE)
async def arerank(
    query: str | list[str] | tuple[str, ...],
    docs: Documents | Sequence[Documents],
    *,
    model: ModelLike = "builtin",
    top_k: int | None = None,
    threshold: float | None = None,
    keep_at_least: int = 0,
    deadline: float | None = None,
) -> Ranking | list[Ranking]:
    """Like `rerank`, without blocking the event loop, not even while the model is loaded."""
    cuts = cuts_of(top_k, threshold, keep_at_least)
    rankings = _rankings(query, docs)
    with ends_within(None if deadline is None else checked_seconds(deadline)):
        stage = await asyncio.to_thread(_stage, model)
        results = await Pipeline(stage, *cuts).arun(rankings)
    return results[0] if isinstance(query, str) else results


def _rankings(query: Any, docs: Any) -> list[Ranking]:
    if not isinstance(query, list | tuple):
        return [Ranking.of(query, docs)]
    if isinstance(docs, Iterable) and not isinstance(docs, Sequence):
        docs = list(docs) if iter(docs) is docs else docs  # a generator, which can be read once
    if not (isinstance(docs, list | tuple) and docs and isinstance(docs[0], list | tuple)):
        return [Ranking.of(one, docs) for one in query]
    if len(docs) != len(query):
        raise InvalidInputError(
            f"{len(query)} queries and {len(docs)} lists of documents: give one list for each "
            "query, or one flat list for all of them"
        )
    return [Ranking.of(one, own) for one, own in zip(query, docs, strict=True)]


def _stage(model: Any) -> Stage:
    if not isinstance(model, str | os.PathLike):
        return as_stage(model)
    file = Path(model) if is_recipe_file(model) else None
    if file is None:
        return _LOADED.get(str(model), None)
    return _LOADED.get(file, file.stat().st_mtime_ns if file.is_file() else None)


class _LoadedModels:
    """The models that were used last, each loaded once, however many threads are first at once.

    Args:
        size: The number of models.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._stages: OrderedDict[tuple[str | Path, int | None], Future[Stage | None]] = (
            OrderedDict()
        )
        self.forget_threads()

    def get(self, model: str | Path, written_at: int | None) -> Stage:
        """The stage of a model; of a recipe's file that has changed, the new one."""
        key = model, written_at
        with self._lock:
            future = self._stages.get(key)
            is_first = future is None
            if future is None:
                future = self._stages[key] = Future()
            self._stages.move_to_end(key)
            while len(self._stages) > self._size:
                self._stages.popitem(last=False)
        if not is_first:
            stage = future.result()
            return self.get(model, written_at) if stage is None else stage
        try:
            stage = as_stage(model)
        except BaseException:
            with self._lock:
                self._stages.pop(key, None)
            future.set_result(None)  # each thread that waits tries for itself
            raise
        future.set_result(stage)
        return stage

    def forget_threads(self) -> None:
        """Of a process that was just forked: no other thread loads a model in it."""
        self._lock = threading.Lock()
        for key in [key for key, future in self._stages.items() if not future.done()]:
            del self._stages[key]


_LOADED = _LoadedModels(size=2)
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_LOADED.forget_threads)
