"""FlashRank's `Ranker`, pointed at a folder with the same ONNX file under a name that it knows.

It reads all candidates in one batch, padded to the longest, and has no setting for threads: the
worker's processors are those of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flashrank import Ranker, RerankRequest


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        folder = Path(model) / "flashrank"
        (name,) = [entry.name for entry in folder.iterdir()]
        self.ranker = Ranker(
            model_name=name, cache_dir=str(folder), max_length=512, log_level="ERROR"
        )

    def given(self, query: str, texts: Sequence[str]) -> Any:
        passages = [{"id": i, "text": text} for i, text in enumerate(texts)]
        return RerankRequest(query=query, passages=passages)

    def run(self, given: Any) -> Any:
        return self.ranker.rerank(given)

    def order(self, done: Any) -> list[int]:
        return [int(passage["id"]) for passage in done]
