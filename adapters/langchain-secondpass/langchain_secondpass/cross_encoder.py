"""A stage as LangChain's cross-encoder, for code that wants one, such as CrossEncoderReranker."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.cross_encoders import BaseCrossEncoder

from langchain_secondpass.options import REMEDIES
from secondpass import (
    Candidate,
    InvalidInputError,
    NoScoresError,
    Ranking,
    Recipe,
    Stage,
    as_stage,
)
from secondpass.core.call_hints import hint_keywords


class SecondPassCrossEncoder(BaseCrossEncoder):
    """Scores for pairs of query and text. Where you can choose, choose `SecondPassRerank`.

    Args:
        model: A model string, a stage, a `Recipe`, the path of a recipe's JSON file (a
            `pathlib.Path`, or a string that ends in ".json"), or a recipe's dict. It must give
            scores, and one to each text.

    Raises:
        WrongCallError: A keyword that does not exist; it names the one that does.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords(REMEDIES)
    def __init__(
        self, model: str | Stage | Recipe | os.PathLike[str] | Mapping[str, Any] = "builtin"
    ) -> None:
        self.stage = as_stage(model)

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One float per pair, in the order given, higher is more relevant.

        P(relevant) where the model is calibrated; else comparable within one query only.

        Raises:
            InvalidInputError: An empty query, or a stage that cuts texts away.
            NoScoresError: A stage that only orders.
            SecondPassError: What running the model may raise.
        """
        by_query: dict[str, list[Candidate]] = {}
        for index, (query, text) in enumerate(text_pairs):
            by_query.setdefault(query, []).append(Candidate(str(index), text))
        rankings = [Ranking.of(query, candidates) for query, candidates in by_query.items()]
        scores: dict[str, float] = {}
        for before, after in zip(rankings, self.stage.run(rankings), strict=True):
            if len(after) != len(before):
                raise InvalidInputError(
                    f"a cross-encoder scores every text, and {self.stage.name!r} kept "
                    f"{len(after)} of {len(before)}; cut with SecondPassRerank(top_n=...) or "
                    "behind the cross-encoder"
                )
            if after.scale == "order":
                raise NoScoresError(
                    f"a cross-encoder gives scores, and {self.stage.name!r} gives only an order; "
                    "use SecondPassRerank, which needs none"
                )
            scores.update(zip(after.ids, map(float, after.scores), strict=True))
        return [scores[str(index)] for index in range(len(scores))]
