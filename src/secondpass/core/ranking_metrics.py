"""nDCG of one labelled order. `secondpass.evaluate` has all metrics, by trec_eval's own code."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ndcg(labels: Sequence[bool], relevant: int, depth: int = 10) -> float:
    """nDCG@depth with relevant or not as the only grades; 0 where nothing is relevant.

    Järvelin and Kekäläinen 2002, "Cumulated Gain-Based Evaluation of IR Techniques".

    Args:
        labels: Whether each candidate is relevant, best first.
        relevant: Number of relevant candidates, whether in the order or not.
        depth: Number of candidates that count.
    """
    if not relevant:
        return 0.0
    gains = [1 / math.log2(rank + 2) for rank in range(depth)]
    best = sum(gains[:relevant])
    return sum(gain for gain, label in zip(gains, labels, strict=False) if label) / best
