"""What a rerank API answered, as one score per text, whatever its order and whatever is missing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secondpass.core.event import Note
from secondpass.core.evidence import Span, evidence_note
from secondpass.models.remote.dialects import Dialect, at

_COMPARED = 200
"""Characters by which a repeated text is recognised; servers may cut what they repeat."""


class UnreadableReplyError(Exception):
    """An answer that is not one to the request. The message says what it is instead."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request.

    Attributes:
        scores: One for each text sent, in the order sent; None where the server gave none.
        notes: Likewise; ``evidence`` (see `Candidate.evidence`) where it gave some.
        usage: What the server counted, by its own names.
        problems: What had to be put right: results given twice, scores that are not numbers.
        failure: Why there is no answer; "" where there is one.
        late: Whether there is none because the deadline of the whole call ended.
    """

    scores: list[float | None]
    notes: list[Note]
    usage: dict[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    failure: str = ""
    late: bool = False


def read_reply(content: bytes, dialect: Dialect, texts: Sequence[str]) -> Reply:
    """Scores by index, never by position.

    Raises:
        UnreadableReplyError: It is not JSON, holds no list of results, names texts that were not
            sent, or repeats other ones.
    """
    answer = parsed(content)
    results = at(answer, dialect.results)
    if not isinstance(results, list):
        raise UnreadableReplyError(_complaint(answer, dialect))
    if not results:
        raise UnreadableReplyError("it holds no result")
    scores: list[float | None] = [None] * len(texts)
    notes: list[Note] = [{} for _ in texts]
    seen: set[int] = set()
    repeated = unusable = 0
    for result in results:
        index = _index(result, dialect, texts)
        if index in seen:
            repeated += 1
            continue
        seen.add(index)
        scores[index] = score = number(at(result, dialect.score))
        unusable += score is None
        if dialect.spans and (spans := _spans(at(result, dialect.spans), texts[index])):
            notes[index] = {"evidence": spans}
    problems = []
    if repeated:
        problems.append(f"{repeated} results came twice; the first of each counts")
    if unusable:
        problems.append(f"{unusable} scores are not finite numbers")
    usage = {path.rpartition(".")[2]: number(at(answer, path)) for path in dialect.usage}
    counted = {name: value for name, value in usage.items() if value is not None}
    return Reply(scores, notes, counted, tuple(problems))


def error_text(content: bytes) -> str:
    """What an error response says, however it is wrapped; at most 300 characters."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return " ".join(content[:400].decode("utf-8", "replace").split())[:300]
    for path in ("error.message", "error", "message", "detail.message", "detail"):
        if (said := at(body, path)) and isinstance(said, str | list):
            return " ".join(str(said).split())[:300]
    return " ".join(str(body).split())[:300]


def parsed(content: bytes) -> Any:
    """The JSON of a response.

    Raises:
        UnreadableReplyError: It is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError too
        beginning = " ".join(content[:200].decode("utf-8", "replace").split())[:80]
        problem = f"it is not JSON, and begins {beginning!r}" if beginning else "it is empty"
        raise UnreadableReplyError(problem) from None


def _complaint(answer: Any, dialect: Dialect) -> str:
    """A gateway may answer with an error and status 200."""
    where = f"in {dialect.results!r}" if dialect.results else "as its whole"
    wanted = f"it holds no list of results {where}"
    said = error_text(json.dumps(answer).encode())
    return f"{wanted}, but {said!r}"


def _index(result: Any, dialect: Dialect, texts: Sequence[str]) -> int:
    index = at(result, dialect.index)
    if isinstance(index, str) and index.isascii() and index.isdecimal():
        index = int(index[:9])  # where the API calls it an id
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(texts):
        raise UnreadableReplyError(
            f"it has a result with the index {index!r:.40}, and {len(texts)} texts were sent"
        )
    if dialect.text is not None:
        text = at(result, dialect.text)
        text = text.get("text") if isinstance(text, Mapping) else text
        if isinstance(text, str) and not _begins_alike(text, texts[index]):
            raise UnreadableReplyError(
                f"it repeats another text than the one sent as number {index}: the answer to "
                "another request?"
            )
    return index


def _begins_alike(repeated: str, sent: str) -> bool:
    """Whether what a server repeats may be the text sent; it may have cut or stripped it."""
    ours, theirs = (" ".join(text[: 2 * _COMPARED].split()) for text in (sent, repeated))
    length = min(len(ours), len(theirs), _COMPARED)
    return ours[:length] == theirs[:length]


def number(value: Any) -> float | None:
    """A finite number of parsed JSON; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        plain = float(value)
    except OverflowError:
        return None
    return plain if math.isfinite(plain) else None


def _spans(value: Any, text: str) -> list[list[float]]:
    """[start, end, score] in code points of the text; what does not lie in it is left out."""
    spans: list[Span] = []
    for span in value if isinstance(value, list) else ():
        start, end, score = at(span, "start"), at(span, "end"), number(at(span, "score"))
        whole = isinstance(start, int) and isinstance(end, int)
        if whole and score is not None and 0 <= start < end <= len(text):
            spans.append(Span(start, end, score))
    return evidence_note(spans)
