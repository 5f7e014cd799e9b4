"""The reranking stage as a DSPy module.

    from secondpass.integrations.dspy import Rerank

    rerank = Rerank(k=5)
    found = rerank(query="who wrote Faust?", passages=search("who wrote Faust?").passages)
    found.passages, found.indices, found.scores

Written for DSPy 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, MissingExtraError, shown
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import event_details
from secondpass.core.stage import Stage
from secondpass.models.load import ModelLike, as_stage
from secondpass.stages.kept import with_cuts

try:
    import dspy
except ImportError as error:
    raise MissingExtraError("Rerank", "dspy") from error

_ELSEWHERE = {"callbacks": "set them for all modules: dspy.configure(callbacks=[...])"}


class Rerank(dspy.Module):  # type: ignore[misc]  # untyped
    """Puts the right passages on top, and keeps what is worth reading.

    It has no prompt, so optimisers leave it alone; it is copied, saved and run in parallel with the
    program that it is part of.

    Args:
        model: What `as_stage` takes.
        k: The number kept at most, for calls that do not say.
        threshold: Keep those with at least this P(relevant); applied before k.
        keep_at_least: The number of the best that stay whatever the threshold.
        deadline: Seconds for a call; then the best order so far comes back, and an event says so.

    Raises:
        InvalidInputError: An option that cannot be used.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords(_ELSEWHERE)
    def __init__(
        self,
        model: ModelLike = "builtin",
        k: int | None = None,
        threshold: float | None = None,
        *,
        keep_at_least: int = 0,
        deadline: float | None = None,
    ) -> None:
        super().__init__()
        self.model, self.k = as_stage(model), k
        self.threshold, self.keep_at_least, self.deadline = threshold, keep_at_least, deadline
        self._stage(k)

    def forward(self, query: str, passages: Sequence[Any], k: int | None = None) -> dspy.Prediction:
        """Rerank passages. DSPy calls it; call the module itself.

        Args:
            query: What was asked.
            passages: Strings, or objects with ``long_text``, as DSPy's retrievers give.
            k: The number kept at most.

        Returns:
            A prediction with ``passages``, as they went in, best first; ``indices`` of them in what
            went in; ``scores``, None where the model only orders; ``scale``, what they mean; and
            ``events``, what happened, as dicts.

        Raises:
            InvalidInputError: An empty query, or a passage without a text.
            SecondPassError: What running the model may raise.
        """
        return _prediction(self._stage(k)(_ranking(query, passages)))

    async def aforward(
        self, query: str, passages: Sequence[Any], k: int | None = None
    ) -> dspy.Prediction:
        """Like `forward`, without blocking the event loop."""
        return _prediction(await self._stage(k).acall(_ranking(query, passages)))

    def _stage(self, k: int | None) -> Stage:
        return with_cuts(
            self.model, top=self.k if k is None else k, threshold=self.threshold, word="k",
            keep_at_least=self.keep_at_least, deadline=self.deadline,
        )  # fmt: skip


def _ranking(query: str, passages: Any) -> Ranking:
    if not isinstance(passages, list | tuple):
        raise InvalidInputError(
            f"passages is {shown(passages)}; pass a list, such as search(query).passages"
        )
    texts = [_text(passage, i) for i, passage in enumerate(passages)]
    pairs = zip(texts, passages, strict=True)
    candidates = [Candidate(str(i), text, payload=own) for i, (text, own) in enumerate(pairs)]
    return Ranking.of(query, candidates)


def _text(passage: Any, position: int) -> str:
    text = passage if isinstance(passage, str) else getattr(passage, "long_text", None)
    if not isinstance(text, str):
        raise InvalidInputError(
            f"passage {position} is {shown(passage)}; pass a string, or an object with long_text"
        )
    return text


def _prediction(ranking: Ranking) -> dspy.Prediction:
    return dspy.Prediction(
        passages=[candidate.payload for candidate in ranking],
        indices=ranking.indices,
        scores=None if ranking.scale == "order" else ranking.scores,
        scale=ranking.scale,
        events=event_details(ranking.events),
    )
