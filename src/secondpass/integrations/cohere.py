"""Any stage behind the rerank call of Cohere's Python client.

    from secondpass.integrations.cohere import ClientV2

    client = ClientV2("builtin")
    docs = ["Cats sleep.", "Goethe wrote Faust."]
    found = client.rerank(model="rerank-v4.0-pro", query="who wrote Faust?", documents=docs)
    found.results[0].index, found.results[0].relevance_score

Written for cohere 7.3. Only `rerank` is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.integrations.pair_scores import no_scores
from secondpass.models.load import ModelLike, as_stage
from secondpass.stages.cut import whole_number

_LOAD = 'load the model with it: ClientV2(load("...", options={"max_length": ...}))'
_IN_CALLS = {
    "max_tokens_per_doc": _LOAD,
    "max_chunks_per_doc": _LOAD,
    "relevant_spans": "no span is given here",
    "priority": "leave it out; nothing waits in a queue",
    "request_options": "leave it out; for a time limit: ClientV2(stage.within(seconds))",
}
_OF_A_CLIENT = dict.fromkeys(
    ("api_key", "token", "base_url", "timeout", "client_name", "httpx_client", "environment"),
    "no server is asked here; for Cohere's own models: ClientV2('cohere:rerank-v4.0-pro')",
)


@dataclass
class RerankedItem:
    """One document of an answer.

    Attributes:
        index: In the documents given.
        relevance_score: P(relevant) where the model is calibrated; else raw, and of any size.
        document: The text, if asked for.
    """

    index: int
    relevance_score: float
    document: dict[str, Any] | None = None


@dataclass
class RerankAnswer:
    """What `rerank` returns.

    Attributes:
        id: Another one for each call.
        results: Best first.
        meta: What Cohere bills; None here.
        ranking: The same as a `Ranking`, with its scale and its events; Cohere has no such thing.
    """

    id: str
    results: list[RerankedItem]
    ranking: Ranking = field(repr=False, compare=False)
    meta: None = None

    def dict(self) -> dict[str, Any]:
        """As plain values, as Cohere's models give."""
        return {"id": self.id, "results": [asdict(r) for r in self.results], "meta": self.meta}

    def model_dump(self) -> Mapping[str, Any]:
        """As `dict`, under the name that pydantic gives it."""
        return self.dict()


class _Rerankers:
    """What the clients share: which stage answers a call, and the answer's form."""

    @hint_keywords(_OF_A_CLIENT)
    def __init__(self, model: ModelLike = "builtin") -> None:
        self.stage = as_stage(model)
        self._others: dict[str, Stage] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.stage.name})"

    def _answering(self, model: str | None) -> Stage:
        if not isinstance(model, str | None):
            raise InvalidInputError(f"model={model!r}: name a model; a stage is the client's own")
        if model is None or model.startswith("rerank-"):
            return self.stage
        if model not in self._others:
            self._others[model] = as_stage(model)
        return self._others[model]


class ClientV2(_Rerankers):
    """`rerank` as `cohere.ClientV2` has it.

    Args:
        model: A stage or a model string. It answers for every model of Cohere's that a call names,
            which all begin with "rerank-".

    Attributes:
        stage: That stage.

    Raises:
        WrongCallError: An option of a client for a server.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords(_IN_CALLS)
    def rerank(
        self, *, query: str, documents: Sequence[str], model: str | None = None,
        top_n: int | None = None,
    ) -> RerankAnswer:  # fmt: skip
        """The documents by relevance, best first; those that the stage cut are not there.

        Args:
            query: What was asked.
            documents: Texts.
            model: A model string of this library is loaded and answers; a name of Cohere's is
                answered by the client's own model.
            top_n: The number kept at most.

        Raises:
            InvalidInputError: An empty query, or a document that is no text.
            NoScoresError: The stage only orders.
            UnknownModelError: `model` is neither.
        """
        stage = self._answering(model)
        return _answer(stage, stage(_ranking(query, documents, None)), top_n, False)


class AsyncClientV2(_Rerankers):
    """`rerank` as `cohere.AsyncClientV2` has it; see `ClientV2`.

    Args:
        model: A stage or a model string.
    """

    @hint_keywords(_IN_CALLS)
    async def rerank(
        self, *, query: str, documents: Sequence[str], model: str | None = None,
        top_n: int | None = None,
    ) -> RerankAnswer:  # fmt: skip
        """Like `ClientV2.rerank`, without blocking the event loop."""
        stage = self._answering(model)
        ranking = await stage.acall(_ranking(query, documents, None))
        return _answer(stage, ranking, top_n, False)


class Client(_Rerankers):
    """`rerank` as the older `cohere.Client` has it: documents may be dicts, and may come back.

    Args:
        model: See `ClientV2`.
    """

    @hint_keywords(_IN_CALLS)
    def rerank(
        self, *, query: str, documents: Sequence[str | Mapping[str, Any]], model: str | None = None,
        top_n: int | None = None, rank_fields: Sequence[str] | None = None,
        return_documents: bool | None = None,
    ) -> RerankAnswer:  # fmt: skip
        """See `ClientV2.rerank`.

        Args:
            query: What was asked.
            documents: Texts, or dicts with a ``text``.
            model: See `ClientV2.rerank`.
            top_n: The number kept at most.
            rank_fields: Fields of the dicts that are read instead of ``text``, a line for each.
            return_documents: Whether the documents come back, as dicts.
        """
        stage = self._answering(model)
        ranking = stage(_ranking(query, documents, rank_fields))
        return _answer(stage, ranking, top_n, bool(return_documents))


def _ranking(query: str, documents: Any, fields: Sequence[str] | None) -> Ranking:
    if not isinstance(documents, list | tuple):
        raise InvalidInputError(f"documents is {shown(documents)}; pass a list of texts")
    return Ranking.of(query, [_candidate(d, i, fields) for i, d in enumerate(documents)])


def _candidate(document: Any, position: int, fields: Sequence[str] | None) -> Candidate:
    text = document
    if isinstance(document, Mapping):
        wanted = fields or ("text",)
        missing = [name for name in wanted if name not in document]
        if missing:
            raise InvalidInputError(f"document {position} has no field {missing[0]!r}")
        lines = (f"{name}: {document[name]}" for name in wanted)
        text = "\n".join(lines) if fields else document["text"]
    if not isinstance(text, str):
        raise InvalidInputError(f"document {position} is {shown(document)}; pass a string")
    return Candidate(str(position), text, payload=document)


def _answer(
    stage: Stage, ranking: Ranking, top_n: int | None, with_documents: bool
) -> RerankAnswer:
    if len(ranking) and ranking.scale == "order":
        raise no_scores(stage, ranking)
    kept = None if top_n is None else whole_number(top_n, "top_n")
    scores = ranking.scores if len(ranking) else []
    results = [
        RerankedItem(index, score, _returned(c) if with_documents else None)
        for index, score, c in zip(ranking.indices, scores, ranking, strict=True)
    ]
    return RerankAnswer(str(uuid.uuid4()), results[:kept], ranking)


def _returned(candidate: Candidate) -> dict[str, Any]:
    given = candidate.payload
    return dict(given) if isinstance(given, Mapping) else {"text": candidate.text}
