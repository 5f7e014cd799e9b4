"""Haystack's `SentenceTransformersSimilarityRanker` (package sentence-transformers-haystack); its
predecessor in haystack-ai, TransformersSimilarityRanker, is gone from release 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from haystack import Document
from haystack.utils import ComponentDevice
from haystack_integrations.components.rankers.sentence_transformers import (
    SentenceTransformersSimilarityRanker,
)


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        torch.set_num_threads(threads)
        self.ranker = SentenceTransformersSimilarityRanker(
            model=model, device=ComponentDevice.from_str("cpu"), top_k=1_000_000
        )
        self.ranker.warm_up()

    def given(self, query: str, texts: Sequence[str]) -> Any:
        return query, [Document(id=str(i), content=text) for i, text in enumerate(texts)]

    def run(self, given: Any) -> Any:
        query, documents = given
        return self.ranker.run(query=query, documents=documents)["documents"]

    def order(self, done: Any) -> list[int]:
        return [int(document.id) for document in done]
