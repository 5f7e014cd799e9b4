"""The protocol of algorithms: what one yields, is sent and returns. `Pointwise` is the simplest.

An algorithm is a frozen dataclass whose `flow(n)` is a generator: it yields rounds of questions,
is sent the replies, and returns a verdict. It sees indices of candidates (0 came in first), never
texts, judges or clocks. So the same few lines run against a model over the network, a local one,
or a dry run that only counts, and are tested without any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

T = TypeVar("T")
QuestionIndices = tuple[int, ...]
"""The candidates to show, in the order in which to show them."""

QuestionKind = Literal["order", "best", "compare", "rate"]
"""What a question asks for, and so what its reply is:

* ``order``: the same indices, best first.
* ``best``: one of the indices.
* ``compare``: P(the first is better), in [0, 1]; questions are pairs.
* ``rate``: a finite number, higher is better; questions are single indices.
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Questions that do not depend on each other, so they may be asked concurrently.

    Attributes:
        questions: At least one.
        so_far: The best known order of all candidates before these are answered.
        partial: Whether replies to some of the questions are of use. If so, and a budget ends the
            run, the flow is sent None for the others, and returns. Otherwise it is closed, and
            `so_far` is the result.
    """

    questions: tuple[QuestionIndices, ...]
    so_far: list[int]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an algorithm concludes.

    Attributes:
        order: Every index once, best first.
        scores: One per candidate, in incoming order, where the algorithm makes scores; None for a
            candidate about which nothing is known.
    """

    order: list[int]
    scores: list[float | None] | None = None


Subroutine = Generator[Round, list[Any], T]
"""A part of an algorithm: yields rounds, is sent one reply per question, returns a T."""

AlgorithmSteps = Subroutine[Verdict]


@runtime_checkable
class Algorithm(Protocol):
    """What the author of an algorithm writes: a frozen dataclass, so that recipes can store it."""

    @property
    def asks(self) -> QuestionKind: ...

    def flow(self, n: int) -> AlgorithmSteps:
        """Judge n candidates. Asks nothing where n is 0 or 1."""
        ...


@dataclass(frozen=True, slots=True)
class Pointwise:
    """Rate every candidate on its own, all in one round. Gives ``raw`` scores."""

    @property
    def asks(self) -> QuestionKind:
        return "rate"

    def flow(self, n: int) -> AlgorithmSteps:
        scores: list[float | None] = []
        if n:
            questions = tuple((i,) for i in range(n))
            scores = yield Round(questions, list(range(n)), partial=True)
        return Verdict(sorted(range(n), key=lambda i: _missing_last(scores[i])), scores)


def _missing_last(score: float | None) -> float:
    return inf if score is None else -score


def run_in_lockstep(
    parts: Sequence[Subroutine[T]], so_far: Callable[[list[list[int]]], list[int]]
) -> Subroutine[list[T]]:
    """Run parts in lockstep, joining their rounds into one.

    Args:
        parts: Independent of each other.
        so_far: From the latest order of each part to one order of all candidates. A part that has
            not asked anything yet has an empty list.

    Returns:
        What each part returned.
    """
    results: dict[int, T] = {}
    orders: list[list[int]] = [[] for _ in parts]
    waiting: dict[int, Round] = {}

    def step(i: int, replies: list[Any] | None) -> None:
        waiting.pop(i, None)
        try:
            waiting[i] = next(parts[i]) if replies is None else parts[i].send(replies)
        except StopIteration as done:
            results[i] = done.value
        else:
            orders[i] = waiting[i].so_far

    for i in range(len(parts)):
        step(i, None)
    while waiting:
        rounds = dict(waiting)
        questions = tuple(q for current in rounds.values() for q in current.questions)
        replies = yield Round(questions, so_far(orders))
        start = 0
        for i, current in rounds.items():
            end = start + len(current.questions)
            step(i, replies[start:end])
            start = end
    return [results[i] for i in range(len(parts))]


def interleave(lists: Sequence[Sequence[int]]) -> list[int]:
    """The first item of each list, then the second of each, and so on."""
    longest = max((len(items) for items in lists), default=0)
    return [items[i] for i in range(longest) for items in lists if i < len(items)]
