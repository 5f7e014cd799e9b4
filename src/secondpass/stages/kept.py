"""What a caller wants to keep, in options that every way in has: `rerank` and the adapters."""

from __future__ import annotations

from secondpass.core.deadline import checked_seconds
from secondpass.core.errors import InvalidInputError
from secondpass.core.stage import Pipeline, Stage
from secondpass.stages.cut import Top, whole_number
from secondpass.stages.group import GroupBy, Joined
from secondpass.stages.threshold import Threshold


def cuts_of(
    top: int | None, threshold: float | None, keep_at_least: int = 0, *, word: str = "top_k"
) -> list[Stage]:
    """The stages that shorten a ranking, in the order in which they must stand.

    Args:
        top: How many to keep at most; None keeps all.
        threshold: The least P(relevant) to keep, which is applied first; None keeps all.
        keep_at_least: This number of the best stay whatever the threshold.
        word: What the caller calls `top`, for the message.

    Raises:
        InvalidInputError: One that cannot be used, or `keep_at_least` without a threshold.
    """
    cuts: list[Stage] = []
    if threshold is not None:
        cuts.append(Threshold(threshold, keep_at_least=keep_at_least))
    elif whole_number(keep_at_least, "keep_at_least"):
        raise InvalidInputError(
            f"keep_at_least={keep_at_least} says how many a threshold leaves; give threshold= too"
        )
    if top is not None:
        cuts.append(Top(whole_number(top, word)))
    return cuts


def with_cuts(
    model: Stage,
    *,
    top: int | None,
    threshold: float | None,
    keep_at_least: int = 0,
    deadline: float | None = None,
    word: str = "top_k",
    group_by: str | None = None,
    joined: bool = False,
) -> Stage:
    """A model, then the threshold, then the cut, all within the deadline.

    Args:
        model: What ranks.
        top: See `cuts_of`, for this, `threshold`, `keep_at_least` and `word`; with `group_by`
            it counts wholes.
        threshold: The least P(relevant) to keep.
        keep_at_least: The number of the best that stay.
        deadline: Seconds for each call; None waits for as long as it takes.
        word: What the caller calls `top`.
        group_by: A key of the metadata: candidates with the same value are parts of one whole;
            see `GroupBy`.
        joined: Whether the model reads the parts of a whole as one text; see `Joined`.

    Raises:
        InvalidInputError: See `cuts_of`; no name of a key; or a deadline that is no positive
            number of seconds.
    """
    seconds = None if deadline is None else checked_seconds(deadline)
    cuts = cuts_of(top, threshold, keep_at_least, word=word)
    if group_by is not None:
        model = Joined(model, group_by) if joined else model
        cuts = [*(cut for cut in cuts if isinstance(cut, Threshold)), GroupBy(group_by, top)]
    pipeline = Pipeline(model, *cuts)
    return pipeline if seconds is None else pipeline.within(seconds)
