"""A stage as LangChain's cross-encoder, for code that wants one, such as CrossEncoderReranker."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.cross_encoders import BaseCrossEncoder

from langchain_secondpass.options import REMEDIES
from secondpass import Recipe, Stage, as_stage
from secondpass.core.call_hints import hint_keywords
from secondpass.integrations.pair_scores import score_pairs


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
        return score_pairs(self.stage, list(text_pairs))[0]
