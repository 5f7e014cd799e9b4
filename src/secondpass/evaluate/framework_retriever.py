"""LlamaIndex and LangChain retrievers, known by their methods: neither framework is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.short_repr import short_repr
from secondpass.evaluate.collection import Collection, Qrels
from secondpass.evaluate.collection_builder import collected

Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


@runtime_checkable
class Retrieves(Protocol):
    """LlamaIndex's way: nodes with scores for a query."""

    def retrieve(self, query: str, /) -> Any: ...


@runtime_checkable
class Invokes(Protocol):
    """LangChain's way: documents for a query."""

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
        id_from: The metadata field whose value the judgements call the document by. If None it is
            the node's `node_id`, or the document's `id`. Where several chunks of one document
            come, the best counts.

    Raises:
        InvalidInputError: `source` has neither method.
    """

    source: Retrieves | Invokes
    name: str = ""
    id_from: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.source, Retrieves | Invokes):
            raise InvalidInputError(
                f"{self.source!r} is no retriever: it has neither retrieve(query) nor invoke(query)"
            )
        if not self.name:
            object.__setattr__(self, "name", type(self.source).__name__)

    def __call__(self, query: str) -> Ranking:
        """What it finds, in its order; its scores go to the trail, its objects to the payload.

        Raises:
            InvalidInputError: It returns something that is neither nodes nor documents, or one
                without the id asked for.
        """
        ask = self.source.retrieve if isinstance(self.source, Retrieves) else self.source.invoke
        found = ask(query)
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise InvalidInputError(
                f"{self.name} returned {type(found).__name__} for {query!r}, not a list"
            )
        best: dict[str, Candidate] = {}
        for item in found:
            made = self._candidate(item)
            best.setdefault(made.id, made)
        ranking = Ranking.of(query, best.values(), source=self.name)
        repeated = len(found) - len(best)
        if repeated:
            message = f"{repeated} of {len(found)} were further chunks of documents above them"
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
            wanted = "an id" if self.id_from is None else f"the metadata field {self.id_from!r}"
            raise InvalidInputError(
                f"{self.name} returned a document without {wanted} (its metadata has "
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
    """A collection whose first stage is a retriever, asked here for every judged query.

    Args:
        retriever: A `FrameworkRetriever`, or a LlamaIndex or LangChain retriever as it is.
        queries: Texts by id.
        qrels: Grades by query and document id, such as `read_qrels` gives.
        id_from: See `FrameworkRetriever`.
        depth: Candidates of each query at most; all that come if None.
        relevant_from: See `Collection`.
        on_progress: Called after each query.

    Raises:
        InvalidInputError: See `FrameworkRetriever`; or nothing that it found is judged for any
            query, which means that its ids are not those of the judgements.
    """
    asked = as_retriever(retriever, id_from)
    wanted = [q for q in queries if q in qrels]
    rankings: dict[str, Ranking] = {}
    for done, q in enumerate(wanted, start=1):
        found = asked(queries[q])
        rankings[q] = found if depth is None else found.head(depth)
        if on_progress is not None:
            on_progress(done, len(wanted))
    check_ids(asked.name, rankings, qrels)
    repeated = sum(any(e.kind == "repeated" for e in r.events) for r in rankings.values())
    notes = [f"several chunks of one document for {repeated} queries; the best counts"]
    lists = {q: r.candidates for q, r in rankings.items()}
    return collected(
        asked.name,
        queries,
        qrels,
        lists,
        relevant_from=relevant_from,
        notes=notes if repeated else [],
        source=asked.name,
    )


def as_retriever(retriever: Any, id_from: str | None = None) -> FrameworkRetriever:
    """A `FrameworkRetriever` from one, or from a framework's own."""
    made = retriever if isinstance(retriever, FrameworkRetriever) else FrameworkRetriever(retriever)
    if id_from is None or made.id_from == id_from:
        return made
    return FrameworkRetriever(made.source, made.name, id_from)


def check_ids(name: str, rankings: Mapping[str, Ranking], qrels: Qrels) -> None:
    """Raise if nothing of all that was found is judged, for any query."""
    found = [c.id for r in rankings.values() for c in r]
    judged = {doc for grades in qrels.values() for doc in grades}
    if found and judged.isdisjoint(found):
        some = next(doc for q in rankings for doc in qrels[q])
        raise InvalidInputError(
            f"nothing that {name} found is judged: its ids are like {found[0]!r}, those of the "
            f"judgements like {some!r}; pass id_from= with the metadata field that has them"
        )
