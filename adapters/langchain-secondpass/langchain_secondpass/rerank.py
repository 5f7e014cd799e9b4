"""The reranking stage as LangChain's document compressor."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

from langchain_core.callbacks import (
    Callbacks,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import ConfigDict, field_serializer, field_validator, model_validator

from langchain_secondpass.documents import documents_of, ranking_of
from langchain_secondpass.models import stage_of
from langchain_secondpass.options import REMEDIES, Model, fixed_option
from secondpass import InvalidInputError, Ranking, Recipe, Stage, Threshold
from secondpass.core.call_hints import hint_keywords
from secondpass.core.deadline import checked_seconds
from secondpass.core.ranking_details import METADATA_KEY, event_details
from secondpass.stages import GroupBy
from secondpass.stages.cut import whole_number
from secondpass.stages.kept import cuts_of, with_cuts


class SecondPassRerank(BaseDocumentCompressor):
    """Put the right documents on top, say how relevant each is, and keep what is worth reading.

        reranker = SecondPassRerank(top_n=5)
        retriever = ContextualCompressionRetriever(
            base_compressor=reranker, base_retriever=your_retriever
        )

    Documents come back as copies, best first, with their id and their metadata. Added to the
    metadata are `relevance_score`, a float (absent where the model gives only an order), and
    `secondpass`, a dict of plain JSON values: the keys of `Ranking.to_dict` for each candidate
    (`scale`, `rank`, `retrieval_rank`, `notes`, ...), `events`, and `before`, which is what an
    earlier secondpass reranker wrote there. The events are also a custom event of the run, named
    "secondpass": where no document is left, that is where it says why.

    Attributes:
        model: The loaded stage. Given as a model string, a stage, a judge, your chat model (a
            listwise judge: an order without scores), a cross-encoder of LangChain's, such as a
            `HuggingFaceCrossEncoder` (raw scores), a `Recipe`, the path of a recipe's JSON file
            (a `pathlib.Path`, or a string that ends in ".json"), or a recipe's dict. Dumped as a
            recipe's dict.
        top_n: Keep at most this many; None keeps all, 0 none.
        threshold: Keep those with at least this P(relevant), in [0, 1]. Applied before `top_n`;
            may leave none; choose it on labelled queries, with `secondpass.choose_threshold`.
        keep_at_least: The number of best documents that stay even below the threshold; then an
            event of the kind "kept-below-threshold" says so. `top_n` cuts them like any others.
        deadline: Seconds for a call. When they end, the best order so far comes back, with an event
            of the kind "deadline"; a threshold leaves alone what was not scored in time.
        group_by: A key of the metadata, such as "source": documents with the same value are parts
            of one. They rank by the best part, and stay together; `top_n` counts wholes.
        group_score: "parts", or "wholes": then the parts are read as one text, in the order in
            which they came, and all have its score.

    Raises:
        ValidationError: An argument is not usable; the message says why.
        WrongCallError: A keyword that does not exist, and it names the one that does; or an
            option is set later: `model_copy` makes another reranker.
        SecondPassError: What loading the model may raise.
    """

    model: Stage
    top_n: int | None = None
    threshold: float | None = None
    keep_at_least: int = 0
    deadline: float | None = None
    group_by: str | None = None
    group_score: Literal["parts", "wholes"] = "parts"

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    @hint_keywords(REMEDIES)
    def __init__(
        self,
        *,
        model: Model = "builtin",
        top_n: int | None = None,
        threshold: float | None = None,
        keep_at_least: int = 0,
        deadline: float | None = None,
        group_by: str | None = None,
        group_score: Literal["parts", "wholes"] = "parts",
    ) -> None:
        options: dict[str, Any] = {
            "model": model,
            "top_n": top_n,
            "threshold": threshold,
            "keep_at_least": keep_at_least,
            "deadline": deadline,
            "group_by": group_by,
            "group_score": group_score,
        }
        super().__init__(**options)

    @field_validator("model", mode="plain")
    @classmethod
    def _load(cls, model: Any) -> Stage:
        return stage_of(model)

    @field_validator("top_n", mode="plain")
    @classmethod
    def _check_top_n(cls, top_n: Any) -> int | None:
        return None if top_n is None else whole_number(top_n, "top_n")

    @field_validator("keep_at_least", mode="plain")
    @classmethod
    def _check_keep_at_least(cls, keep_at_least: Any) -> int:
        return whole_number(keep_at_least, "keep_at_least")

    @field_validator("deadline", mode="plain")
    @classmethod
    def _check_deadline(cls, deadline: Any) -> float | None:
        return None if deadline is None else checked_seconds(deadline)

    @field_validator("group_by")
    @classmethod
    def _check_group_by(cls, group_by: str | None) -> str | None:
        return None if group_by is None else GroupBy(group_by).by

    @field_validator("threshold")
    @classmethod
    def _check_threshold(cls, threshold: float | None) -> float | None:
        return None if threshold is None else Threshold(threshold).at_least

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        cuts_of(self.top_n, self.threshold, self.keep_at_least, word="top_n")
        return self

    @field_serializer("model")
    def _written(self, model: Any) -> dict[str, Any]:
        return Recipe.of(model).to_dict()

    def __setattr__(self, name: str, value: Any) -> None:
        raise fixed_option(name)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) != field.default:
                yield name, value

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Another reranker with the same loaded model and some other options, which are checked.

        Raises:
            ValidationError: An option is not usable; the message says why.
            WrongCallError: One that does not exist.
        """
        source = copy.deepcopy(self) if deep else self
        options = {name: getattr(source, name) for name in type(self).model_fields}
        return type(self)(**{**options, **(update or {})})

    @property
    def stage(self) -> Stage:
        """All that is run: the model, the threshold, the cut to `top_n`, within the deadline."""
        return with_cuts(
            self.model,
            top=self.top_n,
            threshold=self.threshold,
            keep_at_least=self.keep_at_least,
            deadline=self.deadline,
            word="top_n",
            group_by=self.group_by,
            joined=self.group_score == "wholes",
        )

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Rerank documents. No document is a legal question with an empty answer.

        Args:
            documents: In the retriever's order; never changed.
            query: What was asked.
            callbacks: They get a run named "SecondPassRerank", its inputs, outputs and errors.

        Raises:
            InvalidInputError: Empty query, or something that is not a `Document`.
            NotCalibratedError: `threshold` with a model that gives raw scores.
            SecondPassError: What running the model may raise.
        """
        inputs = {"query": query, "documents": documents}
        return self.as_runnable().invoke(inputs, {"callbacks": callbacks})

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Like `compress_documents`, without blocking the event loop."""
        inputs = {"query": query, "documents": documents}
        return await self.as_runnable().ainvoke(inputs, {"callbacks": callbacks})

    def as_runnable(self) -> Runnable[dict[str, Any], list[Document]]:
        """A runnable that takes {"query": ..., "documents": [...]} and returns the documents.

        Other keys are ignored, so a LangGraph state or the dict of an LCEL chain will do.
        """
        return RunnableLambda(self._rank, afunc=self._arank, name="SecondPassRerank")

    def __or__(self, other: Any) -> Runnable[Any, Any]:
        chain: Runnable[Any, Any] = self.as_runnable() | other
        return chain

    def __ror__(self, other: Any) -> Runnable[Any, Any]:
        chain: Runnable[Any, Any] = other | self.as_runnable()
        return chain

    def __call__(self, inputs: Any) -> Runnable[dict[str, Any], list[Document]]:
        """What LangChain calls behind a `|`: the runnable, which it then runs on the inputs.

        Raises:
            InvalidInputError: The query is missing; the message says how to pass it on.
        """
        _check(inputs)
        return self.as_runnable()

    # tracers get the events too, since where no document is left none can say why
    def _rank(self, inputs: dict[str, Any], config: RunnableConfig) -> list[Document]:
        ranking = self.stage(_ranking(inputs))
        if ranking.events:
            dispatch_custom_event(METADATA_KEY, event_details(ranking.events), config=config)
        return documents_of(ranking)

    async def _arank(self, inputs: dict[str, Any], config: RunnableConfig) -> list[Document]:
        ranking = await self.stage.acall(_ranking(inputs))
        if ranking.events:
            await adispatch_custom_event(METADATA_KEY, event_details(ranking.events), config=config)
        return documents_of(ranking)


def _ranking(inputs: Any) -> Ranking:
    _check(inputs)
    return ranking_of(inputs["query"], inputs["documents"])


def _check(inputs: Any) -> None:
    if isinstance(inputs, Mapping) and {"query", "documents"} <= inputs.keys():
        return
    if isinstance(inputs, Sequence) and inputs and isinstance(inputs[0], Document):
        raise InvalidInputError(
            "a retriever hands on its documents without the query, and a reranker needs both. "
            'Write {"query": RunnablePassthrough(), "documents": retriever} | '
            "reranker.as_runnable() instead of retriever | reranker, or "
            "ContextualCompressionRetriever(base_compressor=reranker, base_retriever=retriever)"
        )
    shown = sorted(map(str, inputs)) if isinstance(inputs, Mapping) else type(inputs).__name__
    raise InvalidInputError(
        f'the reranker takes {{"query": str, "documents": list[Document]}}, got {shown}'
    )
