"""What is noted on the way: events of a whole ranking, and notes on single candidates.

`docs/concepts.md` says in one table what each kind and each key means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

EventKind = Literal[
    # cuts
    "dropped",
    "kept-below-threshold",
    "abstained",
    "left-out",
    "pruned",
    # what was not read, or has no score
    "truncated",
    "missing",
    "repeated",
    "other-language",
    # calibration
    "unlike-fitted",
    # files
    "disk-cache-failed",
    "stored-score-damaged",
    "vector-file-failed",
    "stored-vector-damaged",
    # time and failure
    "deadline",
    "stage-failed",
    "hedged",
    "depth",
    "affordable",
    "unhealthy",
    # judges and remote rerankers
    "cost",
    "malformed",
    "position-check",
    "budget",
    "failed",
    "fallback",
    "repaired",
    "refused",
    "retried",
    "shrunk",
    "no-logprobs",
    "no-schema",
    "no-system",
]
"""The words that events are filtered by, with hyphens. A stage of your own uses the nearest one;
its message says the rest."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a whole ranking: a fallback, a cut, a missing field.

    Attributes:
        stage: Name of the stage that reports it.
        kind: One word to filter by, such as ``dropped`` or ``kept-below-threshold``.
        message: One sentence for people.
    """

    stage: str
    kind: EventKind
    message: str


class Note(TypedDict, total=False):
    """What a stage reports on one candidate besides rank and score, as plain JSON values.

    A scorer of your own may add keys; for type checkers, derive its notes from this class.

    Attributes:
        cut_tokens: Tokens of the text that were not read.
        read_tokens: Tokens of the text that were read, where some were not.
        cut_is_a_lower_bound: The text was too long to be counted to its end.
        estimated: The tokens are an estimate, since the model's tokenizer is not known.
        cut_query_tokens: Tokens of the query that were not read.
        chunks: In how many chunks a long text was read.
        unread_chunks: Chunks of it that were not read.
        late_chunks: Chunks of it that were not read in time.
        shown: The part of the text that a judge was shown: start and end.
        kept: What a pruned text is made of: start and end in the text before, in order.
        kept_of: Characters of the text before.
        cached: The score was taken from a cache.
        disk_cache_failed: Why the file of scores could not be used.
        stored_score_damaged: The stored score was damaged, and computed again.
        stored: The text's vectors were taken from a file.
        vector_file_failed: Why the file of vectors could not be used.
        stored_vector_damaged: The stored vectors were damaged, and the text was read again.
        list_size: The number of candidates in the list that its probability depends on.
        unscored: It was not scored in time, or by no stage that was asked.
        evidence: Relevant parts of the text, best first: start, end (code points) and score of
            each; `Candidate.evidence` reads them.
        other_language: The text is not in the language that the model reads.
    """

    cut_tokens: int
    read_tokens: int
    cut_is_a_lower_bound: bool
    estimated: bool
    cut_query_tokens: int
    chunks: int
    unread_chunks: int
    late_chunks: int
    shown: list[int]
    kept: list[list[int]]
    kept_of: int
    cached: bool
    disk_cache_failed: str
    stored_score_damaged: bool
    stored: bool
    vector_file_failed: str
    stored_vector_damaged: bool
    list_size: int
    unscored: bool
    evidence: list[list[float]]
    other_language: bool
