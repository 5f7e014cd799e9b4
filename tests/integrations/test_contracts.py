"""What every adapter holds, see `secondpass.testing.adapter_kit`, asked of each integration.

`without` says of each what its library has no place for. Those that the suite does not fit, since
no list of documents comes back, are named in docs/your-own.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from secondpass import InvalidInputError, Top
from secondpass.integrations import cohere, flashrank, rerankers, sentence_transformers
from secondpass.integrations.results import arerank_results, rerank_results
from secondpass.testing.adapter_kit import AdapterContract, Found, Given, Trace, caught

QUERY = "who wrote Faust?"
STORED = "there is no file format; what is stored is the recipe of the model"
UNTRACED = "it has no tracer"
SYNC = "its calls are not asynchronous"
FROM_STAGE = "its calls have no such option; a stage that cuts is a model: stage >> Threshold(p)"
CUTS = dict.fromkeys(("threshold", "keep_at_least", "deadline"), FROM_STAGE)
NO_METADATA = "its results have no place for it"
NO_RETRIEVAL = "what goes in has no retriever's score"


class TestDSPy(AdapterContract):
    top = "k"
    without: ClassVar = {
        "metadata": "passages come back as they went in; scores and events stand beside them",
        "retrieval scores": NO_RETRIEVAL,
        "storing": "DSPy's files hold what an optimiser learned, and a reranker learns nothing",
    }

    @pytest.fixture(autouse=True)
    def _import(self) -> None:
        self.dspy = pytest.importorskip("dspy")

    def make(self, **options: Any) -> Any:
        from secondpass.integrations.dspy import Rerank

        return Rerank(**options)

    def documents(self, given: Sequence[Given]) -> list[Any]:
        return [self.dspy.Example(long_text=g.text, id=g.id) for g in given]

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker(query=query, passages=documents)

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        return await reranker.acall(query=query, passages=documents)

    def read(self, result: Any) -> list[Found]:
        scores = result.scores or [None] * len(result.passages)
        pairs = zip(result.passages, scores, strict=True)
        return [Found(p.id, p.long_text, None, score) for p, score in pairs]

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        from dspy.utils.callback import BaseCallback

        class Heard(BaseCallback):  # type: ignore[misc]
            spans: ClassVar[list[str]] = []
            events: ClassVar[list[Any]] = []

            def on_module_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
                self.spans.append("module")
                self.events.extend(outputs.events if outputs else [])

        with self.dspy.context(callbacks=[Heard()]):
            error = caught(lambda: reranker(query=query, passages=documents))
        return Trace(Heard.spans, Heard.events, error)


class TestLanceDB(AdapterContract):
    without: ClassVar = {
        "metadata": "rows have typed columns; what happened is in the schema's metadata",
        "retrieval scores": 'return_score="all" keeps the columns _distance and _score',
        "top": "the search has the limit",
        "async": "LanceDB calls rerankers synchronously, in its asynchronous searches too",
        "tracing": UNTRACED,
        "storing": STORED,
    }

    @pytest.fixture(autouse=True)
    def _import(self) -> None:
        pytest.importorskip("lancedb")
        self.arrow = pytest.importorskip("pyarrow")

    def make(self, **options: Any) -> Any:
        from secondpass.integrations.lancedb import SecondPassReranker

        return SecondPassReranker(**options)

    def documents(self, given: Sequence[Given]) -> Any:
        rows = [{"id": g.id, "text": g.text, "_distance": float(i)} for i, g in enumerate(given)]
        names = [("id", self.arrow.string()), ("text", self.arrow.string())]
        schema = self.arrow.schema([*names, ("_distance", self.arrow.float32())])
        return self.arrow.Table.from_pylist(rows, schema)

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker.rerank_vector(query, documents)

    def read(self, result: Any) -> list[Found]:
        return [Found(r["id"], r["text"], None, r["_relevance_score"]) for r in result.to_pylist()]


class TestPydanticAI(AdapterContract):
    top = "top_k"
    added = frozenset({"id", "text", "score"})
    without: ClassVar = {
        "tracing": "its traces have the tool's result, which is what the reranker gave",
        "storing": STORED,
    }

    @pytest.fixture(autouse=True)
    def _import(self) -> None:
        pytest.importorskip("pydantic_ai")

    def make(self, **options: Any) -> Any:
        from secondpass.integrations.pydantic_ai import Reranking

        return Reranking(["search"], **options)

    def documents(self, given: Sequence[Given]) -> list[dict[str, Any]]:
        return _rows(given)

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        with ThreadPoolExecutor(1) as thread:  # an agent's run_sync wants a thread without a loop
            return thread.submit(asyncio.run, self.arun(reranker, query, documents)).result()

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        from pydantic_ai import Agent
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import FunctionModel

        def search(query: str) -> Any:
            return documents

        def answer(messages: Any, info: Any) -> Any:
            called = any(p.part_kind == "tool-return" for m in messages for p in m.parts)
            part = TextPart("done") if called else ToolCallPart("search", {"query": query})
            return ModelResponse(parts=[part])

        agent = Agent(FunctionModel(answer), tools=[search], capabilities=[reranker])
        parts = [p for m in (await agent.run("?")).all_messages() for p in m.parts]
        (found,) = [p.content for p in parts if p.part_kind == "tool-return"]
        return found

    def read(self, result: Any) -> list[Found]:
        return _of_rows(result)


class Databases(AdapterContract):
    """`rerank_results` with what one database returns; each call has its options."""

    top = "top_k"
    without: ClassVar = {"tracing": UNTRACED, "storing": STORED}

    def make(self, **options: Any) -> Any:
        rerank_results(QUERY, [], **{**options, "model": Top(1)})  # what it says of options
        return options

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return rerank_results(query, documents, **reranker)

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        return await arerank_results(query, documents, **reranker)


class TestRows(Databases):
    added = frozenset({"id", "text", "score"})

    def documents(self, given: Sequence[Given]) -> Any:
        return _rows(given)

    def read(self, result: Any) -> list[Found]:
        return _of_rows(result)


class TestChroma(Databases):
    without: ClassVar = {
        **Databases.without,
        "retrieval scores": "it has distances, for all or for none; see test_results.py",
    }

    def documents(self, given: Sequence[Given]) -> Any:
        return {
            "ids": [[g.id for g in given]],
            "documents": [[g.text for g in given]],
            "metadatas": [[dict(g.metadata) for g in given]],
            "distances": None,
        }

    def read(self, result: Any) -> list[Found]:
        columns = (result[name][0] for name in ("ids", "documents", "metadatas"))
        return [
            Found(id, text, metadata, metadata["secondpass"]["score"])
            for id, text, metadata in zip(*columns, strict=True)
        ]


class TestQdrant(Databases):
    added = frozenset({"text"})

    def documents(self, given: Sequence[Given]) -> Any:
        models = pytest.importorskip("qdrant_client.http.models")
        return models.QueryResponse.model_construct(
            points=[
                models.ScoredPoint.model_construct(
                    id=g.id, version=1, score=g.score, payload={"text": g.text, **g.metadata}
                )
                for g in given
            ]
        )

    def read(self, result: Any) -> list[Found]:
        return [
            Found(p.id, p.payload["text"], p.payload, p.payload["secondpass"]["score"])
            for p in result.points
        ]


class TestElasticsearch(Databases):
    """A hit's own keys, such as its highlight, are what stays beside the details."""

    added = frozenset({"_id", "_score", "_source"})

    def documents(self, given: Sequence[Given]) -> Any:
        hits = [
            {"_id": g.id, "_score": g.score, "_source": {"text": g.text}, **g.metadata}
            for g in given
        ]
        return {"hits": {"hits": hits}}

    def read(self, result: Any) -> list[Found]:
        return [
            Found(h["_id"], h["_source"]["text"], h, h["secondpass"]["score"])
            for h in result["hits"]["hits"]
        ]


