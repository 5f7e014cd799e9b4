"""Headroom: what reranking can reach at most, and what the retriever missed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import short_repr
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.metrics import Metric, ideal, per_query


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """What the candidates allow, as means over queries.

    Attributes:
        metric: Name of the metric below.
        depth: Candidates of each query at most.
        recall: Share of the relevant documents that are among the candidates.
        current: The metric in the first stage's own order.
        ideal: The metric in the best order of the candidates: no reranking of them reaches more.
        perfect: The metric if every relevant document were found and the order were best.
        lost: Number of queries with relevant documents, none of which is among the candidates.
        queries: Number of queries.
    """

    metric: str
    depth: int
    recall: float
    current: float
    ideal: float
    perfect: float
    lost: int
    queries: int

    def gap_closed(self, value: float) -> float | None:
        """Share of the gap from `current` to `ideal` that this mean closes; below 0 if it hurts.

        None where there is no gap.
        """
        gap = self.ideal - self.current
        return (value - self.current) / gap if gap > 0 else None

    def retriever_is_the_limit(self, value: float | None = None) -> bool:
        """Whether more is missing from the candidates than is left to gain by ordering them.

        Args:
            value: The metric's mean that was reached; the first stage's own if None.
        """
        reached = self.current if value is None else value
        return self.perfect - self.ideal > self.ideal - reached

    def sentence(self, value: float | None = None) -> str:
        """What it means, as a sentence.

        Args:
            value: See `retriever_is_the_limit`.
        """
        reached = self.current if value is None else value
        head = (
            f"The top {self.depth} hold {self.recall:.0%} of the relevant documents, so no "
            f"reranking can exceed {self.metric} {self.ideal:.3f}; "
            f"{'the first stage' if value is None else 'the best here'} reaches {reached:.3f}. "
        )
        if self.retriever_is_the_limit(value):
            tail = "The retriever is the limit: improve it, or take more candidates."
        elif self.ideal - reached > 0:
            tail = "The order is the limit: a better reranker can help."
        else:
            tail = "Nothing is left to gain."
        if self.lost:
            tail += f" {self.lost} of {self.queries} queries have no relevant candidate at all."
        return head + tail


def headroom(collection: Collection, depth: int | None = None, metric: str = "nDCG@10") -> Headroom:
    """How much the first stage found, and what the best order of that would reach.

    Args:
        collection: With all judged documents in its topics, not only the candidates.
        depth: Number of candidates of each query that count; all if None.
        metric: See `Metric.of`.

    Raises:
        InvalidInputError: An unknown metric, or a depth below 1.
    """
    if depth is not None and depth < 1:
        raise InvalidInputError(f"depth={depth}: at least one candidate counts")
    cut = collection if depth is None else collection.cut(depth)
    measured = Metric.of(metric, collection.relevant_from)
    qrels = cut.qrels
    candidates = {t.id: t.ranking.ids for t in cut}
    orders = (
        candidates,
        {t.id: ideal(candidates[t.id], t.grades) for t in cut},
        {t.id: ideal(t.grades, t.grades) for t in cut},
    )
    current, best, perfect = (
        statistics.fmean(per_query([measured], qrels, order)[measured.name]) for order in orders
    )
    recalls, lost = [], 0
    for topic in cut:
        relevant = topic.relevant(collection.relevant_from)
        recall = len(relevant & set(candidates[topic.id])) / len(relevant) if relevant else 0.0
        lost += bool(relevant) and not recall
        recalls.append(recall)
    return Headroom(
        metric=measured.name,
        depth=depth or max(len(ids) for ids in candidates.values()),
        recall=statistics.fmean(recalls),
        current=current,
        ideal=best,
        perfect=perfect,
        lost=lost,
        queries=len(cut),
    )
