"""A stage from whatever LangChain's users have as a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.language_models import BaseChatModel

from langchain_secondpass.chat import LangChainChat
from langchain_secondpass.cross_encoder import SecondPassCrossEncoder
from secondpass import ChatJudge, Order, Score, Stage, as_stage
from secondpass.judge.chat.framework_chat import chat_name, not_in_recipes
from secondpass.stages import Pair


class CrossEncoderScorer:
    """A LangChain cross-encoder, such as a `HuggingFaceCrossEncoder`, as secondpass's `Scorer`.

    Its scores are raw, whatever they look like: `secondpass.calibrated` makes probabilities.

    Raises:
        ScoreError: (when asked) NaN, or another number of scores than of texts.
    """

    def __init__(self, encoder: BaseCrossEncoder) -> None:
        self._encoder = encoder
        self.name = chat_name(encoder, ("model_name", "name"))

    def __repr__(self) -> str:
        return f"CrossEncoderScorer({self.name})"

    @property
    def encoder(self) -> BaseCrossEncoder:
        """Not for reading: no recipe can hold an object of yours.

        Raises:
            RecipeError: Always.
        """
        raise not_in_recipes("cross-encoder", self.name)

    def score(self, pairs: Sequence[Pair]) -> Sequence[float]:
        """What the cross-encoder says of each pair."""
        return self._encoder.score(list(pairs)) if pairs else []


def stage_of(model: Any) -> Stage:
    """What `secondpass.as_stage` makes; of a chat model, a listwise judge; of a cross-encoder, or
    any object with `score(pairs)`, raw scores."""
    if isinstance(model, BaseChatModel):
        return Order(ChatJudge(LangChainChat(model), structured=False))  # no schema gets through
    if isinstance(model, SecondPassCrossEncoder):
        return model.stage  # with the scale of its scores
    if isinstance(model, BaseCrossEncoder):
        return Score(CrossEncoderScorer(model))
    if callable(getattr(model, "score", None)) and not isinstance(model, Stage | type):
        # a scorer of secondpass says with its name which weights it has
        named = isinstance(getattr(model, "name", None), str)
        return Score(model if named else CrossEncoderScorer(model))
    return as_stage(model)
