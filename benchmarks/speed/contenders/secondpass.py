"""Ours: any model string. Making the `Ranking` out of texts is timed too."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from secondpass import Ranking, load


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        string, given = str(options["model"]), dict(options.get("options", {}))
        if _takes_threads(string):
            given.setdefault("threads", threads)
        self.stage = load(string, options=given)

    def given(self, query: str, texts: Sequence[str]) -> Any:
        return query, list(texts)

    def run(self, given: Any) -> Any:
        return self.stage(Ranking.of(*given))

    def many(self, given: Sequence[Any]) -> Any:
        return self.stage.run([Ranking.of(*one) for one in given])

    def order(self, done: Any) -> list[int]:
        return [int(i) for i in done.ids]


def _takes_threads(model: str) -> bool:
    from secondpass.models.load import _backend

    make, _ = _backend(model.partition(":")[0], model)
    return "threads" in inspect.signature(make).parameters
