"""Sliding window: overlapping windows from the bottom up, so that the best travel upwards."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import AlgorithmSteps, QuestionKind, Round, Verdict


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """Order windows of texts from the last to the first.

    Sun et al. 2023, "Is ChatGPT Good at Search? Investigating Large Language Models as Re-Ranking
    Agents" (arXiv 2304.09542), with every candidate shown whatever their number: one call up to
    `window` candidates, else ceil((n - window) / stride) + 1, one after another. A judge without
    mistakes gets the first ``window - stride`` right.

    Args:
        window: How many texts a judge sees at once, at least 2.
        stride: How far the window moves, at least 1 and less than `window`.

    Raises:
        InvalidInputError: The two do not fit.
    """

    window: int = 20
    stride: int = 10

    def __post_init__(self) -> None:
        if self.window < 2 or not 1 <= self.stride < self.window:
            raise InvalidInputError(
                f"window={self.window}, stride={self.stride}: a window holds at least 2 texts and "
                "moves by less than its size, or nothing could travel up"
            )

    @property
    def asks(self) -> QuestionKind:
        return "order"

    def flow(self, n: int) -> AlgorithmSteps:
        order = list(range(n))
        start = max(0, n - self.window)
        while n > 1:
            end = min(n, start + self.window)  # the topmost window is full, too
            (order[start:end],) = yield Round((tuple(order[start:end]),), order.copy())
            if start == 0:
                break
            start = max(0, start - self.stride)
        return Verdict(order)
