"""The reranking stage as Haystack's ranker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.core.serialization import component_to_dict
from haystack.tracing.tracer import Span, tracer
from haystack_integrations.components.rankers.secondpass.chat import is_chat_generator, stage_of
from haystack_integrations.components.rankers.secondpass.documents import documents_of, ranking_of
from haystack_integrations.components.rankers.secondpass.options import (
    REMEDIES,
    Model,
    checked_top_k,
    field_names,
)

from secondpass import Ranking, Recipe, Stage
from secondpass.core.call_hints import hint_keywords
from secondpass.core.deadline import checked_seconds
from secondpass.core.ranking_details import event_details
from secondpass.stages.kept import cuts_of, with_cuts


class Reranked(TypedDict):
    """What `SecondPassRanker` puts out.

    Attributes:
        documents: Copies of the documents, best first.
        meta: ``model``, ``scale``, ``status`` and ``events`` of the whole ranking: where no
            document is left, that is where it says why.
    """

    documents: list[Document]
    meta: dict[str, Any]


@component
class SecondPassRanker:
    """Order documents by relevance to the query, best first, with secondpass.

        pipeline.add_component("ranker", SecondPassRanker(top_k=5))
        pipeline.connect("retriever.documents", "ranker.documents")

    Args:
        model: A model string ("builtin", "onnx:FOLDER_OR_HUB_ID", ...; see `secondpass.load`), any
            stage or pipeline, a judge, your chat generator (a listwise judge: an order without
            scores), a `Recipe`, the dict that `Recipe.to_dict` gives, or the path of a recipe's
            JSON file: a `pathlib.Path`, or a string that ends in ".json". Loaded once, by
            `warm_up` or by what needs it first.
        top_k: Keep at most this many documents, at least 1; None keeps all.
        threshold: Keep documents with at least this P(relevant), in [0, 1], before `top_k` cuts.
            May leave none; choose it on labelled queries, with `secondpass.choose_threshold`.
        keep_at_least: The number of best documents that stay even below the threshold; then an
            event of the kind "kept-below-threshold" says so. `top_k` cuts them like any others.
        deadline: Seconds for a call. When they end, the best order so far comes back, with an event
            of the kind "deadline"; a threshold leaves alone what was not scored in time.
        meta_fields_to_embed: Fields of the metadata that the model reads in front of the content.
        meta_data_separator: What stands between them.

    What comes back are copies of the documents. `score` is P(relevant), or the model's raw score,
    or None if the model gives only an order. ``meta["secondpass"]`` holds the keys of
    `Ranking.to_dict` for each candidate (``scale``, ``rank``, ``retrieval_score``, ``notes``, ...)
    and ``events``; ``before`` is what an earlier secondpass reranker wrote there. Of a document
    that came twice, from two retrievers, the one with the higher score stays.

    Haystack's tracer gets a span "secondpass.rerank" with the same.

    Raises:
        InvalidInputError: An option that cannot be used; (when run) an empty query, or something
            that is not a `Document`.
        WrongCallError: A keyword that does not exist; it names the one that does.
        NotCalibratedError: (when run) `threshold` with raw scores.
        NoScoresError: (when run) `threshold` with a model that gives only an order.
        SecondPassError: (when warmed up or run) what loading and running the model may raise.
    """

    @hint_keywords(REMEDIES)
    def __init__(
        self,
        model: Model = "builtin",
        *,
        top_k: int | None = None,
        threshold: float | None = None,
        keep_at_least: int = 0,
        deadline: float | None = None,
        meta_fields_to_embed: Sequence[str] | None = None,
        meta_data_separator: str = "\n",
    ) -> None:
        self.model = model
        self.top_k = checked_top_k(top_k)
        cuts_of(top_k, threshold, keep_at_least)
        self.threshold, self.keep_at_least = threshold, keep_at_least
        self.deadline = None if deadline is None else checked_seconds(deadline)
        self.meta_fields_to_embed = field_names(meta_fields_to_embed)
        self.meta_data_separator = meta_data_separator
        self._loaded = model if isinstance(model, Stage) else None
        self._loading = threading.Lock()

    def warm_up(self) -> None:
        """Load the model, once.

        Raises:
            SecondPassError: What loading it may raise.
        """
        with self._loading:
            if self._loaded is None:
                if is_chat_generator(self.model) and hasattr(self.model, "warm_up"):
                    self.model.warm_up()
                self._loaded = stage_of(self.model)

    async def warm_up_async(self) -> None:
        """Like `warm_up`, without blocking the event loop."""
        if self._loaded is None:
            await asyncio.to_thread(self.warm_up)

    @property
    def stage(self) -> Stage:
        """All that is run: the model, the threshold, the cut to `top_k`, within the deadline."""
        return self._stage(None, None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `from_dict`, and so for Haystack's YAML files.

        The model is written as a recipe, which holds the revision of its weights and no key, so
        it is loaded if it is not yet. A chat generator is written as Haystack writes it.

        Raises:
            RecipeError: The model holds something that no recipe can.
            SecondPassError: What loading it may raise.
        """
        return default_to_dict(
            self,
            model=self._written(),
            top_k=self.top_k,
            threshold=self.threshold,
            keep_at_least=self.keep_at_least,
            deadline=self.deadline,
            meta_fields_to_embed=self.meta_fields_to_embed,
            meta_data_separator=self.meta_data_separator,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SecondPassRanker:
        """A ranker from what `to_dict` gave, or from a file written by hand."""
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        threshold: float | None = None,
    ) -> Reranked:
        """Rerank documents. No document is a legal question with an empty answer.

        Args:
            query: What was asked.
            documents: In the retriever's order; never changed.
            top_k: For this call, instead of the ranker's own.
            threshold: For this call, instead of the ranker's own.

        Raises:
            InvalidInputError: Empty query, something that is not a `Document`, or an option that
                cannot be used.
            NotCalibratedError: A threshold with a model that gives raw scores.
            SecondPassError: What running the model may raise.
        """
        stage, ranking = self._stage(top_k, threshold), self._ranking(query, documents)
        with self._traced(ranking) as span:
            return _told(span, stage(ranking), self._model.name)

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        threshold: float | None = None,
    ) -> Reranked:
        """Like `run`, without blocking the event loop: models that wait for a network are awaited
        on it, and those that compute do so in a worker thread."""
        await self.warm_up_async()
        stage, ranking = self._stage(top_k, threshold), self._ranking(query, documents)
        with self._traced(ranking) as span:
            return _told(span, await stage.acall(ranking), self._model.name)

    @property
    def _model(self) -> Stage:
        self.warm_up()
        assert self._loaded is not None
        return self._loaded

    def _stage(self, top_k: int | None, threshold: float | None) -> Stage:
        return with_cuts(
            self._model,
            top=self.top_k if top_k is None else checked_top_k(top_k),
            threshold=self.threshold if threshold is None else threshold,
            keep_at_least=self.keep_at_least,
            deadline=self.deadline,
        )

    def _ranking(self, query: str, documents: list[Document]) -> Ranking:
        return ranking_of(query, documents, self.meta_fields_to_embed, self.meta_data_separator)

    def _written(self) -> Any:
        if is_chat_generator(self.model):
            return component_to_dict(self.model, "model")
        return Recipe.of(self._model).to_dict()

    @contextmanager
    def _traced(self, ranking: Ranking) -> Iterator[Span]:
        tags = {"secondpass.model": self._model.name, "secondpass.documents": len(ranking)}
        parent = tracer.current_span()
        with tracer.trace("secondpass.rerank", tags=tags, parent_span=parent) as span:
            span.set_content_tag("secondpass.query", ranking.query)
            yield span


def _told(span: Span, ranking: Ranking, model: str) -> Reranked:
    """What comes out, and the tracer hears of it too."""
    events = event_details(ranking.events)
    span.set_tag("secondpass.kept", len(ranking))
    span.set_tag("secondpass.scale", ranking.scale)
    span.set_tag("secondpass.status", ranking.status)
    if events:
        span.set_tag("secondpass.events", events)
    meta = {
        "model": model,
        "scale": ranking.scale,
        "status": ranking.status,
        "events": events,
    }
    return {"documents": documents_of(ranking), "meta": meta}
