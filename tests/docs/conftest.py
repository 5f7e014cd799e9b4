"""What the pages take for granted: a reader's own index, retriever, labels, models and server.

A page says what it needs in a comment that nobody sees, such as

    <!-- the reader has: index, labels -->

and each word is a function below, which returns names for the page's blocks or writes files into
the folder where they run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from secondpass.core.event import Note
from secondpass.stages.score import Pair
from secondpass.testing import ChatServer, RerankServer

TEXTS = ["Goethe wrote Faust.", "Cats sleep for most of the day."]
Names = dict[str, Any]


@pytest.fixture
def reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leave_no_garbage: None
) -> Iterator[Callable[[str], Names]]:
    """A function from a word to what the reader then has."""
    monkeypatch.chdir(tmp_path)
    with ChatServer() as server, RerankServer() as rerankers:
        monkeypatch.setenv("SECONDPASS_COHERE_URL", rerankers.url)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        yield lambda word: READER[word]()


@pytest.fixture(autouse=True)
def _the_built_in_model_remembers(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages score the same labelled pairs again and again; they are computed once a session.

    The READMEs run as they stand.
    """
    if "README.md" in request.node.name:
        return
    from secondpass.models.builtin.model import Builtin

    real = Builtin.score_with_notes

    def remembered(model: Builtin, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        if model.vectors is not None:  # remembers by itself
            return real(model, pairs)
        known = _KNOWN.setdefault((model.name, model.max_length), {})
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        known.update(zip(new, zip(*real(model, new), strict=True), strict=True))
        if model.on_progress is not None:
            model.on_progress(len(pairs), len(pairs))
        return [known[p][0] for p in pairs], [known[p][1] for p in pairs]

    monkeypatch.setattr(Builtin, "score_with_notes", remembered)


_KNOWN: dict[tuple[str, int], dict[Pair, tuple[float, Note]]] = {}


def _index() -> Names:
    """A LlamaIndex index, an LLM, nodes, and a threshold that was chosen."""
    from llama_index.core import MockEmbedding, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.schema import NodeWithScore, TextNode

    index = VectorStoreIndex([TextNode(text=t) for t in TEXTS], embed_model=MockEmbedding(8))
    engine = index.as_query_engine
    index.as_query_engine = lambda **options: engine(llm=MockLLM(), **options)
    nodes = [NodeWithScore(node=TextNode(text=t), score=0.5) for t in TEXTS]
    return {"index": index, "nodes": nodes, "llm": MockLLM(), "your_threshold": 0.1}


def _retriever() -> Names:
    """A LangChain retriever, documents, and a graph of LangGraph."""
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langgraph.graph import StateGraph

    class Retriever(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: object) -> list[Document]:
            return [Document(page_content=text, id=text[:4]) for text in TEXTS]

    documents = Retriever().invoke("who wrote Faust?")
    return {"your_retriever": Retriever(), "graph": StateGraph(dict), "documents": documents}


def _chat_models() -> Names:
    """A LangChain chat model that always answers the same."""
    from langchain_core.language_models import FakeListChatModel

    return {"your_chat_model": FakeListChatModel(responses=['{"order": ["1", "2"]}'])}


def _labels() -> Names:
    Path("labels.jsonl").write_text(_labelled(120), encoding="utf-8")
    return {}


def _few_labels() -> Names:
    """Hardly more than fine-tuning needs."""
    Path("labels.jsonl").write_text(_labelled(50), encoding="utf-8")
    return {}


def _labelled(queries: int) -> str:
    """Labelled queries of six candidates, two of them relevant to four queries in five."""
    things = "honey Faust rust sleep bridges tides glass bread silk salt".split()  # noqa: SIM905
    lines = []
    for i in range(queries):
        thing, other = things[i % 10], things[(i + 3) % 10]
        query = f"what does chapter {i} say about {thing}?"
        right = [f"Chapter {i} says that {thing} matters.", f"About {thing}, see chapter {i}."]
        wrong = [f"The price of {other} rose in year {i + k}." for k in range(6)]
        texts = [*wrong[:4], *(right if i % 5 else wrong[4:])]
        lines.append({"query": query, "texts": texts, "labels": [0] * 4 + [int(i % 5 > 0)] * 2})
    return "\n".join(json.dumps(line) for line in lines)


def _onnx() -> Names:
    """A folder with a cross-encoder in ONNX form."""
    from secondpass.models.builtin import FOLDER

    Path("my-onnx-model").symlink_to(FOLDER)
    return {}


def _torch() -> Names:
    """A folder with a cross-encoder of sentence-transformers."""
    Path("my-cross-encoder").symlink_to(_written().name)
    return {}


@lru_cache
def _written() -> TemporaryDirectory[str]:
    pytest.importorskip("torch")
    from secondpass.models.builtin.to_torch import write_torch

    folder = TemporaryDirectory()
    write_torch(Path(folder.name))
    return folder


def _documents() -> Names:
    """Documents, one JSON object a line, and a recipe."""
    from secondpass import Recipe, load

    lines = [json.dumps({"id": f"d{i}", "text": text}) for i, text in enumerate(TEXTS)]
    Path("documents.jsonl").write_text("\n".join(lines), encoding="utf-8")
    Recipe.of(load("builtin")).save("reranker.json")
    return {}


READER: dict[str, Callable[[], Names]] = {
    "index": _index,
    "retriever": _retriever,
    "chat-models": _chat_models,
    "labels": _labels,
    "few-labels": _few_labels,
    "onnx": _onnx,
    "torch": _torch,
    "documents": _documents,
}
