"""With the model that ships inside secondpass: no download, no network."""

from __future__ import annotations

import copy
import json
import pickle
from importlib.resources import files

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_secondpass import SecondPassCrossEncoder, SecondPassRerank

from secondpass import NotCalibratedError

FOLDER = files("secondpass.models") / "builtin"
pytestmark = pytest.mark.skipif(
    not all((FOLDER / name).is_file() for name in ("model.onnx", "calibrator.json")),
    reason="the built-in model is not in this checkout",
)
QUERY = "How many people live in Berlin?"
DOCUMENTS = [
    Document(id="food", page_content="Berlin is well known for its currywurst and its museums."),
    Document(id="people", page_content="Berlin has a population of 3.5 million people."),
    Document(id="shoes", page_content="These running shoes come in three colours."),
]


@pytest.fixture(scope="module")
def rerank() -> SecondPassRerank:
    return SecondPassRerank()


def test_two_lines_of_use(rerank: SecondPassRerank) -> None:
    done = rerank.compress_documents(DOCUMENTS, QUERY)
    assert done[0].id == "people"
    assert sorted(d.id or "" for d in done) == ["food", "people", "shoes"]
    for document in done:
        assert document.metadata["secondpass"]["scale"] == "probability"
        assert type(document.metadata["relevance_score"]) is float
        assert 0 <= document.metadata["relevance_score"] <= 1


async def test_async_gives_the_same(rerank: SecondPassRerank) -> None:
    sync = rerank.compress_documents(DOCUMENTS, QUERY)
    assert await rerank.acompress_documents(DOCUMENTS, QUERY) == sync


def test_a_threshold_keeps_what_is_relevant(rerank: SecondPassRerank) -> None:
    scores = [d.metadata["relevance_score"] for d in rerank.compress_documents(DOCUMENTS, QUERY)]
    strict = rerank.model_copy(update={"threshold": (scores[0] + scores[1]) / 2})
    assert [d.id for d in strict.compress_documents(DOCUMENTS, QUERY)] == ["people"]


def test_raw_scores_have_no_threshold() -> None:
    raw = SecondPassRerank(model="builtin:raw", threshold=0.5)
    with pytest.raises(NotCalibratedError):
        raw.compress_documents(DOCUMENTS, QUERY)


def test_in_a_compressed_retriever(rerank: SecondPassRerank) -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=rerank.model_copy(update={"top_n": 1}),
        base_retriever=RunnableLambda(lambda q: DOCUMENTS),
    )
    assert [d.id for d in retriever.invoke(QUERY)] == ["people"]


def test_the_cross_encoder_gives_the_same_scores(rerank: SecondPassRerank) -> None:
    encoder = SecondPassCrossEncoder(rerank.model)
    scores = encoder.score([(QUERY, d.page_content) for d in DOCUMENTS])
    done = rerank.compress_documents(DOCUMENTS, QUERY)
    known = {d.id: d.metadata["relevance_score"] for d in done}
    assert scores == pytest.approx([known[d.id] for d in DOCUMENTS], abs=1e-6)


def test_it_can_be_dumped_pickled_and_copied(rerank: SecondPassRerank) -> None:
    expected = rerank.compress_documents(DOCUMENTS, QUERY)
    dumped = json.loads(rerank.model_dump_json())
    for again in (
        SecondPassRerank(**dumped),
        pickle.loads(pickle.dumps(rerank)),
        copy.deepcopy(rerank),
    ):
        done = again.compress_documents(DOCUMENTS, QUERY)
        assert [d.id for d in done] == [d.id for d in expected]
        assert again.model_dump() == dumped
