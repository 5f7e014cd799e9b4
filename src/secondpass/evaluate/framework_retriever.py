"""LlamaIndex and LangChain retrievers, recognised by their methods; neither is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.evaluate.collection import Collection, Qrels, build_collection

Progress = Callable[[int, int], None]
"""Called with the number done and the number of all."""


@runtime_checkable
class Retrieves(Protocol):
    """LlamaIndex's retrievers: nodes with scores for a query."""

    def retrieve(self, query: str, /) -> Any: ...


@runtime_checkable
class Invokes(Protocol):
    """LangChain's retrievers: documents for a query."""

    def invoke(self, query: str, /) -> Any: ...


@short_repr
@dataclass(frozen=True, slots=True)
class FrameworkRetriever:
    """A retriever of another framework as something that can be evaluated.

    Use it as a first stage (`collection_from_retriever`), or as a contender that brings its own
    candidates, such as a query engine's retriever with a reranker inside (`evaluate`, `compare`).

    Attributes:
        source: Has `retrieve(query)` and returns nodes, or `invoke(query)` and returns documents.
        name: For tables; the class's name if empty.
        id_from: The metadata field that holds the document's id in the judgements. If None, the
            node's `node_id` or the document's `id` is used. Of several chunks of one document
            the best counts.

    Raises:
        InvalidInputError: `source` has neither method.
    """

    source: Retrieves | Invokes
    name: str = ""
    id_from: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.source, Retrieves | Invokes):
            raise InvalidInputError(
                f"{self.source!r} is not a retriever: it has neither retrieve(query) nor "
                "invoke(query)"
            )
        if not self.name:
            object.__setattr__(self, "name", type(self.source).__name__)

    def __call__(self, query: str) -> Ranking:
        """What it finds, in its order; its scores go to the trail, its objects to the payload.

        Raises:
            InvalidInputError: It returns something that is neither nodes nor documents, or one
                without the id wanted.
        """
        if isinstance(self.source, Retrieves):
            items = self.source.retrieve(query)
        else:
            items = self.source.invoke(query)
        if not isinstance(items, Sequence) or isinstance(items, str):
            raise InvalidInputError(
                f"{self.name} returned {type(items).__name__} for {query!r}, not a list"
            )
        best: dict[str, Candidate] = {}
        for item in items:
            candidate = self._candidate(item)
            best.setdefault(candidate.id, candidate)
        ranking = Ranking.of(query, best.values(), source=self.name)
        repeated = len(items) - len(best)
        if repeated:
            message = f"{repeated} of {len(items)} were further chunks of documents above them"
            ranking = ranking.with_event(self.name, "repeated", message)
        return ranking

    def _candidate(self, item: Any) -> Candidate:
        node = getattr(item, "node", item)
        if hasattr(node, "get_content"):
            text, id = node.get_content(), getattr(node, "node_id", None)
        elif hasattr(node, "page_content"):
            text, id = node.page_content, getattr(node, "id", None)
        else:
            raise InvalidInputError(
                f"{self.name} returned {type(item).__name__}, which is neither a node (with "
                "get_content) nor a document (with page_content)"
            )
        metadata = dict(getattr(node, "metadata", None) or {})
        if self.id_from is not None:
            id = metadata.get(self.id_from)
        if id is None:
            missing = "an id" if self.id_from is None else f"the metadata field {self.id_from!r}"
            raise InvalidInputError(
                f"{self.name} returned a document without {missing} (its metadata has "
                f"{', '.join(sorted(metadata)) or 'nothing'}), so judgements cannot be matched; "
                "pass id_from="
            )
        score = getattr(item, "score", None)
        return Candidate(
            str(id), text, metadata, None if score is None else float(score), payload=item
        )


def collection_from_retriever(
    retriever: FrameworkRetriever | Retrieves | Invokes,
    queries: Mapping[str, str],
    qrels: Qrels,
    *,
    id_from: str | None = None,
    depth: int | None = None,
    relevant_from: int = 1,
    on_progress: Progress | None = None,
) -> Collection:
    """A collection whose first stage is a retriever, run here on every judged query.

    Args:
        retriever: A `FrameworkRetriever`, or a LlamaIndex or LangChain retriever as it is.
        queries: Texts by id.
        qrels: Grades by query and document id, such as `read_qrels` gives.
        id_from: See `FrameworkRetriever`.
        depth: Candidates of each query at most; all that it returns if None.
        relevant_from: See `Collection`.
        on_progress: Called after each query.

    Raises:
        InvalidInputError: See `FrameworkRetriever`; or nothing that it found is judged for any
            query, which means that its ids are not those of the judgements.
    """
    source = retriever
    if not isinstance(source, FrameworkRetriever):
        source = FrameworkRetriever(source, id_from=id_from)
    elif id_from is not None:
        source = replace(source, id_from=id_from)
    judged = [q for q in queries if q in qrels]
    rankings: dict[str, Ranking] = {}
    for done, q in enumerate(judged, start=1):
        ranking = source(queries[q])
        rankings[q] = ranking if depth is None else ranking.head(depth)
        if on_progress is not None:
            on_progress(done, len(judged))
    check_ids(source.name, rankings, qrels)
    repeated = sum(any(e.kind == "repeated" for e in r.events) for r in rankings.values())
    notes = [f"several chunks of one document for {repeated} queries; the best counts"]
    return build_collection(
        source.name,
        queries,
        qrels,
        {q: r.candidates for q, r in rankings.items()},
        relevant_from=relevant_from,
        notes=notes if repeated else [],
        source=source.name,
    )


def check_ids(name: str, rankings: Mapping[str, Ranking], qrels: Qrels) -> None:
    """Raise if no document that was retrieved, for any query, is judged."""
    retrieved = [c.id for r in rankings.values() for c in r]
    judged = {doc for grades in qrels.values() for doc in grades}
    if retrieved and judged.isdisjoint(retrieved):
        example = next(doc for q in rankings for doc in qrels[q])
        raise InvalidInputError(
            f"nothing that {name} found is judged: its ids are like {retrieved[0]!r}, those of the "
            f"judgements like {example!r}; pass id_from= with the metadata field that has them"
        )
