"""`rerankers.Reranker` of type cross-encoder, its own batch size, float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from rerankers import Reranker


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        torch.set_num_threads(threads)
        self.ranker = Reranker(
            model, model_type="cross-encoder", device="cpu", dtype="float32", verbose=0
        )

    def given(self, query: str, texts: Sequence[str]) -> Any:
        return query, list(texts)

    def run(self, given: Any) -> Any:
        return self.ranker.rank(*given)

    def order(self, done: Any) -> list[int]:
        return [int(result.document.doc_id) for result in done.results]
