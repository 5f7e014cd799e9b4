"""Keep what the generator has room for."""

from __future__ import annotations

from dataclasses import replace
from operator import index
from typing import SupportsIndex

from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.tokens import Counter, estimated
from secondpass.stages.cut import Cut


class TokenBudget(Cut):
    """Keep the best candidates that fit into so many tokens, in their order. Scores pass through.

    Best first, each candidate that still fits is kept; one that does not is left out, and a
    shorter one below it may take the room. An event says how many were left out, and which was
    the best of them. The tokens that a prompt puts between texts are not counted: ask for fewer.

    Args:
        tokens: How many, over all texts kept.
        count: Tokens of a text, as your generator counts them, such as
            ``lambda text: len(tokenizer.encode(text).ids)``. None estimates without a tokenizer,
            within about a third: four letters a token in ASCII, two in other alphabets, one in
            Chinese, Japanese and Korean. A recipe keeps the estimate and refuses a function.

    Raises:
        InvalidInputError: `tokens` is negative or not a whole number, `count` cannot be called,
            or (when run) it returned no number of tokens.
    """

    reads_scores = False

    def __init__(self, tokens: int, count: Counter | None = None) -> None:
        if isinstance(tokens, bool) or not isinstance(tokens, SupportsIndex) or index(tokens) < 0:
            raise InvalidInputError(f"tokens={tokens!r}: give a whole number, 0 or more")
        if count is not None and not callable(count):
            raise InvalidInputError(f"count={count!r}: give a function from a text to its tokens")
        self.tokens, self.count = index(tokens), count
        self.name = f"TokenBudget({tokens})"

    def cut(self, ranking: Ranking) -> Ranking:
        room, kept, left_out = self.tokens, [], []
        for place, candidate in enumerate(ranking):
            size = counted(candidate.text, self.count)
            if size <= room:
                kept.append(candidate)
                room -= size
            else:
                left_out.append((place, size))
        if not left_out:
            return ranking
        place, size = left_out[0]
        return replace(ranking, candidates=tuple(kept)).with_event(
            self.name,
            "left-out",
            f"{len(left_out)} of {len(ranking)} left out for want of room, the best of them "
            f"place {place + 1} with {size} tokens; {self.tokens - room} of {self.tokens} used",
        )


def counted(text: str, count: Counter | None) -> int:
    """Tokens of a text by a counter, or estimated.

    Raises:
        InvalidInputError: The counter returned no number of tokens.
    """
    if count is None:
        return estimated(text)
    size = count(text)
    if isinstance(size, bool) or not isinstance(size, SupportsIndex) or index(size) < 0:
        raise InvalidInputError(
            f"the token counter returned {size!r}; it must return how many tokens a text has, "
            "such as len(tokenizer.encode(text).ids)"
        )
    return index(size)
