"""How much a full reading may still add to what a first reading said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.short_repr import short_repr


@short_repr
@dataclass(frozen=True, slots=True)
class ExitMargin:
    """What decides that a text cannot reach the top k any more; see `EarlyExit.fit`.

    Attributes:
        value: A text is read in full while first reading + value >= k-th best full reading.
        k: The top k that it was fitted for.
        prefix: Characters of the first reading; None where another stage reads first.
        fitted_on: Names of the stages, model revisions included.
        coverage: Which share of the true top k it was fitted to find; None if set by hand.
        members: How many members of true top k's it was fitted on.

    Raises:
        InvalidInputError: A number that makes no sense.
    """

    value: float
    k: int
    prefix: int | None
    fitted_on: str
    coverage: float | None = None
    members: int = 0

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InvalidInputError(f"a margin of {self.value} is not a finite number")
        if self.k < 1 or (self.prefix is not None and self.prefix < 1):
            raise InvalidInputError(f"k={self.k}, prefix={self.prefix}: each is 1 or more")

    @classmethod
    def of_shortfalls(
        cls,
        shortfalls: Sequence[float],
        *,
        k: int,
        prefix: int | None,
        fitted_on: str,
        coverage: float,
    ) -> ExitMargin:
        """The quantile at `coverage` of how far members of the top k stood below its k-th score.

        Taken as split conformal prediction does, at ceil((n + 1) * coverage), so that about this
        share of members is found on new queries of the same kind (Vovk et al. 2005).

        Args:
            shortfalls: k-th best full score - first score, of each member of a true top k whose
                first reading was not its full one.
            k: See `ExitMargin`.
            prefix: See `ExitMargin`.
            fitted_on: See `ExitMargin`.
            coverage: In (0, 1).

        Raises:
            InvalidInputError: No coverage.
            CalibrationError: Too few members.
        """
        if not 0 < coverage < 1:
            raise InvalidInputError(f"coverage={coverage} lies between 0 and 1, both excluded")
        place = math.ceil((len(shortfalls) + 1) * coverage)
        if place > len(shortfalls):
            need = math.ceil(coverage / (1 - coverage))
            raise CalibrationError(
                f"{len(shortfalls)} texts of true top {k}s were not read whole at first, and a "
                f"coverage of {coverage:g} needs at least {need}: give more rankings, longer than "
                f"{k} candidates, or a shorter prefix; where texts are that short, early exit has "
                "nothing to save"
            )
        value = sorted(shortfalls)[place - 1]
        return cls(float(value), k, prefix, fitted_on, coverage, len(shortfalls))
