"""The reranking stage as LangChain's document compressor."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import (
    Callbacks,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import ConfigDict, field_serializer, field_validator

from langchain_secondpass.chat import as_stage
from langchain_secondpass.documents import DETAILS, documents_of, events_of, ranking_of
from secondpass import InvalidInputError, Pipeline, Ranking, Recipe, Stage, Threshold, Top


class SecondPassRerank(BaseDocumentCompressor):
    """Put the right documents on top, say how relevant each is, and keep what is worth reading.

        compressor = SecondPassRerank(top_n=5, threshold=0.5)
        retriever = ContextualCompressionRetriever(
            base_compressor=compressor, base_retriever=your_retriever
        )

    Documents come back as copies, best first, with their id and their metadata. Added to the
    metadata are `relevance_score`, a float (absent where the model gives only an order), and
    `secondpass`, a dict of plain JSON values: `rank` and `retrieval_rank` (place in the answer
    and in the input, 0 is first), `scale` ("probability": P(relevant); "raw": comparable among
    these documents only; "order": no scores), and `notes` and `events` where there are any. The
    events are also a custom event of the run, named "secondpass": where no document is left, that
    is where it says why.

    Attributes:
        model: The loaded stage. Given as a model string, a stage, your chat model (a listwise
            judge: an order without scores), a `Recipe`, the path of a recipe's JSON file (a
            `pathlib.Path`, or a string that ends in ".json"), or a recipe's dict. Dumped as a
            recipe's dict.
        top_n: Keep so many at most; None keeps all, 0 none.
        threshold: Keep those with at least this P(relevant), in [0, 1]. Applied before `top_n`;
            may leave none.

    Raises:
        ValidationError: An argument is not usable; the message says why.
        SecondPassError: What loading the model may raise.
    """

    model: str | BaseChatModel | Stage | Recipe | os.PathLike[str] | dict[str, Any] = "builtin"
    top_n: int | None = None
    threshold: float | None = None

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", frozen=True, validate_default=True
    )

    @field_validator("model", mode="plain")
    @classmethod
    def _load(cls, model: Any) -> Stage:
        return as_stage(model)

    @field_validator("top_n", mode="plain")
    @classmethod
    def _check_top_n(cls, top_n: Any) -> int | None:
        if top_n is not None:
            Top(top_n)
        return top_n  # type: ignore[no-any-return]  # Top takes whole numbers only

    @field_validator("threshold")
    @classmethod
    def _check_threshold(cls, threshold: float | None) -> float | None:
        if threshold is not None:
            Threshold(threshold)
        return threshold

    @field_serializer("model")
    def _written(self, model: Any) -> dict[str, Any]:
        return Recipe.of(model).to_dict()

    @property
    def stage(self) -> Pipeline:
        """All that is run: the model, then the threshold, then the cut to `top_n`."""
        stages = [as_stage(self.model)]
        if self.threshold is not None:
            stages.append(Threshold(self.threshold))
        if self.top_n is not None:
            stages.append(Top(self.top_n))
        return Pipeline(*stages)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Rerank documents. No document is a legal question with an empty answer.

        Args:
            documents: In the retriever's order; never changed.
            query: What was asked.
            callbacks: Told of a run named "SecondPassRerank", its inputs, outputs and errors.

        Raises:
            InvalidInputError: Empty query, or something that is no `Document`.
            NotCalibratedError: `threshold` with a model that gives raw scores.
            SecondPassError: What running the model may raise.
        """
        asked = {"query": query, "documents": documents}
        return self.as_runnable().invoke(asked, {"callbacks": callbacks})

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Like `compress_documents`, without blocking the event loop."""
        asked = {"query": query, "documents": documents}
        return await self.as_runnable().ainvoke(asked, {"callbacks": callbacks})

    def as_runnable(self) -> Runnable[dict[str, Any], list[Document]]:
        """A runnable that takes {"query": ..., "documents": [...]} and returns the documents.

        Other keys are let be, so a LangGraph state or the dict of an LCEL chain will do.
        """
        return RunnableLambda(self._rank, afunc=self._arank, name="SecondPassRerank")

    # events are told to tracers too, since where no document is left none can say why
    def _rank(self, asked: dict[str, Any], config: RunnableConfig) -> list[Document]:
        done = self.stage(_asked(asked))
        if done.events:
            dispatch_custom_event(DETAILS, events_of(done), config=config)
        return documents_of(done)

    async def _arank(self, asked: dict[str, Any], config: RunnableConfig) -> list[Document]:
        done = await self.stage.acall(_asked(asked))
        if done.events:
            await adispatch_custom_event(DETAILS, events_of(done), config=config)
        return documents_of(done)


def _asked(given: dict[str, Any]) -> Ranking:
    if not isinstance(given, Mapping) or not {"query", "documents"} <= given.keys():
        shown = sorted(map(str, given)) if isinstance(given, Mapping) else type(given).__name__
        raise InvalidInputError(
            f'the reranker takes {{"query": str, "documents": list[Document]}}, got {shown}'
        )
    return ranking_of(given["query"], given["documents"])
