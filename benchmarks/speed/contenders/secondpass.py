"""Ours: any model string. Making the `Ranking` out of texts is timed too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass import InvalidInputError, Ranking, Stage, load


class Peer:
    def __init__(self, model: str, options: Mapping[str, Any], threads: int) -> None:
        model_options = dict(options.get("options", {}))
        self.stage = _load(str(options["model"]), model_options, threads)

    def given(self, query: str, texts: Sequence[str]) -> Any:
        return query, list(texts)

    def run(self, given: Any) -> Any:
        return self.stage(Ranking.of(*given))

    def many(self, given: Sequence[Any]) -> Any:
        return self.stage.run([Ranking.of(*one) for one in given])

    def order(self, done: Any) -> list[int]:
        return [int(i) for i in done.ids]


def _load(model: str, options: dict[str, Any], threads: int) -> Stage:
    try:
        return load(model, options={"threads": threads} | options)
    except InvalidInputError:  # a backend without that option
        return load(model, options=options)
