"""The main job, start to end: retrieve with BM25, rerank with the built-in model inside a
LlamaIndex query engine, drop what is not relevant, and show what changed.

    make demo                                     Python's own language reference
    make demo QUERY="..." DOCS=folder             your own .md, .rst and .txt files
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from pydoc_data.topics import topics

import bm25s
import Stemmer
from llama_index.core import get_response_synthesizer
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tokenizers import Tokenizer

from secondpass import load
from secondpass.models.builtin import FOLDER

QUESTIONS = (
    "How do I make sure a file is closed even if an error happens?",
    "what makes a generator different from a normal function",
    "Which restaurant in Naples has the best pizza?",
)
CANDIDATES, SHOWN, THRESHOLD = 50, 5, 0.5
WORDS = 120
"""Words of a passage, about."""

console = Console(width=110)


class BM25Retriever(BaseRetriever):
    """The first pass: bm25s over all passages."""

    def __init__(self, nodes: list[TextNode], top_k: int) -> None:
        super().__init__()
        self.nodes, self.top_k = nodes, min(top_k, len(nodes))
        self.index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        self.index.index(self._words([n.text for n in nodes]), show_progress=False)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        words = self._words([query_bundle.query_str])
        places, scores = self.index.retrieve(words, k=self.top_k, show_progress=False)
        return [
            NodeWithScore(node=self.nodes[place], score=float(score))
            for place, score in zip(places[0], scores[0], strict=True)
        ]

    def _words(self, texts: list[str]) -> bm25s.tokenization.Tokenized:
        stemmer = Stemmer.Stemmer("english")
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)


def passages(title: str, text: str) -> list[TextNode]:
    """Whole paragraphs, joined up to about `WORDS` words."""
    found: list[list[str]] = [[]]
    for paragraph in re.split(r"\n\s*\n", text):
        if sum(len(p.split()) for p in found[-1]) + len(paragraph.split()) > WORDS and found[-1]:
            found.append([])
        found[-1].append(" ".join(paragraph.split()))
    joined = (" ".join(parts) for parts in found)
    return [TextNode(text=part, metadata={"source": title}) for part in joined if part.strip()]


def corpus(folder: Path | None) -> tuple[str, list[TextNode]]:
    if folder is None:
        nodes = [node for title, text in topics.items() for node in passages(title, text)]
        return "Python's language reference", nodes
    if not folder.is_dir():
        raise SystemExit(f"DOCS={folder} is no folder; give one with .md, .rst or .txt files")
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".md", ".rst", ".txt"))
    texts = ((str(p.relative_to(folder)), p.read_text("utf-8", "replace")) for p in files)
    nodes = [node for title, text in texts for node in passages(title, text)]
    if not nodes:
        raise SystemExit(f"DOCS={folder} holds no .md, .rst or .txt file with text in it")
    return f"{len(files)} files in {folder}", nodes


def table(title: str, column: str, nodes: list[NodeWithScore], was: dict[str, int]) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", expand=True)
    for name in ("rank", "was", column):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("source", no_wrap=True, max_width=22)
    made.add_column("passage", ratio=1, no_wrap=True, overflow="ellipsis")
    for rank, n in enumerate(nodes, start=1):
        score = f"{n.score:.2f}" if n.score is not None else ""
        made.add_row(
            str(rank), str(was[n.node.node_id]), score, n.node.metadata["source"],
            Text(n.node.get_content()),
        )  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--query", default="")
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()

    name, nodes = corpus(arguments.docs)
    retriever = BM25Retriever(nodes, CANDIDATES)
    start = time.perf_counter()
    rerank = SecondPassRerank(model=load("builtin"), threshold=THRESHOLD, top_n=SHOWN)
    loading = time.perf_counter() - start
    silent = get_response_synthesizer(llm=MockLLM(), response_mode=ResponseMode.NO_TEXT)
    engine = RetrieverQueryEngine(retriever, silent, node_postprocessors=[rerank])
    tokens = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))

    def length(given: list[NodeWithScore]) -> int:
        return sum(len(tokens.encode(n.node.get_content()).ids) for n in given)

    console.print(f"{len(nodes):,} passages of {name}; model ready in {loading:.2f} s")
    for question in [arguments.query] if arguments.query else QUESTIONS:
        console.rule(f"[bold]{question}")
        start = time.perf_counter()
        before = retriever.retrieve(question)
        retrieving = time.perf_counter() - start
        start = time.perf_counter()
        after = engine.query(question).source_nodes
        reranking = time.perf_counter() - start - retrieving
        was = {n.node.node_id: rank for rank, n in enumerate(before, start=1)}
        console.print(table("before: BM25", "score", before[:SHOWN], was))
        if after:
            title = f"after: secondpass, P(relevant) at least {THRESHOLD}"
            console.print(table(title, "P", after, was))
        else:
            console.print("[bold]after: secondpass[/bold] keeps nothing: no passage answers this")
        read, kept = length(before[:SHOWN]), length(after)
        console.print(
            f"{len(before)} candidates, {len(after)} kept; the generator reads {kept:,} tokens "
            f"instead of {read:,} ({1 - kept / max(read, 1):.0%} saved)"
        )
        console.print(
            f"retrieving {1000 * retrieving:.0f} ms, reranking {1000 * reranking:.0f} ms "
            f"({len(before) / reranking:.0f} passages a second)\n"
        )


if __name__ == "__main__":
    main()
