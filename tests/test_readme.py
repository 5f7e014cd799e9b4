"""Every Python block of the READMEs runs, top to bottom, as a reader would paste it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("adapters/*/README.md"))]


def _what_a_reader_has() -> dict[str, object]:
    """The reader's own index, retriever and graph, which the adapters' pages take for granted."""
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langgraph.graph import StateGraph
    from llama_index.core import MockEmbedding, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.schema import TextNode

    texts = ["Goethe wrote Faust.", "Cats sleep for most of the day."]

    class Retriever(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: object) -> list[Document]:
            return [Document(page_content=text) for text in texts]

    index = VectorStoreIndex([TextNode(text=t) for t in texts], embed_model=MockEmbedding(8))
    engine = index.as_query_engine
    index.as_query_engine = lambda **options: engine(llm=MockLLM(), **options)
    return {"your_retriever": Retriever(), "index": index, "graph": StateGraph(dict)}


def _labels() -> str:
    """150 labelled queries of six candidates, two of them relevant to four queries in five."""
    things = [
        "honey",
        "Faust",
        "rust",
        "sleep",
        "bridges",
        "tides",
        "glass",
        "bread",
        "silk",
        "salt",
    ]
    lines = []
    for i in range(150):
        thing, other = things[i % 10], things[(i + 3) % 10]
        query = f"what does chapter {i} say about {thing}?"
        right = [f"Chapter {i} says that {thing} matters.", f"About {thing}, see chapter {i}."]
        wrong = [f"The price of {other} rose in year {i + k}." for k in range(6)]
        texts = [*wrong[:4], *(right if i % 5 else wrong[4:])]
        lines.append({"query": query, "texts": texts, "labels": [0] * 4 + [int(i % 5 > 0)] * 2})
    return "\n".join(json.dumps(line) for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.parent.name)
def test_the_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.jsonl").write_text(_labels(), encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    blocks = [
        ("\n" * text[: m.start()].count("\n") + "\n" + m[1])
        for m in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ]
    assert blocks
    names: dict[str, object] = {"__name__": "readme", **_what_a_reader_has()}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


def test_the_patterns_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secondpass import Ranking, Threshold, Top, load

    docs = [f"filler number {i} about nothing" for i in range(50)]
    docs[7] = "Goethe wrote Faust."
    docs[30] = docs[7]
    model = load("builtin", cache=1000)
    selective = (Top(20) >> model >> Threshold(0.7))(Ranking.of("who wrote Faust?", docs))
    assert selective.ids == ["7"]
    multi = (Top(100) >> model >> Top(20) >> model)(Ranking.of("who wrote Faust?", docs))
    assert multi.ids[:2] == ["7", "30"]
    assert len(multi) == 20
