"""Inside a worker: what the adapters cost around a scorer that costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from secondpass import Score
from secondpass.core.timing import time_in_turn


class Free:
    """Scores at no cost, worst candidate first so that everything moves."""

    name = "free"

    def score(self, pairs: Any) -> list[float]:
        return [float(i) for i in range(len(pairs))]


def time_adapters(nodes: int, repeats: int) -> dict[str, Any]:
    """Median milliseconds of a call, by adapter."""
    texts = [f"a passage of a few words, number {i}" for i in range(nodes)]
    rows: dict[str, Any] = {}
    for name, maker in (("LlamaIndex", _llama_index), ("LangChain", _langchain)):
        try:
            call = maker(texts)
        except ImportError as error:
            rows[name] = {"absent": str(error)}
            continue
        call()
        seconds = time_in_turn({name: call}, repeats)[name]
        rows[name] = {
            "ms": round(1000 * median(seconds), 3), "least_ms": round(1000 * min(seconds), 3)
        }  # fmt: skip
    return rows


def _llama_index(texts: list[str]) -> Callable[[], Any]:
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.postprocessor.secondpass import SecondPassRerank

    rerank = SecondPassRerank(model=Score(Free()))
    nodes = [NodeWithScore(node=TextNode(id_=str(i), text=t)) for i, t in enumerate(texts)]
    return lambda: rerank.postprocess_nodes(nodes, query_str="what is it")


def _langchain(texts: list[str]) -> Callable[[], Any]:
    from langchain_core.documents import Document
    from langchain_secondpass import SecondPassRerank

    rerank = SecondPassRerank(model=Score(Free()))
    documents = [Document(page_content=t, id=str(i)) for i, t in enumerate(texts)]
    return lambda: rerank.compress_documents(documents, "what is it")