class TestPyTerrier(AdapterContract):
    foreign: ClassVar = {"device": "cuda", "batch_size": 4, "model_name": "x"}
    without: ClassVar = {
        **CUTS,
        "top": "its operator for that is %",
        "metadata": "columns stay; of what happened only secondpass_scale is told",
        "retrieval scores": "the column score has the new ones",
        "async": SYNC,
        "tracing": UNTRACED,
        "storing": STORED,
    }

    @pytest.fixture(autouse=True)
    def _import(self) -> None:
        pytest.importorskip("pyterrier")

    def make(self, **options: Any) -> Any:
        from secondpass.integrations.pyterrier import RerankTransformer

        return RerankTransformer(**options)

    def documents(self, given: Sequence[Given]) -> Any:
        import pandas as pd

        columns = ["qid", "docno", "text", "score"]
        return pd.DataFrame([("1", g.id, g.text, g.score) for g in given], columns=columns)

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        import pandas as pd

        if isinstance(documents, pd.DataFrame):
            documents = documents.assign(query=query)
        return reranker(documents)

    def read(self, result: Any) -> list[Found]:
        return [
            Found(r.docno, r.text, None, None if r.secondpass_scale == "order" else r.score)
            for r in result.itertuples()
        ]

    def equal(self, documents: Any, others: Any) -> bool:
        return bool(documents.equals(others))

    def test_what_is_no_document_is_refused(self) -> None:
        with pytest.raises(KeyError, match="columns"):  # by PyTerrier itself
            self.run(self.make(model="bm25"), QUERY, [object()])

    def test_equal_documents_stay_apart(self) -> None:
        """A run has each document once, and evaluators count on it."""
        given = [Given("x", "a file"), Given("x", "read a file")]
        with pytest.raises(InvalidInputError, match="'x'"):
            self.rerank(given, model="bm25")


