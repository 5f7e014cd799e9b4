"""No model: orders texts by how many of the query's words they have. For the tests of the runner;
options make it fail in the ways that libraries do."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from speed.contenders.by_scores import best_first


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        self.fails = options.get("fails", "")

    def given(self, query: str, texts: Sequence[str]) -> Any:
        return query, list(texts)

    def run(self, given: Any) -> Any:
        if self.fails == "raises":
            raise ValueError("no such shape")
        if self.fails == "dies":
            os._exit(7)
        if self.fails == "hangs":
            time.sleep(3600)
        print("libraries print, and that must not break the protocol")
        query, texts = given
        words = set(query.split())
        return [float(len(words & set(text.split()))) for text in texts]

    def order(self, done: Any) -> list[int]:
        return best_first(done)
