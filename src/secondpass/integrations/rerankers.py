"""Any stage with the methods of rerankers' rankers, and its results.

    from secondpass.integrations.rerankers import Reranker

    ranker = Reranker("builtin")
    results = ranker.rank("who wrote Faust?", ["Cats sleep.", "Goethe wrote Faust."])
    results.top_k(1)[0].document.text

Written for rerankers 0.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, UnknownModelError, shown
from secondpass.core.ranking import Ranking
from secondpass.integrations.pair_scores import scored, stage_named
from secondpass.models.load import ModelLike
from secondpass.stages.cut import whole_number

Id = str | int
_ELSEWHERE = dict.fromkeys(
    ("device", "dtype", "batch_size", "model_kwargs", "tokenizer_kwargs", "api_key", "base_url"),
    'load the model with it: Reranker(load("cross-encoder:...", options={"KEYWORD": ...}))',
) | {
    "lang": "name a model that reads the language",
    "verbose": "leave it out; nothing is printed",
    "api_provider": "name the model with its provider, such as 'cohere:rerank-v4.0-pro'",
}
_FAMILIES = {
    "cross-encoder": "cross-encoder:OWNER/MODEL", "flashrank": "builtin", "colbert":
    "late-interaction:OWNER/MODEL", "rankgpt": "judge:MODEL", "cohere": "cohere:MODEL", "jina":
    "jina:MODEL", "voyage": "voyage:MODEL",
}  # fmt: skip


@dataclass
class Document:
    """A text with an id and metadata.

    Attributes:
        text: What models read.
        doc_id: Any string or number.
        metadata: Anything.
    """

    text: str
    doc_id: Id | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """A document, its score and its rank.

    Attributes:
        document: As it went in, or made of the text that did.
        score: None where the model only orders.
        rank: 1 is best.

    Raises:
        InvalidInputError: Neither a score nor a rank.
    """

    document: Any
    score: float | None = None
    rank: int | None = None

    def __post_init__(self) -> None:
        if self.score is None and self.rank is None:
            raise InvalidInputError("Either score or rank must be provided.")

    @property
    def text(self) -> str:
        """Of the document."""
        return str(self.document.text)

    @property
    def doc_id(self) -> Id | None:
        """Of the document."""
        found: Id | None = self.document.doc_id
        return found

    @property
    def metadata(self) -> dict[str, Any]:
        """Of the document."""
        found: dict[str, Any] = self.document.metadata
        return found

    def __getattr__(self, name: str) -> Any:
        if name in ("document", "__setstate__"):  # while it is copied or unpickled
            raise AttributeError(name)
        metadata = getattr(self.document, "metadata", None) or {}
        if name in metadata:
            return metadata[name]
        return getattr(self.document, name)


@dataclass
class RankedResults:
    """Results, best first.

    Attributes:
        results: Best first.
        query: What was asked.
        has_scores: Whether the model gives scores.
        ranking: The same as a `Ranking`, with its scale and its events, which rerankers lacks;
            None in results that you made yourself.
    """

    results: list[Result]
    query: str
    has_scores: bool = False
    ranking: Ranking | None = None

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def results_count(self) -> int:
        """The number of results."""
        return len(self.results)

    def top_k(self, k: int) -> list[Result]:
        """The best k: by score where there are scores, else by rank."""
        kept = whole_number(k, "k")
        return sorted(self.results, key=self._place)[:kept]

    def _place(self, result: Result) -> float:
        if self.has_scores:
            return float("inf") if result.score is None else -result.score
        return float("inf") if result.rank is None else result.rank

    def get_result_by_docid(self, doc_id: Id) -> Result | None:
        """The best result with this id; None if there is none."""
        return next((r for r in self.results if r.document.doc_id == doc_id), None)

    def get_score_by_docid(self, doc_id: Id) -> float | None:
        """Its score; None if there is none."""
        result = self.get_result_by_docid(doc_id)
        return None if result is None else result.score


class Reranker:
    """A ranker of rerankers' kind: any model or stage.

    Args:
        model_name: A stage or a model string; a hub id or a folder of weights is read as
            ``cross-encoder:NAME``, which needs torch.
        model_type: None or "cross-encoder"; any other kind of model has a prefix of its own here.

    Attributes:
        stage: What ranks.

    Raises:
        UnknownModelError: A name that is a kind of model in rerankers; says what to write.
        WrongCallError: An option that belongs elsewhere; says where.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords(_ELSEWHERE)
    def __init__(self, model_name: ModelLike, model_type: str | None = None) -> None:
        kind = model_type if model_type not in (None, "cross-encoder") else model_name
        if isinstance(kind, str) and (kind in _FAMILIES or kind == model_type):
            remedy = _FAMILIES.get(kind, "a model string, see load")
            raise UnknownModelError(f"{kind!r} is a kind of model in rerankers; here: {remedy!r}")
        self.stage = stage_named(model_name, "cross-encoder")

    def __repr__(self) -> str:
        return f"Reranker({self.stage.name})"

    @hint_keywords()
    def rank(
        self,
        query: str,
        docs: Any,
        doc_ids: Sequence[Id] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> RankedResults:
        """Rank documents, best first.

        Args:
            query: What was asked.
            docs: Texts, `Document` objects (rerankers' own too), or one of them.
            doc_ids: One for each; their index, or what the documents have, if None.
            metadata: One for each; what the documents have if None.

        Raises:
            InvalidInputError: An empty query, a document without a text, or the wrong number of
                ids or metadata.
        """
        return _results(self.stage(_ranking(query, docs, doc_ids, metadata)))

    @hint_keywords()
    async def rank_async(
        self,
        query: str,
        docs: Any,
        doc_ids: Sequence[Id] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> RankedResults:
        """Like `rank`, without blocking the event loop."""
        return _results(await self.stage.acall(_ranking(query, docs, doc_ids, metadata)))

    def score(self, query: str, doc: str) -> float:
        """The score of one document.

        Raises:
            NoScoresError: The stage only orders.
            InvalidInputError: An empty query, or a stage that cut the document away.
        """
        ranking = scored(self.stage, Ranking.of(query, [doc]))
        if not len(ranking):
            raise InvalidInputError(f"{self.stage.name!r} cut the document, so it has no score")
        return ranking.scores[0]


def _ranking(query: str, docs: Any, ids: Any, metadata: Any) -> Ranking:
    listed = list(docs) if isinstance(docs, list | tuple) else [docs]
    for name, values in (("doc_ids", ids), ("metadata", metadata)):
        if values is not None and len(values) != len(listed):
            raise InvalidInputError(f"{len(values)} {name} for {len(listed)} documents")
    candidates = []
    for i, doc in enumerate(listed):
        document = Document(doc, i) if isinstance(doc, str) else doc
        if not isinstance(getattr(document, "text", None), str):
            raise InvalidInputError(
                f"document {i} is {shown(doc)}; pass a string, or Document(text, doc_id)"
            )
        if ids is not None or metadata is not None or document.doc_id is None:  # yours stays
            own = i if document.doc_id is None else document.doc_id
            document = Document(
                document.text,
                own if ids is None else ids[i],
                dict((document.metadata if metadata is None else metadata[i]) or {}),
            )
        candidates.append(
            Candidate(str(i), document.text, document.metadata or {}, payload=document)
        )
    return Ranking.of(query, candidates)


def _results(ranking: Ranking) -> RankedResults:
    results = [Result(c.payload, c.score, rank) for rank, c in enumerate(ranking, start=1)]
    return RankedResults(results, ranking.query, ranking.scale != "order", ranking)