class TestFlashRank(AdapterContract):
    foreign: ClassVar = {"device": "cuda", "batch_size": 4, "score_threshold": 0.5}
    without: ClassVar = {
        **CUTS,
        "top": FROM_STAGE,
        "metadata": NO_METADATA,
        "retrieval scores": "theirs replaces it too",
        "async": SYNC,
        "tracing": UNTRACED,
        "storing": STORED,
    }

    def make(self, model: Any = "builtin", **options: Any) -> Any:
        return flashrank.Ranker(model, **options)

    def documents(self, given: Sequence[Given]) -> Any:
        return [{"id": g.id, "text": g.text, "meta": dict(g.metadata)} for g in given]

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker.rerank(flashrank.RerankRequest(query, documents))

    def read(self, result: Any) -> list[Found]:
        return [Found(p["id"], p["text"], None, p.get("score")) for p in result]


class TestRerankers(AdapterContract):
    foreign: ClassVar = {"device": "cuda", "batch_size": 4, "score_threshold": 0.5}
    without: ClassVar = {
        **CUTS,
        "top": "its results have top_k(k)",
        "metadata": "what happened is in results.ranking",
        "retrieval scores": NO_RETRIEVAL,
        "tracing": UNTRACED,
        "storing": STORED,
    }

    def make(self, model: Any = "builtin", **options: Any) -> Any:
        return rerankers.Reranker(model, **options)

    def documents(self, given: Sequence[Given]) -> Any:
        return [rerankers.Document(g.text, g.id, dict(g.metadata)) for g in given]

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker.rank(query, documents)

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        return await reranker.rank_async(query, documents)

    def read(self, result: Any) -> list[Found]:
        return [Found(r.doc_id, r.text, None, r.score) for r in result]


class ByIndex(AdapterContract):
    """Texts go in, and numbers come out: an index and a score of each; options are the call's."""

    without: ClassVar = {
        **CUTS,
        "ids": "an index says which it is",
        "metadata": NO_METADATA,
        "retrieval scores": NO_RETRIEVAL,
        "orders": "a number is promised for each",
        "tracing": UNTRACED,
        "storing": STORED,
    }

    def documents(self, given: Sequence[Given]) -> Any:
        return [g.text for g in given]

    def read(self, result: Any) -> list[Found]:
        return [Found(None, text, None, score) for text, score in result]


class TestCohere(ByIndex):
    def make(self, model: Any = "builtin", **options: Any) -> Any:
        client = cohere.ClientV2(model)
        cohere.ClientV2(Top(1)).rerank(query=QUERY, documents=[], **options)
        return client, options

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        client, options = reranker
        answer = client.rerank(query=query, documents=documents, model="rerank-v4.0", **options)
        return [(documents[r.index], r.relevance_score) for r in answer.results]

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        client = cohere.AsyncClientV2(reranker[0].stage)
        answer = await client.rerank(query=query, documents=documents, **reranker[1])
        return [(documents[r.index], r.relevance_score) for r in answer.results]


class TestCrossEncoder(ByIndex):
    top = "top_k"
    foreign: ClassVar = {"score_threshold": 0.5, "model_name": "x"}
    without: ClassVar = {**ByIndex.without, "async": SYNC}

    def make(self, model: Any = "builtin", **options: Any) -> Any:
        encoder = sentence_transformers.CrossEncoder(model)
        sentence_transformers.CrossEncoder(Top(1)).rank(QUERY, [], **options)
        return encoder, options

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        encoder, options = reranker
        found = encoder.rank(query, documents, **options)
        return [(documents[r["corpus_id"]], r["score"]) for r in found]


def _rows(given: Sequence[Given]) -> list[dict[str, Any]]:
    return [{"id": g.id, "text": g.text, "score": g.score, **g.metadata} for g in given]


def _of_rows(rows: Any) -> list[Found]:
    return [Found(r["id"], r["text"], r, r["secondpass"]["score"]) for r in rows]
