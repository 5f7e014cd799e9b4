"""What a stage makes of the first k candidates, the others staying below in their old order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.evaluate.collection import Collection
from secondpass.stages.pointwise import is_pointwise


def reranked_heads(
    stage: Stage, collection: Collection, depths: Sequence[int]
) -> dict[int, list[Ranking]]:
    """For each depth and query the first so many reranked and the rest below, as orders.

    Args:
        stage: Run once where it is pointwise, otherwise once at each depth.
        collection: Its candidates, in the first stage's order.
        depths: How many candidates are reranked; 0 is the first stage's own order.
    """
    deepest = [r.head(max(depths)) for r in collection.rankings]
    if is_pointwise(stage):
        whole = stage.run(deepest)
        heads = {
            k: [_only(w, r.head(k)) for w, r in zip(whole, deepest, strict=True)] for k in depths
        }
    else:
        heads = {
            k: stage.run([r.head(k) for r in deepest]) if k else [r.head(0) for r in deepest]
            for k in depths
        }
    return {
        k: [_joined(h, r, k) for h, r in zip(heads[k], collection.rankings, strict=True)]
        for k in depths
    }


def _only(whole: Ranking, head: Ranking) -> Ranking:
    kept = set(head.ids)
    return replace(whole, candidates=tuple(c for c in whole if c.id in kept))


def _joined(head: Ranking, given: Ranking, k: int) -> Ranking:
    below = given.candidates[k:]
    both = (*head.candidates, *below)
    return replace(
        given,
        candidates=tuple(replace(c, score=None) for c in both),
        scale="order",
        events=head.events,
    )
