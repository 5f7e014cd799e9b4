from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from secondpass import InvalidInputError, Score
from secondpass.evaluate import FrameworkRetriever, collection_from_retriever, compare, evaluate
from secondpass.testing import FakeScorer

TEXTS = {"a": "cats purr", "b": "dogs bark", "c": "cats and dogs"}
QUERIES = {"1": "cats purr", "2": "dogs bark"}
QRELS = {"1": {"a": 1}, "2": {"b": 1}}


@dataclass
class Document:
    page_content: str
    id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class Invoked:
    """Finds all, in the same order for every query."""

    def __init__(self, *found: Document) -> None:
        self.found = found or tuple(Document(t, d) for d, t in reversed(TEXTS.items()))

    def invoke(self, query: str) -> list[Document]:
        return list(self.found)


def test_a_first_stage_from_a_retriever() -> None:
    seen: list[tuple[int, int]] = []
    c = collection_from_retriever(
        Invoked(), {**QUERIES, "3": "not judged"}, QRELS, depth=2,
        on_progress=lambda a, b: seen.append((a, b)),
    )  # fmt: skip
    assert [t.ranking.ids for t in c] == [["c", "b"], ["c", "b"]]
    assert c[0].ranking[0].payload.page_content == "cats and dogs"
    assert c.notes == ("1 of 3 queries have no judgements and were left out",)
    assert seen == [(1, 2), (2, 2)]


def test_llama_index_and_langchain_themselves() -> None:
    schema = pytest.importorskip("llama_index.core.schema")
    core = pytest.importorskip("llama_index.core.retrievers")
    chain = pytest.importorskip("langchain_core.retrievers")
    documents = pytest.importorskip("langchain_core.documents")

    class Llama(core.BaseRetriever):  # type: ignore[misc,name-defined]
        def _retrieve(self, query_bundle: Any) -> list[Any]:
            return [
                schema.NodeWithScore(node=schema.TextNode(text=t, id_=d), score=0.5)
                for d, t in TEXTS.items()
            ]

    class Chain(chain.BaseRetriever):  # type: ignore[misc,name-defined]
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Any]:
            return [documents.Document(page_content=t, id=d) for d, t in TEXTS.items()]

    for source in (Llama(), Chain()):
        c = collection_from_retriever(source, QUERIES, QRELS)
        assert [t.ranking.ids for t in c] == [["a", "b", "c"]] * 2
        assert [cand.text for cand in c[0].ranking] == list(TEXTS.values())
        done = evaluate(source, c, "RR@10")
        assert done.means == {"RR@10": 0.75}
        assert done.name == type(source).__name__
    assert collection_from_retriever(Llama(), QUERIES, QRELS)[0].ranking[0].trail[0].score == 0.5


def test_chunks_count_as_their_document() -> None:
    chunks = [Document(f"{d} {i}", f"{d}-{i}", {"doc": d}) for i in range(2) for d in TEXTS]
    c = collection_from_retriever(Invoked(*chunks), QUERIES, QRELS, id_from="doc")
    assert c[0].ranking.ids == ["a", "b", "c"]
    assert c.notes == ("several chunks of one document for 2 queries; the best counts",)
    done = evaluate(FrameworkRetriever(Invoked(*chunks), "chunks", id_from="doc"), c)
    assert done.events == {"repeated": 2}


def test_ids_that_are_not_those_of_the_judgements() -> None:
    chunks = Invoked(Document("x", "uuid-1", {"doc": "a"}))
    with pytest.raises(InvalidInputError, match=r"ids are like 'uuid-1', .* like 'a'; pass id_fr"):
        collection_from_retriever(chunks, QUERIES, QRELS)
    c = collection_from_retriever(chunks, QUERIES, QRELS, id_from="doc")
    with pytest.raises(InvalidInputError, match="nothing that Invoked found is judged"):
        evaluate(chunks, c)
    for source, field_, message in (
        (Invoked(Document("x")), None, "without an id"),
        (chunks, "url", "without the metadata field 'url' .its metadata has doc"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            collection_from_retriever(source, QUERIES, QRELS, id_from=field_)


def test_things_that_are_not_retrievers() -> None:
    class Wrong:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        def invoke(self, query: str) -> object:
            return self.answer

    for answer, message in (("text", "returned str"), ([3], "returned int, which is neither")):
        with pytest.raises(InvalidInputError, match=message):
            collection_from_retriever(Wrong(answer), QUERIES, QRELS)
    with pytest.raises(InvalidInputError, match="neither retrieve"):
        FrameworkRetriever(object())  # type: ignore[arg-type]


def test_a_contender_with_candidates_of_its_own_is_said_to_have_them() -> None:
    c = collection_from_retriever(
        Invoked(), QUERIES, {"1": {"a": 1, "c": 0}, "2": {"b": 1}}, depth=1
    )
    end_to_end = FrameworkRetriever(Invoked(), "engine")
    compared = compare(c, None, {"engine": end_to_end, "reranker": Score(FakeScorer())})
    assert any("engine brings candidates of its own for 2 of 2" in n for n in compared.notes)
    assert not any("reranker brings" in n for n in compared.notes)
    # the headroom of the candidates binds the reranker only
    assert compared.headroom.ideal == 0
    assert "the best here reaches 0.000" in compared.limit
