"""A ranking as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secondpass.core.errors import MissingExtraError

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (
    "rank", "position", "id", "score", "probability", "text", "metadata", "retrieval_score",
    "retrieval_rank", "notes",
)  # fmt: skip


def ranking_frame(details: Mapping[str, Any]) -> DataFrame:
    """A row for each candidate of what `Ranking.to_dict` gives, best first.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise MissingExtraError("Ranking.to_pandas", "pandas") from error
    return DataFrame(details["candidates"], columns=list(COLUMNS))
