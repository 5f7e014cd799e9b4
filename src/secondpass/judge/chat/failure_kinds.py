"""What an error or an answer says between the lines: too long, not supported, not willing."""

from __future__ import annotations

import re
from typing import Literal

FailureKind = Literal["too-long", "filtered", "request", "other"]
"""Why a request failed: the prompt does not fit; a content filter; something about the request
that leaving an option out may cure; anything else (the network, the key, the server)."""

_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size|limit)|maximum.{0,20}(context|prompt|input|tokens)"
    r"|(prompt|input|request).{0,40}too (long|large|many tokens)|too many (input )?tokens"
    r"|exceed_context_size|exceeds? .{0,60}(context|token limit)|reduce the length"
    r"|max_model_len|string_above_max_length",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ](filter|management|policy)|safety (system|policy|filter)", re.IGNORECASE
)
_UNWILLING = re.compile(
    r"\b(i'?m|i am) (very |so |really )?(sorry|unable|afraid)|\bi (can ?not|can't|won't|will not)\b"
    r"|\bas an ai\b|\bnot able to (help|assist|comply|rank|answer|provide)|\bunable to (help|assist"
    r"|comply|rank|provide)",
    re.IGNORECASE,
)


def fault(error: BaseException) -> FailureKind:
    """What kind of failure an exception of any chat client is."""
    status = _status(error)
    said = str(error)
    if status in {400, 413, 422, 500} or status is None:
        if _TOO_LONG.search(said):
            return "too-long"
        if _FILTERED.search(said) and status != 500:
            return "filtered"
    if status == 413:
        return "too-long"
    return "request" if status in {400, 422, 500, 501} else "other"


def unwilling(text: str) -> bool:
    """Whether a text that holds no answer reads like a refusal."""
    return bool(_UNWILLING.search(text[:2000].replace("\u2019", "'")))


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", "http_status", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    return None
