"""Pointwise: rate every candidate by itself, all side by side."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from secondpass.judge.algorithms.protocol import AlgorithmSteps, QuestionKind, Round, Verdict


@dataclass(frozen=True, slots=True)
class Pointwise:
    """One question per candidate, in one round. Gives ``raw`` scores."""

    @property
    def asks(self) -> QuestionKind:
        return "rate"

    def flow(self, n: int) -> AlgorithmSteps:
        scores: list[float | None] = []
        if n:
            questions = tuple((i,) for i in range(n))
            scores = yield Round(questions, list(range(n)), partial=True)
        return Verdict(sorted(range(n), key=lambda i: _unknown_last(scores[i])), scores)


def _unknown_last(score: float | None) -> float:
    return inf if score is None else -score
