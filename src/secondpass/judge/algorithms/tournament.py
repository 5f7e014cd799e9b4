"""Tournament: groups play concurrently, and the best of each meet in the next stage."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import (
    AlgorithmSteps,
    QuestionKind,
    Round,
    Verdict,
    interleave,
)


@dataclass(frozen=True, slots=True)
class Tournament:
    """Order groups concurrently and let the best of each go on, until they fit into one window.

    After Chen et al. 2024, "TourRank: Utilizing Large Language Models for Documents Ranking with
    a Tournament-Inspired Strategy" (arXiv 2406.11678), with whole orders instead of selections,
    which takes fewer stages: for 100 candidates and windows of 20, 8 calls in 3 rounds, and with
    ``keep=4`` 6 calls in 2. Groups are dealt like cards, so that each gets as many of the promising
    ones. Those that drop out rank below those that go on, by their rank in their group. Wrap it in
    `SelfConsistent` for several tournaments, as in TourRank-r. A judge without mistakes gets the
    first `keep` right.

    Args:
        window: How many texts a judge sees at once, at least 2.
        keep: The minimum number of a group that go on, at most half a window; more do where they
            fit into the next stage.

    Raises:
        InvalidInputError: The two do not fit.
    """

    window: int = 20
    keep: int = 8

    def __post_init__(self) -> None:
        if self.window < 2 or not 1 <= self.keep <= self.window // 2:
            raise InvalidInputError(
                f"window={self.window}, keep={self.keep}: a group holds at least 2 texts, and "
                "from 1 to half of them go on"
            )

    @property
    def asks(self) -> QuestionKind:
        return "order"

    def flow(self, n: int) -> AlgorithmSteps:
        playing, out = list(range(n)), list[int]()
        while len(playing) > self.window:
            number = ceil(len(playing) / self.window)
            groups = tuple(tuple(playing[i::number]) for i in range(number))
            ordered = interleave((yield Round(groups, playing + out)))
            going = max(self.window, self.keep * number)
            playing, out = ordered[:going], ordered[going:] + out
        if len(playing) > 1:
            (playing,) = yield Round((tuple(playing),), playing + out)
        return Verdict([*playing, *out])
