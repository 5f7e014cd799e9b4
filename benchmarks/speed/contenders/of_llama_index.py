"""LlamaIndex's `SentenceTransformerRerank`, in llama-index-core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from llama_index.core.postprocessor import SentenceTransformerRerank
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        torch.set_num_threads(threads)
        self.ranker = SentenceTransformerRerank(
            model=model, top_n=1_000_000, device="cpu", trust_remote_code=False
        )

    def given(self, query: str, texts: Sequence[str]) -> Any:
        nodes = [NodeWithScore(node=TextNode(id_=str(i), text=t)) for i, t in enumerate(texts)]
        return nodes, QueryBundle(query)

    def run(self, given: Any) -> Any:
        return self.ranker.postprocess_nodes(*given)

    def order(self, done: Any) -> list[int]:
        return [int(node.node.node_id) for node in done]
