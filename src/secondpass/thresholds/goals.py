"""What a threshold is chosen for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from secondpass.core.errors import InvalidInputError
from secondpass.thresholds.operating_points import CurvePoint, Outcome


@runtime_checkable
class Goal(Protocol):
    """Picks a threshold from a curve; write your own if the four here are not yours."""

    def pick(self, curve: Sequence[CurvePoint]) -> int | None:
        """Index of the threshold to use, thresholds rising; None if the goal is out of reach."""
        ...

    def reachable(self, curve: Sequence[CurvePoint]) -> str:
        """The best that can be had instead, as a sentence for the error."""
        ...


@dataclass(frozen=True, slots=True)
class BestF:
    """The highest F of precision and recall; the higher threshold of several.

    Attributes:
        beta: How many times as much recall matters as precision.
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        if not _is_number(self.beta) or self.beta <= 0:
            raise InvalidInputError(f"beta={self.beta!r}: give a number above 0")

    def pick(self, curve: Sequence[CurvePoint]) -> int | None:
        best = max(range(len(curve)), key=lambda i: (curve[i].outcome.f(self.beta), i))
        return best if curve[best].outcome.f(self.beta) > 0 else None

    def reachable(self, curve: Sequence[CurvePoint]) -> str:
        return "no threshold keeps a relevant candidate"


@dataclass(frozen=True, slots=True)
class PrecisionAtLeast:
    """The highest recall among the thresholds whose precision is high enough.

    Attributes:
        share: The least precision, in (0, 1].
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self, self.share)

    def pick(self, curve: Sequence[CurvePoint]) -> int | None:
        good = [i for i, p in enumerate(curve) if _precision(p.outcome) >= self.share]
        return max(good, key=lambda i: (curve[i].outcome.recall, i), default=None)

    def reachable(self, curve: Sequence[CurvePoint]) -> str:
        best = max(curve, key=lambda p: _precision(p.outcome))
        return (
            f"the best precision is {max(0.0, _precision(best.outcome)):.3f}, at the threshold "
            f"{best.threshold:.4g}, with recall {best.outcome.recall:.3f}"
        )


@dataclass(frozen=True, slots=True)
class RecallAtLeast:
    """The highest threshold whose recall is high enough, which keeps least.

    Recall is of the relevant candidates that came into the pipeline. What its earlier stages cut
    counts as missed; what the retriever never brought is not counted at all.

    Attributes:
        share: The least recall, in (0, 1].
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self, self.share)

    def pick(self, curve: Sequence[CurvePoint]) -> int | None:
        good = [i for i, p in enumerate(curve) if p.outcome.recall >= self.share]
        return max(good, default=None)  # recall never rises with the threshold

    def reachable(self, curve: Sequence[CurvePoint]) -> str:
        return (
            f"keeping all that the pipeline leaves has recall {curve[0].outcome.recall:.3f}; cut "
            "less before the threshold"
        )


@dataclass(frozen=True, slots=True)
class TokensAtMost:
    """The lowest threshold that keeps at most so many tokens on average.

    Attributes:
        tokens: Expected tokens of a query, at most. Single queries take more or less; a limit that
            each must keep is `TokenBudget`.
    """

    tokens: float

    def __post_init__(self) -> None:
        if not _is_number(self.tokens) or self.tokens < 0:
            raise InvalidInputError(f"tokens={self.tokens!r}: give a number, 0 or more")

    def pick(self, curve: Sequence[CurvePoint]) -> int | None:
        return next((i for i, p in enumerate(curve) if p.outcome.tokens <= self.tokens), None)

    def reachable(self, curve: Sequence[CurvePoint]) -> str:
        least = min(curve, key=lambda p: p.outcome.tokens)
        return (
            f"the fewest are {least.outcome.tokens:.1f} tokens per query, at the threshold "
            f"{least.threshold:.4g}; Top(k) or TokenBudget(tokens) cut further"
        )


def _precision(outcome: Outcome) -> float:
    return -math.inf if outcome.precision is None else outcome.precision


def _is_number(value: object) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and math.isfinite(value)  # type: ignore[arg-type]


def _check_share(goal: object, share: object) -> None:
    if not _is_number(share) or not 0 < share <= 1:  # type: ignore[operator]
        raise InvalidInputError(f"{type(goal).__name__}({share!r}): give a share above 0, up to 1")
