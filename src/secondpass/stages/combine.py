"""From the scores of a text's chunks to one score of the text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from secondpass.core.errors import InvalidInputError

Combination = Callable[[Sequence[float]], float]
_MEAN_OF_BEST = re.compile(r"mean of best ([1-9]\d{0,3})")
NAMES = '"max", "mean", "mean of best 3" (or another number) or "log-sum-exp"'


def combination(name: str) -> Combination:
    """What makes one score of several; a text of one chunk has the score of that chunk.

    * ``max``: a text is as relevant as its most relevant part.
    * ``mean of best 3``: of the three best chunks, or of all where there are fewer.
    * ``mean``: of all.
    * ``log-sum-exp``: ln(sum(exp(score))), which grows with every relevant chunk; for logits.

    Raises:
        InvalidInputError: Another name.
    """
    if name == "max":
        return max
    if name == "mean":
        return lambda scores: math.fsum(scores) / len(scores)
    if name == "log-sum-exp":
        return _log_sum_exp
    if isinstance(name, str) and (found := _MEAN_OF_BEST.fullmatch(name)):
        best = int(found[1])
        return lambda scores: math.fsum(sorted(scores)[-best:]) / min(best, len(scores))
    raise InvalidInputError(f"combine={name!r:.60}: give {NAMES}")


def _log_sum_exp(scores: Sequence[float]) -> float:
    most = max(scores)
    return most + math.log(math.fsum(math.exp(score - most) for score in scores))
