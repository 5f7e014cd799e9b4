"""Stages that shorten a ranking, or restrict another stage to its head."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import SupportsIndex

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Mark
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps
from secondpass.core.tokens import Counter, estimated


class Cut(Stage):
    """A stage that only leaves out candidates of each ranking; scores pass through.

    Subclasses write `cut`.
    """

    @property
    def origin(self) -> None:
        return None

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self.cut(r) for r in rankings]

    def cut(self, ranking: Ranking) -> Ranking:
        """The candidates of one ranking that are kept, in its order."""
        raise NotImplementedError


class Top(Cut):
    """Keep the first k candidates; the rest are gone. Scores pass through.

    Raises:
        InvalidInputError: k is negative, or not a whole number.
    """

    reads_scores = False

    @hint_keywords()
    def __init__(self, k: int) -> None:
        self.k = whole_number(k, "k")
        self.name = f"Top({self.k})"

    def cut(self, ranking: Ranking) -> Ranking:
        return ranking.head(self.k)


class TokenBudget(Cut):
    """Keep the best candidates that fit into a number of tokens, in their order.

    Best first, each candidate that still fits is kept; one that does not is left out, and a
    shorter one below it may fit. An event says how many were left out, and which was the best of
    them. The tokens that a prompt puts between texts are not counted: ask for fewer. Scores pass
    through.

    Args:
        tokens: Number of tokens of all texts kept together.
        count_tokens: Tokens of a text, as your generator counts them, such as
            ``lambda text: len(tokenizer.encode(text).ids)``. None estimates without a tokenizer,
            within about a third: four letters per token in ASCII, two in other alphabets, one in
            Chinese, Japanese and Korean. A recipe keeps the estimate and refuses a function.

    Raises:
        InvalidInputError: `tokens` is negative or not a whole number, `count_tokens` cannot be
            called, or (when run) it returned no number of tokens.
    """

    reads_scores = False

    @hint_keywords()
    def __init__(self, tokens: int, count_tokens: Counter | None = None) -> None:
        self.tokens, self.count_tokens = whole_number(tokens, "tokens"), count_tokens
        if count_tokens is not None and not callable(count_tokens):
            raise InvalidInputError(
                f"count_tokens={count_tokens!r}: give a function from a text to its tokens"
            )
        self.name = f"TokenBudget({tokens})"

    def cut(self, ranking: Ranking) -> Ranking:
        used, kept, left_out = 0, [], []
        for rank, candidate in enumerate(ranking):
            size = measure_tokens(candidate.text, self.count_tokens)
            if used + size <= self.tokens:
                kept.append(candidate)
                used += size
            else:
                left_out.append((rank, size))
        if not left_out:
            return ranking
        rank, size = left_out[0]
        return replace(ranking, candidates=tuple(kept)).with_event(
            self.name,
            "left-out",
            f"{len(left_out)} of {len(ranking)} did not fit into the token budget, the best of "
            f"them candidate {rank + 1} with {size} tokens; {used} of {self.tokens} used",
        )


class Refine(Composite):
    """Let a stage reorder the first k; the rest keep their order below them. Gives an ``order``.

    Head and tail were scored by different models, so the result has no scores; those of each
    stage are in the trail.

    Raises:
        InvalidInputError: k is negative, or not a whole number.
    """

    def __init__(self, stage: Stage, k: int) -> None:
        self.stage, self.k = stage, whole_number(k, "k")
        self.name = f"Refine({stage.name}, {self.k})"

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        (heads,) = yield [(self.stage, [r.head(self.k) for r in rankings])]
        return [self._join(h, r) for h, r in zip(heads, rankings, strict=True)]

    def _join(self, head: Ranking, whole: Ranking) -> Ranking:
        candidates = tuple(
            c.marked(None, Mark(self.name, rank, None))
            for rank, c in enumerate((*head, *whole[self.k :]))
        )
        return replace(head, candidates=candidates, scale="order")


def whole_number(value: SupportsIndex, name: str) -> int:
    """A count as an int, from an int or an integer of numpy's.

    Args:
        value: The caller's.
        name: Of the caller's argument, for the message.

    Raises:
        InvalidInputError: Negative, a bool, or not a whole number.
    """
    try:
        count = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = -1
    if count < 0:
        raise InvalidInputError(f"{name}={value!r}: give a whole number, 0 or more")
    return count


def measure_tokens(text: str, count_tokens: Counter | None) -> int:
    """Tokens of a text by a counter, or estimated.

    Raises:
        InvalidInputError: The counter returned no number of tokens.
    """
    if count_tokens is None:
        return estimated(text)
    size = count_tokens(text)
    if isinstance(size, bool) or not isinstance(size, SupportsIndex) or operator.index(size) < 0:
        raise InvalidInputError(
            f"the token counter returned {size!r}; it must return how many tokens a text has, "
            "such as len(tokenizer.encode(text).ids)"
        )
    return operator.index(size)
