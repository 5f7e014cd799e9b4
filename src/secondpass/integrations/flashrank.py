"""Any stage with the method of FlashRank's `Ranker`.

    from secondpass.integrations.flashrank import Ranker, RerankRequest

    passages = [{"id": 1, "text": "Cats sleep."}, {"id": 2, "text": "Goethe wrote Faust."}]
    Ranker().rerank(RerankRequest("who wrote Faust?", passages))

Written for FlashRank 0.2.10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, UnknownModelError, shown
from secondpass.core.ranking import Ranking
from secondpass.integrations.pair_scores import log_degraded, stage_named
from secondpass.models.load import ModelLike

_ELSEWHERE = {
    "cache_dir": "leave it out; the built-in model is part of the package",
    "log_level": "leave it out; set the level of the logger 'secondpass', which is yours",
}
_THEIRS = ("ms-marco-", "rank-T5-", "rank_zephyr", "ce-esci-", "miniReranker_")


@dataclass
class RerankRequest:
    """A query and its passages.

    Attributes:
        query: What was asked.
        passages: Dicts with a ``text``, and anything else, such as ``id`` and ``meta``.
    """

    query: str | None = None
    passages: Sequence[Mapping[str, Any]] = field(default_factory=list)


class Ranker:
    """Reranks passages that are dicts, by any model or stage.

    Args:
        model_name: A stage or a model string. A folder of weights is read as ``onnx:FOLDER``.
        max_length: Option of a model that is loaded here, in tokens.

    Attributes:
        stage: What ranks.

    Raises:
        UnknownModelError: A model of FlashRank's; says what to write.
        WrongCallError: An option that belongs elsewhere; says where.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords(_ELSEWHERE)
    def __init__(self, model_name: ModelLike = "builtin", *, max_length: int | None = None) -> None:
        if isinstance(model_name, str) and model_name.startswith(_THEIRS):
            raise UnknownModelError(
                f"{model_name!r} is a model that FlashRank downloads; leave it out for the "
                "built-in one, or name a folder or a hub id with an ONNX model: 'onnx:NAME'"
            )
        self.stage = stage_named(model_name, "onnx", {"max_length": max_length})

    def __repr__(self) -> str:
        return f"Ranker({self.stage.name})"

    def rerank(self, request: RerankRequest) -> list[dict[str, Any]]:
        """The passages by relevance, best first.

        Args:
            request: Of this module, FlashRank's own, or anything with `query` and `passages`.

        Returns:
            Copies of the passages, with a float as ``score``; none where the stage only orders, as
            FlashRank's listwise models give none. Yours are not changed, and keep their order.

        Raises:
            InvalidInputError: An empty query, or a passage that is no dict with a text.
        """
        query, passages = getattr(request, "query", None), getattr(request, "passages", None)
        if not isinstance(passages, Sequence) or isinstance(passages, str):
            raise InvalidInputError(
                f"the request is {shown(request)}; pass RerankRequest(query, passages)"
            )
        candidates = [_candidate(passage, i) for i, passage in enumerate(passages)]
        results = []
        ranking = self.stage(Ranking.of(query, candidates))  # type: ignore[arg-type]  # it checks
        log_degraded(ranking)
        for found in ranking:
            passage = {key: value for key, value in found.payload.items() if key != "score"}
            results.append(passage if found.score is None else passage | {"score": found.score})
        return results


def _candidate(passage: Any, position: int) -> Candidate:
    if not isinstance(passage, Mapping) or not isinstance(passage.get("text"), str):
        raise InvalidInputError(
            f"passage {position} is {shown(passage)}; a passage is a dict with a text, such as "
            '{"id": 1, "text": "..."}'
        )
    meta = passage.get("meta")
    metadata = meta if isinstance(meta, Mapping) else {}
    return Candidate(str(position), passage["text"], metadata, payload=passage)
