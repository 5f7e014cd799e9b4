"""How an algorithm asks, without knowing whom: it sees places, never texts, judges or clocks.

An algorithm is a frozen dataclass whose `flow(n)` is a generator: it yields rounds of questions,
is sent the replies, and returns a verdict. So the same few lines run against a model over the
network, a local one, or a dry judge that only counts, and are tested without any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

T = TypeVar("T")
QuestionIndices = tuple[int, ...]
"""Places of the candidates to show, in the order to show them; place 0 came in first."""

QuestionKind = Literal["order", "best", "compare", "rate"]
"""What a question asks for, and so what its reply is:

* ``order``: the same places, best first.
* ``best``: one of the places.
* ``compare``: P(the first is better), in [0, 1]; questions are pairs.
* ``rate``: a finite number, higher is better; questions are single places.
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Questions that do not depend on each other, so they may be asked side by side.

    Attributes:
        questions: At least one.
        so_far: The best order of all places known before these are answered.
        partial: Replies to some of them are of use: where a budget ends the run, the flow is sent
            None for the others, and returns. Otherwise it is closed and `so_far` stands.
    """

    questions: tuple[QuestionIndices, ...]
    so_far: list[int]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an algorithm concludes.

    Attributes:
        order: Every place once, best first.
        scores: One per place, in incoming order, where the algorithm makes scores; None in it for
            a place that nothing is known of.
    """

    order: list[int]
    scores: list[float | None] | None = None


Subroutine = Generator[Round, list[Any], T]
"""A part of an algorithm: yields rounds, is sent one reply per question, returns a T."""

AlgorithmSteps = Subroutine[Verdict]


@runtime_checkable
class Algorithm(Protocol):
    """What an author of an algorithm writes; a frozen dataclass, so that recipes can store it."""

    @property
    def asks(self) -> QuestionKind: ...

    def flow(self, n: int) -> AlgorithmSteps:
        """Judge n candidates. Asks nothing where n is 0 or 1."""
        ...


def run_in_lockstep(
    parts: Sequence[Subroutine[T]], so_far: Callable[[list[list[int]]], list[int]]
) -> Subroutine[list[T]]:
    """Run parts in lockstep, their rounds joined into one.

    Args:
        parts: Independent of each other.
        so_far: From the latest order that each part knows to one order of them all. A part that
            asked nothing yet has no order, and an empty list.

    Returns:
        What each part returned.
    """
    results: dict[int, T] = {}
    orders: list[list[int]] = [[] for _ in parts]
    waiting: dict[int, Round] = {}

    def step(i: int, replies: list[Any] | None) -> None:
        waiting.pop(i, None)
        try:
            asked = next(parts[i]) if replies is None else parts[i].send(replies)
        except StopIteration as done:
            results[i] = done.value
        else:
            waiting[i], orders[i] = asked, asked.so_far

    for i in range(len(parts)):
        step(i, None)
    while waiting:
        now = dict(waiting)
        questions = tuple(q for asked in now.values() for q in asked.questions)
        replies = yield Round(questions, so_far(orders))
        start = 0
        for i, asked in now.items():
            end = start + len(asked.questions)
            step(i, replies[start:end])
            start = end
    return [results[i] for i in range(len(parts))]


def interleaved(lists: Sequence[Sequence[int]]) -> list[int]:
    """The first of each list, then the second of each, and so on."""
    longest = max((len(one) for one in lists), default=0)
    return [one[i] for i in range(longest) for one in lists if i < len(one)]
