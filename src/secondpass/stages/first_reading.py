"""A short look at every text before some are read whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from secondpass.core.candidate import Mark
from secondpass.core.errors import NoScoresError
from secondpass.core.ranking import Ranking


def shortened(ranking: Ranking, prefix: int | None) -> Ranking:
    """The same candidates with the first `prefix` characters of their texts, nothing scored.

    A word is never cut in two, unless it alone is longer. None leaves the texts whole.
    """
    return Ranking(
        ranking.query,
        tuple(replace(c, text=beginning(c.text, prefix), score=None) for c in ranking),
    )


def beginning(text: str, prefix: int | None) -> str:
    """The first `prefix` characters, up to a blank."""
    if prefix is None or len(text) <= prefix:
        return text
    head = text[: prefix + 1]
    return head[: max(head.rfind(" "), head.rfind("\n"), 0)] or text[:prefix]


def read_whole(ranking: Ranking, prefix: int | None) -> frozenset[str]:
    """Ids of the candidates whose first reading is already their full one."""
    if prefix is None:
        return frozenset()
    return frozenset(c.id for c in ranking if len(c.text) <= prefix)


def new_marks(before: Ranking, after: Ranking) -> dict[str, tuple[Mark, ...]]:
    """What a stage added to each candidate's trail, by id."""
    old = {c.id: len(c.trail) for c in before}
    return {c.id: c.trail[old[c.id] :] for c in after}


def named_as_first(
    marks: dict[str, tuple[Mark, ...]], whole: Collection[str], prefix: int | None
) -> dict[str, tuple[Mark, ...]]:
    """The marks under a name of their own where only a part of the text was read."""
    if prefix is None:
        return marks
    ending = f", first {prefix} characters"
    return {
        id: own if id in whole else tuple(replace(m, stage=m.stage + ending) for m in own)
        for id, own in marks.items()
    }


def scores_by_id(said: Ranking, name: str) -> dict[str, float]:
    """Every candidate's score.

    Raises:
        NoScoresError: The ranking is only an order.
    """
    if len(said) and said.scale == "order":
        raise NoScoresError(
            f"{name!r} gave an order for {said.query!r}, and whether a text can still reach the "
            "top k is told by scores; use a stage that scores every candidate"
        )
    return dict(zip(said.ids, said.scores if len(said) else [], strict=True))
