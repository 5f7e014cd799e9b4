"""The logistic function and its inverse."""

from __future__ import annotations

import math

LEAST = 1e-6
"""Probabilities nearer to 0 or 1 than this have the log-odds of this."""


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def logit(p: float) -> float:
    """Log-odds of a probability, always finite; see `LEAST`."""
    clipped = min(max(p, LEAST), 1 - LEAST)
    return math.log(clipped / (1 - clipped))
