"""Inside langchain-classic's retrievers and compressors."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import (
    CrossEncoderReranker,
    DocumentCompressorPipeline,
)
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_secondpass import SecondPassCrossEncoder, SecondPassRerank

from secondpass import NotCalibratedError, Stage


class _Fixed(BaseRetriever):
    documents: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.documents


class _Upper(BaseDocumentTransformer):
    def transform_documents(self, documents: Any, **kwargs: Any) -> list[Document]:
        return [d.model_copy(update={"page_content": d.page_content.upper()}) for d in documents]


def _compressed(compressor: Any, documents: list[Document]) -> ContextualCompressionRetriever:
    return ContextualCompressionRetriever(
        base_compressor=compressor, base_retriever=_Fixed(documents=documents)
    )


async def _asked(retriever: BaseRetriever, way: str, query: str, **config: Any) -> list[Document]:
    if way == "sync":
        return retriever.invoke(query, config)  # type: ignore[arg-type]
    return await retriever.ainvoke(query, config)  # type: ignore[arg-type]


both = pytest.mark.parametrize("way", ["sync", "async"])


@both
async def test_a_compressed_retriever(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    retriever = _compressed(SecondPassRerank(model=raw, top_n=2), documents)
    done = await _asked(retriever, way, query)
    assert [(d.id, d.metadata["relevance_score"]) for d in done] == [("doc-3", 6.0), ("doc-1", 3.0)]


@both
async def test_no_documents(query: str, raw: Stage, way: str) -> None:
    assert await _asked(_compressed(SecondPassRerank(model=raw), []), way, query) == []


@both
async def test_the_rerank_step_is_visible_in_traces(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    """Other compressors leave two retriever runs in the trace and none of their own."""
    seen = RunCollectorCallbackHandler()
    retriever = _compressed(SecondPassRerank(model=raw, top_n=2), documents)
    done = await _asked(retriever, way, query, callbacks=[seen])
    (root,) = seen.traced_runs
    assert [(r.name, r.run_type) for r in root.child_runs] == [
        ("_Fixed", "retriever"),
        ("SecondPassRerank", "chain"),
    ]
    rerank = root.child_runs[1]
    assert rerank.inputs == {"query": query, "documents": documents}
    assert rerank.outputs == {"output": done}


@both
async def test_an_error_stands_in_the_trace(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    seen = RunCollectorCallbackHandler()
    retriever = _compressed(SecondPassRerank(model=raw, threshold=0.5), documents)
    with pytest.raises(NotCalibratedError):
        await _asked(retriever, way, query, callbacks=[seen])
    assert "NotCalibratedError" in (seen.traced_runs[0].child_runs[1].error or "")


@both
async def test_in_a_compressor_pipeline(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    seen = RunCollectorCallbackHandler()
    steps: list[Any] = [
        SecondPassRerank(model=raw, top_n=3),
        _Upper(),
        SecondPassRerank(model=raw, top_n=2),
    ]
    retriever = _compressed(DocumentCompressorPipeline(transformers=steps), documents)
    done = await _asked(retriever, way, query, callbacks=[seen])
    assert [d.page_content for d in done] == [
        "HOW DO I READ A FILE AT ONCE",
        "READ A FILE LINE BY LINE",
    ]
    names = [r.name for r in seen.traced_runs[0].child_runs]
    assert names.count("SecondPassRerank") == 2, "the pipeline passes its callbacks on"


def test_a_compressor_pipeline_that_has_nothing_left(
    documents: list[Document], query: str, raw: Stage
) -> None:
    steps: list[Any] = [SecondPassRerank(model=raw, top_n=0), SecondPassRerank(model=raw)]
    pipeline = DocumentCompressorPipeline(transformers=steps)
    assert pipeline.compress_documents(documents, query) == []


@both
async def test_our_model_in_their_cross_encoder_reranker(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    reranker = CrossEncoderReranker(model=SecondPassCrossEncoder(raw), top_n=2)
    done = await _asked(_compressed(reranker, documents), way, query)
    assert [d.id for d in done] == ["doc-3", "doc-1"]


def test_in_a_rag_chain(documents: list[Document], query: str, raw: Stage) -> None:
    rerank = SecondPassRerank(model=raw, top_n=1).as_runnable()
    prompt = ChatPromptTemplate.from_template("{documents}\n\n{query}")
    seen = RunCollectorCallbackHandler()
    chain = (
        {"query": RunnablePassthrough(), "documents": _Fixed(documents=documents)}
        | RunnablePassthrough.assign(
            documents=rerank | (lambda docs: "\n".join(d.page_content for d in docs))
        )
        | prompt
        | FakeListChatModel(responses=["like this"])
        | StrOutputParser()
    )
    assert chain.invoke(query, {"callbacks": [seen]}) == "like this"
    asked = next(r for r in seen.traced_runs[0].child_runs if r.run_type == "prompt").inputs
    assert asked == {"query": query, "documents": "how do I read a file at once"}
