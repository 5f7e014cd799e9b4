"""What stages found out about a ranking, as plain JSON values and as a DataFrame: one schema.

`Ranking.to_dict` gives it, and adapters write it into the metadata of documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from secondpass.core.candidate import Candidate
from secondpass.core.errors import MissingExtraError
from secondpass.core.event import Event
from secondpass.core.evidence import evidence_details

if TYPE_CHECKING:
    from pandas import DataFrame

    from secondpass.core.ranking import Ranking

COLUMNS = (
    "rank", "position", "id", "score", "probability", "text", "metadata", "retrieval_score",
    "retrieval_rank", "evidence", "notes",
)  # fmt: skip
RETRIEVER = "retriever"
"""The name under which `Ranking.of` keeps a first stage's scores in the trail."""
METADATA_KEY = "secondpass"
"""The key under which adapters write `metadata_details`, apart from the keys of the caller."""


def candidate_details(candidate: Candidate, rank: int, scale: str) -> dict[str, Any]:
    """One candidate of a ranking, without its id, text and metadata.

    Args:
        candidate: Whose details they are.
        rank: In the ranking, 0 is best.
        scale: Of the ranking.

    Returns:
        Always these keys, with plain JSON values:

        * ``scale``: what the score means, see `Scale`.
        * ``rank``: in this ranking, 0 is best.
        * ``position``: the index in the caller's list, from 0; None if it never was in one.
        * ``score``: the number; None on the scale "order".
        * ``probability``: P(relevant), where the score is one; else None.
        * ``retrieval_score``: the score that the candidate came with; None without one.
        * ``retrieval_rank``: its rank among those that the retriever returned, 0 is best.
        * ``evidence``: the relevant parts of the text, most relevant first: ``start``, ``end`` (in
          Unicode code points) and ``score`` of each. Empty where nobody looked for them.
        * ``notes``: what stages noted, by the stage's name; stages without a note are not there.
    """
    retrieved = next((m for m in reversed(candidate.trail) if m.stage == RETRIEVER), None)
    return {
        "scale": scale,
        "rank": rank,
        "position": candidate.position,
        "score": _finite(candidate.score),
        "probability": _finite(candidate.score) if scale == "probability" else None,
        "retrieval_score": _finite(retrieved.score) if retrieved else None,
        "retrieval_rank": retrieved.rank if retrieved else candidate.position,
        "evidence": evidence_details(candidate.evidence),
        "notes": notes_by_stage(candidate),
    }


def notes_by_stage(candidate: Candidate) -> dict[str, dict[str, Any]]:
    """What stages noted on a candidate, by the stage's name, as plain JSON values.

    Evidence is not among it; it has a key of its own.
    """
    notes: dict[str, dict[str, Any]] = {}
    for mark in candidate.trail:
        noted = {key: value for key, value in mark.note.items() if key != "evidence"}
        if noted:
            notes.setdefault(mark.stage, {}).update(json_value(noted))
    return notes


def metadata_details(ranking: Ranking, rank: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What adapters write under `METADATA_KEY` into the metadata of one document.

    Args:
        ranking: The result.
        rank: Which of its candidates, 0 is best.
        metadata: What the document came with; read for ``before`` only.

    Returns:
        The keys of `candidate_details`, and:

        * ``status``: "complete", "partial" or "fallback", see `Ranking.status`.
        * ``events``: what happened to the whole ranking, see `event_details`.
        * ``before``: what an earlier secondpass reranker wrote; absent if there was none.
    """
    details = candidate_details(ranking[rank], rank, ranking.scale)
    details["status"] = ranking.status
    details["events"] = event_details(ranking.events)  # no two documents share what is written
    if METADATA_KEY in metadata:
        details["before"] = metadata[METADATA_KEY]
    return details


def event_details(events: Sequence[Event]) -> list[dict[str, str]]:
    """``stage``, ``kind`` and ``message`` of each event, oldest first."""
    return [{"stage": e.stage, "kind": e.kind, "message": e.message} for e in events]


def ranking_details(
    query: str, candidates: Sequence[Candidate], scale: str, status: str, events: Sequence[Event]
) -> dict[str, Any]:
    """A whole ranking, see `Ranking.to_dict`."""
    return {
        "query": query,
        "scale": scale,
        "status": status,
        "events": event_details(events),
        "candidates": [
            {
                "id": c.id,
                "text": c.text,
                "metadata": _plain(c.metadata),
                **candidate_details(c, rank, scale),
            }
            for rank, c in enumerate(candidates)
        ],
    }


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


def json_value(value: Any) -> Any:
    """The value as None, bool, int, float, str, list or dict, all the way down.

    numpy's numbers and arrays become plain ones, keys and whatever JSON does not know become
    strings, and NaN and the infinities, which JSON does not have, become None.
    """
    plain: Any
    if value is None or isinstance(value, bool):
        plain = value
    elif isinstance(value, float):
        plain = float(value) if math.isfinite(value) else None
    elif isinstance(value, int):  # subclasses too, here and below
        plain = int(value)
    elif isinstance(value, str):
        plain = str(value)
    elif isinstance(value, Mapping):
        plain = {str(key): json_value(item) for key, item in value.items()}
    elif isinstance(value, list | tuple | Set):
        plain = [json_value(item) for item in value]
    elif hasattr(value, "tolist"):  # numpy's scalars and arrays
        plain = json_value(value.tolist())
    else:
        plain = str(value)
    return plain


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): json_value(value) for key, value in metadata.items()}


def _finite(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else float(number)
