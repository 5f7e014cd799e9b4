"""What can go wrong when candidates are dropped, as losses of one query in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import short_repr

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@short_repr
@dataclass(frozen=True, slots=True)
class KeptAndDropped:
    """What a threshold kept and dropped of many queries: four arrays of one shape.

    Whatever the pipeline itself cuts, as `Top` does, counts as dropped.

    Attributes:
        relevant_kept: How many of the relevant candidates were kept.
        relevant_dropped: How many of them were dropped.
        others_kept: How many candidates that are not relevant were kept.
        others_dropped: How many of those were dropped.
    """

    relevant_kept: Floats
    relevant_dropped: Floats
    others_kept: Floats
    others_dropped: Floats


@short_repr
@dataclass(frozen=True, slots=True)
class Risk:
    """A risk is the mean of a loss over queries; the query is the sample.

    Attributes:
        name: What evidence and messages call it.
        loss: Counts to losses in [0, 1], element by element, with arrays in and out.
        safe: The safe end, where the search starts: ``keep`` where keeping everything is safe,
            ``drop`` where keeping nothing is. The promise holds either way; a wrong end finds
            nothing.
        monotone: The loss never falls on the way from the safe end to the other. Checked on the
            judged queries. Without it only `confidence` can be promised, not an expectation.
        binary: The loss is 0 or 1, for which the test is exact. Checked too.
    """

    name: str
    loss: Callable[[KeptAndDropped], Floats]
    safe: Literal["keep", "drop"] = "keep"
    monotone: bool = False
    binary: bool = False

    def __post_init__(self) -> None:
        if self.safe not in ("keep", "drop"):
            raise InvalidInputError(f'safe={self.safe!r}: the safe end is "keep" or "drop"')


def _missed(counts: KeptAndDropped) -> Floats:
    relevant = counts.relevant_kept + counts.relevant_dropped
    share: Floats = counts.relevant_dropped / (relevant + (relevant == 0))
    return share


def _noise(counts: KeptAndDropped) -> Floats:
    kept = counts.relevant_kept + counts.others_kept
    share: Floats = counts.others_kept / (kept + (kept == 0))
    return share


def _unanswered(counts: KeptAndDropped) -> Floats:
    lost: Floats = ((counts.relevant_kept == 0) & (counts.relevant_dropped > 0)).astype(float)
    return lost


missed = Risk("missed", _missed, "keep", monotone=True)
"""Share of the relevant candidates that are dropped, 1 - recall; 0 where none is relevant."""

noise = Risk("noise", _noise, "drop")
"""Share of the kept candidates that are not relevant, 1 - precision (the false discovery
proportion); 0 where nothing is kept. Not monotone."""

unanswered = Risk("unanswered", _unanswered, "keep", monotone=True, binary=True)
"""Nothing relevant is kept although there was something: its mean is the no-answer rate."""

_NAMED = {risk.name: risk for risk in (missed, noise, unanswered)}


def risk_named(risk: str | Risk) -> Risk:
    """A risk, from itself or its name.

    Raises:
        InvalidInputError: No such risk.
    """
    if isinstance(risk, Risk):
        return risk
    if risk not in _NAMED:
        raise InvalidInputError(
            f"risk={risk!r}: choose from {', '.join(_NAMED)}, or give a Risk of your own"
        )
    return _NAMED[risk]
