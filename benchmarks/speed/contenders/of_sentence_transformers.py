"""`CrossEncoder.predict`, its own batch size; float32 unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sentence_transformers import CrossEncoder

from speed.contenders.by_scores import best_first


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        torch.set_num_threads(threads)
        backend = options.get("backend", "torch")
        extra: dict[str, Any] = {}
        if backend == "torch":
            extra = {"dtype": getattr(torch, options.get("dtype", "float32"))}
        self.encoder = CrossEncoder(
            model, device="cpu", backend=backend, model_kwargs=extra, local_files_only=True
        )

    def given(self, query: str, texts: Sequence[str]) -> Any:
        return [(query, text) for text in texts]

    def run(self, given: Any) -> Any:
        return self.encoder.predict(given, show_progress_bar=False)

    def order(self, done: Any) -> list[int]:
        return best_first([float(score) for score in done])
