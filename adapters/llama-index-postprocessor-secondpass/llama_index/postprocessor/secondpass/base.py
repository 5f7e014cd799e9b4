"""Nodes in, a secondpass pipeline, nodes out: better order, real probabilities, less context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, field_serializer
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from llama_index.postprocessor.secondpass.nodes import nodes_of, ranking_of
from llama_index.postprocessor.secondpass.options import (
    OPTIONS,
    REMEDIES,
    Model,
    checked_options,
    unknown_option,
)
from llama_index.postprocessor.secondpass.tracing import (
    dispatcher,
    rerank_ended,
    rerank_started,
)

import secondpass as sp
from secondpass.core.call_hints import hint_keywords
from secondpass.stages.kept import with_cuts


class SecondPassRerank(BaseNodePostprocessor):
    """Order nodes by relevance to the query, best first, with secondpass.

        reranker = SecondPassRerank(top_n=5)
        engine = index.as_query_engine(similarity_top_k=50, node_postprocessors=[reranker])

    Args:
        model: A model string ("builtin", "onnx:FOLDER_OR_HUB_ID", ...; see `secondpass.load`), any
            stage or pipeline, a judge, your own LLM (a listwise judge: an order without scores), a
            `Recipe`, the dict that `Recipe.to_dict` gives, or the path of a recipe's JSON file: a
            `pathlib.Path`, or a string that ends in ".json". It is loaded here, once.
        top_n: Keep at most this many nodes; 0 keeps none, None keeps all.
        threshold: Keep nodes with at least this P(relevant), in [0, 1], before `top_n` cuts. May
            leave none, and then a query engine answers "Empty Response"; choose it on labelled
            queries, with `secondpass.choose_threshold`.
        keep_at_least: The number of best nodes that stay even below the threshold; then an event
            of the kind "kept-below-threshold" says so. `top_n` cuts them like any others.
        deadline: Seconds for a call. When they end, the best order so far comes back, with an event
            of the kind "deadline"; a threshold leaves alone what was not scored in time.
        metadata_mode: Which of a node's metadata the model reads in front of its text.
        group_by: "ref_doc_id", or a key of the metadata: nodes with the same value are parts of one
            document. Documents rank by their best node, and their nodes stay together; `top_n`
            counts documents.
        group_score: "nodes", or "documents": then the nodes of a document are read as one text, in
            the order in which they came, and all have its score.
        callback_manager: LlamaIndex's own; query engines replace it with theirs.

    What comes back are copies of the nodes. `score` is P(relevant), or the model's raw score, or
    None if the pipeline gives only an order. ``metadata["secondpass"]`` holds the keys of
    `Ranking.to_dict` for each candidate (``scale``, ``rank``, ``retrieval_score``, ``notes``, ...)
    and ``events``; ``before`` is what an earlier secondpass reranker wrote there. Tracers get the
    events too, under "secondpass" in the tags of `ReRankEndEvent` and in the payload that ends
    `CBEventType.RERANKING`: where no node is left, that is where it says why.

    The options can also be set later, with the same checks.

    Raises:
        InvalidInputError: An option that cannot be used; (when called) no query, or something
            that is not a `NodeWithScore`.
        WrongCallError: A keyword that does not exist; it names the one that does.
        NotCalibratedError: `threshold` with raw scores.
        NoScoresError: `threshold` with a pipeline that gives only an order.
        SecondPassError: What loading and running the model may raise.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    model: sp.Stage
    top_n: int | None = None
    threshold: float | None = None
    keep_at_least: int = 0
    deadline: float | None = None
    metadata_mode: MetadataMode = MetadataMode.EMBED
    group_by: str | None = None
    group_score: str = "nodes"

    @hint_keywords(REMEDIES)
    def __init__(
        self,
        *,
        model: Model = "builtin",
        top_n: int | None = None,
        threshold: float | None = None,
        keep_at_least: int = 0,
        deadline: float | None = None,
        metadata_mode: MetadataMode = MetadataMode.EMBED,
        group_by: str | None = None,
        group_score: str = "nodes",
        callback_manager: CallbackManager | None = None,
    ) -> None:
        options = checked_options(  # here, since pydantic would wrap a validator's errors
            model=model,
            top_n=top_n,
            threshold=threshold,
            keep_at_least=keep_at_least,
            deadline=deadline,
            metadata_mode=metadata_mode,
            group_by=group_by,
            group_score=group_score,
        )
        super().__init__(callback_manager=callback_manager or CallbackManager(), **options)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in OPTIONS:
            now = {option: getattr(self, option) for option in OPTIONS}
            value = checked_options(**{**now, name: value})[name]
        elif name not in type(self).model_fields and not name.startswith("_"):
            raise unknown_option(name)
        super().__setattr__(name, value)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        yield "model", self.model
        for name in OPTIONS[1:]:
            value = getattr(self, name)
            if value != type(self).model_fields[name].default:
                yield name, value.value if isinstance(value, MetadataMode) else value

    @classmethod
    def class_name(cls) -> str:
        return "SecondPassRerank"

    @field_serializer("model")
    def _written(self, model: sp.Stage) -> dict[str, Any]:
        return sp.Recipe.of(model).to_dict()

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Plain values for `from_dict`; the model is written as a recipe.

        Raises:
            RecipeError: The pipeline holds something that no recipe can.
        """
        sp.Recipe.of(self.model)  # pydantic would wrap the serializer's error
        return super().to_dict(**kwargs)

    def __getstate__(self) -> dict[Any, Any]:
        # BaseComponent's own deletes what does not pickle, even from the living object, and then
        # the copy gets a default model. Callback handlers belong to their process.
        state = dict(BaseModel.__getstate__(self))
        state["__dict__"] = {k: v for k, v in self.__dict__.items() if k != "callback_manager"}
        return state

    @property
    def stage(self) -> sp.Stage:
        """All that is run: the model, the threshold, the cut to `top_n`, within the deadline."""
        return with_cuts(
            self.model,
            top=self.top_n,
            threshold=self.threshold,
            keep_at_least=self.keep_at_least,
            deadline=self.deadline,
            word="top_n",
            group_by=self.group_by,
            joined=self.group_score == "documents",
        )

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _required(query_bundle)
        ranking = ranking_of(query.query_str, nodes, self.metadata_mode)
        with rerank_started(
            self.callback_manager, query, nodes, self._most(nodes), self.model.name
        ) as event:
            result = self.stage(ranking)
            reranked = nodes_of(result)
            rerank_ended(event, reranked, result.events)
        return reranked

    @dispatcher.span  # the base class gives one to the sync method only
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = _required(query_bundle)
        ranking = ranking_of(query.query_str, nodes, self.metadata_mode)
        with rerank_started(
            self.callback_manager, query, nodes, self._most(nodes), self.model.name
        ) as event:
            result = await self.stage.acall(ranking)
            reranked = nodes_of(result)
            rerank_ended(event, reranked, result.events)
        return reranked

    def _most(self, nodes: list[NodeWithScore]) -> int:
        """The most nodes that can come back; LlamaIndex's events need a number."""
        return len(nodes) if self.top_n is None else self.top_n


def _required(query: QueryBundle | None) -> QueryBundle:
    if query is None:
        raise sp.InvalidInputError(
            "a reranker needs the query: pass query_bundle=QueryBundle(...) or query_str='...'"
        )
    return query
