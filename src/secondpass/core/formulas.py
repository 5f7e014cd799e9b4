"""Sigmoid, its inverse, and nDCG of one labelled order, without numpy.

`secondpass.evaluate` has all metrics, by trec_eval's own code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST = 1e-6
"""Probabilities nearer to 0 or 1 than this have the log-odds of this."""


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def logit(p: float) -> float:
    """Log-odds of a probability, always finite; see `LEAST`."""
    clipped = min(max(p, LEAST), 1 - LEAST)
    return math.log(clipped / (1 - clipped))


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
