"""nDCG of one labelled order, for cross-validation; `secondpass.evaluate` has the real metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ndcg(labels: Sequence[bool], relevant: int, depth: int = 10) -> float:
    """nDCG@depth with relevant or not as the only grades; 0 where nothing is relevant.

    Järvelin and Kekäläinen 2002, "Cumulated Gain-Based Evaluation of IR Techniques".

    Args:
        labels: Whether each is relevant, best first.
        relevant: How many there are, found or not.
        depth: How far down it looks.
    """
    if not relevant:
        return 0.0
    gains = [1 / math.log2(rank + 2) for rank in range(depth)]
    best = sum(gains[:relevant])
    return sum(gain for gain, label in zip(gains, labels, strict=False) if label) / best
