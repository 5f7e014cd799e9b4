"""Nodes in, a secondpass pipeline, nodes out: better order, real probabilities, less context."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, field_serializer
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from llama_index.postprocessor.secondpass.chat import as_stage

import secondpass as sp

dispatcher = get_dispatcher(__name__)

KEY = "secondpass"
"""The one metadata key that is written; prompts and embeddings leave it out."""

Model = str | LLM | sp.Stage | sp.Recipe | os.PathLike[str] | Mapping[str, Any]


class SecondPassRerank(BaseNodePostprocessor):
    """Order nodes by relevance to the query, best first, with secondpass.

    Args:
        model: A model string ("builtin", "onnx:FOLDER_OR_HUB_ID", ...; see `secondpass.load`), any
            stage or pipeline, your own LLM (it becomes a listwise judge: an order without scores),
            a `Recipe`, the dict that `Recipe.to_dict` gives, or the path of a
            recipe's JSON file: a `pathlib.Path`, or a string that ends in ".json". It is
            loaded here, once.
        top_n: Keep so many nodes at most; 0 keeps none, None keeps all.
        threshold: Keep nodes with at least this P(relevant), in [0, 1], before `top_n` cuts. May
            leave none: then nothing that was retrieved is relevant.
        metadata_mode: Which of a node's metadata the model reads in front of its text.
        callback_manager: LlamaIndex's own; query engines put theirs in its place.

    What comes back are copies of the nodes. `score` is P(relevant), or the model's raw score, or
    None if the pipeline gives only an order. ``metadata["secondpass"]`` says which (``scale``),
    where the node stood before (``retrieval_score``, ``retrieval_rank``) and where it stands now
    (``rank``; both count from 0), and what happened (``notes``, ``events``). The events are told to
    tracers too, under "secondpass" in the tags of `ReRankEndEvent` and in the payload that ends
    `CBEventType.RERANKING`: where no node is left, that is where it says why.

    Raises:
        InvalidInputError: An option that cannot be used; (when called) no query.
        NotCalibratedError: `threshold` with raw scores.
        NoScoresError: `threshold` with a pipeline that gives only an order.
        SecondPassError: What loading and running the model may raise.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    model: sp.Stage
    top_n: int | None = None
    threshold: float | None = None
    metadata_mode: MetadataMode = MetadataMode.EMBED

    def __init__(
        self,
        *,
        model: Model = "builtin",
        top_n: int | None = None,
        threshold: float | None = None,
        metadata_mode: MetadataMode = MetadataMode.EMBED,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        fields: dict[str, Any] = {
            "model": as_stage(model),  # here, since pydantic would wrap a validator's errors
            "top_n": top_n,
            "threshold": threshold,
            "metadata_mode": metadata_mode,
            "callback_manager": callback_manager or CallbackManager(),
        }
        super().__init__(**fields)
        if self.top_n is not None and self.top_n < 0:
            raise sp.InvalidInputError(f"top_n={self.top_n}: give 0 or more, or None to keep all")
        if self.threshold is not None:
            _try_out(sp.Threshold(self.threshold), self.model)

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

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._reported(nodes, query_bundle) as (ranking, report):
            return report(self._pipeline()(ranking))

    @dispatcher.span  # the base class gives one to the sync method only
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._reported(nodes, query_bundle) as (ranking, report):
            return report(await self._pipeline().acall(ranking))

    def _pipeline(self) -> sp.Pipeline:
        stages = [self.model]
        if self.threshold is not None:
            stages.append(sp.Threshold(self.threshold))
        if self.top_n is not None:
            stages.append(sp.Top(self.top_n))
        return sp.Pipeline(*stages)

    @contextmanager
    def _reported(
        self, nodes: list[NodeWithScore], query: QueryBundle | None
    ) -> Iterator[tuple[sp.Ranking, Callable[[sp.Ranking], list[NodeWithScore]]]]:
        """Tell both event systems that it starts; give the ranking to rerank, and what turns the
        result into nodes and tells them that it ended."""
        if query is None:
            raise sp.InvalidInputError(
                "a reranker needs the query: pass query_bundle=QueryBundle(...) or query_str='...'"
            )
        candidates = [  # node ids need not be unique, so places are the ids
            sp.Candidate(str(i), _text(n.node, self.metadata_mode), n.metadata, n.score, n)
            for i, n in enumerate(nodes)
        ]
        ranking = sp.Ranking.of(query.query_str, candidates)
        name, top_n = self.model.name, len(nodes) if self.top_n is None else self.top_n
        dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=name))
        asked: dict[str, Any] = {EventPayload.NODES: nodes, EventPayload.MODEL_NAME: name}
        asked |= {EventPayload.QUERY_STR: query.query_str, EventPayload.TOP_K: top_n}
        with self.callback_manager.event(CBEventType.RERANKING, payload=asked) as event:

            def report(done: sp.Ranking) -> list[NodeWithScore]:
                kept = [_node(done, rank) for rank in range(len(done))]
                # also here, since where no node is left none can say why
                said = {KEY: [e.message for e in done.events]} if done.events else {}
                event.on_end(payload={EventPayload.NODES: kept, **said})
                dispatcher.event(ReRankEndEvent(nodes=kept, tags=said))
                return kept

            yield ranking, report


def _text(node: BaseNode, mode: MetadataMode) -> str:
    """What the model reads. Stores such as Chroma give metadata back in another order each time,
    and the text, so also the score, would change with it."""
    if mode is not MetadataMode.NONE and len(node.metadata) > 1:
        node = node.model_copy(update={"metadata": dict(sorted(node.metadata.items()))})
    return node.get_content(mode)


def _try_out(threshold: sp.Threshold, model: sp.Stage) -> None:
    """Let a threshold meet the scale that the model gives, where that is known beforehand."""
    last = next((s for s in reversed(sp.Pipeline(model)) if s.origin is not None), None)
    if type(last) in (sp.Score, sp.Compare, sp.Fuse):
        threshold(sp.Ranking("?", (sp.Candidate("?", "?", score=0.0),), "raw"))
    elif type(last) in (sp.Order, sp.Refine):
        threshold(sp.Ranking("?", (sp.Candidate("?", "?"),)))


def _node(ranking: sp.Ranking, rank: int) -> NodeWithScore:
    candidate = ranking[rank]
    node, score = candidate.payload.node, candidate.payload.score
    said: dict[str, Any] = {
        "retrieval_score": float(score) if score is not None and math.isfinite(score) else None,
        "retrieval_rank": int(candidate.id),
        "scale": ranking.scale,
        "rank": rank,
    }
    if notes := {key: value for mark in candidate.trail for key, value in mark.note.items()}:
        said["notes"] = notes
    if events := [event.message for event in ranking.events]:
        said["events"] = events
    if KEY in node.metadata:
        said["before"] = node.metadata[KEY]  # what an earlier pass said
    changed: dict[str, Any] = {"metadata": {**node.metadata, KEY: said}}
    for hidden in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
        changed[hidden] = [*(key for key in getattr(node, hidden) if key != KEY), KEY]
    return NodeWithScore(node=node.model_copy(update=changed), score=candidate.score)
