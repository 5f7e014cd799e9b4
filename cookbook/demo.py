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

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tokenizers import Tokenizer

from secondpass import load
from secondpass.evaluate import BM25Index
from secondpass.models.builtin import FOLDER

QUESTIONS = (
    "what does the else clause of a loop do",
    "when should I define __hash__ in a class",
    "Which restaurant in Naples has the best pizza?",
)
CANDIDATES, SHOWN, THRESHOLD = 50, 5, 0.2
WORDS, HEADING = 60, 12
"""Words of a passage, about; and of what is too short to stand without what follows it."""

console = Console(width=110)


class BM25Retriever(BaseRetriever):
    """The first pass: BM25 over all passages."""

    def __init__(self, nodes: list[TextNode], top_k: int) -> None:
        super().__init__()
        self.nodes, self.top_k = nodes, top_k
        self.index = BM25Index([n.text for n in nodes])

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        (matches,) = self.index.search([query_bundle.query_str], self.top_k)
        return [NodeWithScore(node=self.nodes[i], score=score) for i, score in matches]


def passages(title: str, text: str) -> list[TextNode]:
    """Whole paragraphs, joined up to about `WORDS` words."""
    found: list[list[str]] = [[]]
    for paragraph in re.split(r"\n\s*\n", text):
        so_far = sum(len(p.split()) for p in found[-1])
        if so_far > HEADING and so_far + len(paragraph.split()) > WORDS:
            found.append([])
        found[-1].append(" ".join(paragraph.split()))
    joined = (" ".join(parts) for parts in found)
    return [TextNode(text=part, metadata={"source": title}) for part in joined if part.strip()]


def corpus(folder: Path | None) -> tuple[str, list[TextNode]]:
    if folder is None:
        nodes = [node for title, text in topics.items() for node in passages(title, text)]
        once = {node.text: node for node in reversed(nodes)}  # topics share whole sections
        return "Python's language reference", list(once.values())
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
    made.add_column("source", no_wrap=True, max_width=16)
    made.add_column("passage", ratio=1)
    for rank, n in enumerate(nodes, start=1):
        dropped = column == "P" and n.score is not None and n.score < THRESHOLD
        text = n.node.get_content()
        made.add_row(
            "dropped" if dropped else str(rank),
            str(was[n.node.node_id]),
            f"{n.score:.2f}",
            n.node.metadata["source"],
            Text(text[:140] + ("…" if len(text) > 140 else "")),
            style="dim" if dropped else "",
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--query", default="")
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()

    name, nodes = corpus(arguments.docs)
    retriever = BM25Retriever(nodes, CANDIDATES)
    start = time.perf_counter()
    model = load("builtin", cache=10_000)
    loading = time.perf_counter() - start
    rerank = SecondPassRerank(model=model, threshold=THRESHOLD, top_n=SHOWN)
    everything = SecondPassRerank(model=model)  # to show what was dropped; the cache has it already
    silent = NoText(llm=MockLLM())  # the passages are the answer here
    engine = RetrieverQueryEngine(retriever, silent, node_postprocessors=[rerank])
    tokens = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))

    def length(given: list[NodeWithScore]) -> int:
        return sum(len(tokens.encode(n.node.get_content()).ids) for n in given)

    console.print(f"{len(nodes):,} passages of {name}; model ready in {loading:.2f} s")
    for question in [arguments.query] if arguments.query else QUESTIONS:
        console.print()
        console.rule(Text(question, style="bold"))
        start = time.perf_counter()
        before = retriever.retrieve(question)
        retrieving = time.perf_counter() - start
        start = time.perf_counter()
        after = engine.query(question).source_nodes
        reranking = time.perf_counter() - start - retrieving
        whole = everything.postprocess_nodes(before, query_str=question)
        was = {n.node.node_id: rank for rank, n in enumerate(before, start=1)}
        console.print(table("before: BM25", "score", before[:SHOWN], was))
        title = f"after: secondpass, P(relevant) at least {THRESHOLD}"
        console.print(table(title, "P", whole[:SHOWN], was))
        if not after:
            best = f"the likeliest passage has {whole[0].score:.2f}" if whole else "BM25 found none"
            console.print(
                f"[bold]Nothing is kept at {THRESHOLD}:[/bold] {best}. On text of your own, choose "
                "the threshold from labelled questions: docs/calibration.md"
            )
        gone = [n for n in whole if n.score is not None and n.score < THRESHOLD]
        read, kept = length(before[:SHOWN]), length(after)
        saved = 1 - kept / max(read, 1)
        console.print(
            f"{len(before)} candidates, {len(gone)} dropped by the threshold, {len(after)} passed "
            f"on: the generator reads {kept:,} tokens instead of {read:,} in BM25's first "
            f"{SHOWN} ({abs(saved):.0%} {'saved' if saved >= 0 else 'more'})"
        )
        console.print(
            f"retrieving {1000 * retrieving:.0f} ms, reranking {1000 * reranking:.0f} ms "
            f"({len(before) / reranking:.0f} passages a second)"
        )


if __name__ == "__main__":
    main()
