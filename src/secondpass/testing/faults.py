"""What can go wrong with a chat server, to be tried in tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from secondpass.errors import InvalidInputError

FaultKind = Literal[
    "rate-limit", "server-error", "unauthorized", "forbidden", "unknown-model", "bad-request",
    "hang", "drip", "redirect", "huge", "gzip-bomb", "half-json", "html",
    "truncate", "refuse", "empty", "say",
    "no-logprobs", "reject-logprobs", "ignore-schema", "reject-schema", "reject-system",
    "context", "parts", "odd-usage", "odd-logprobs",
]  # fmt: skip
LASTING = (
    "no-logprobs", "reject-logprobs", "ignore-schema", "reject-schema", "reject-system", "context",
    "parts", "odd-usage", "odd-logprobs",
)  # fmt: skip
"""Faults that are a way of being rather than an accident: they take effect together."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a stand-in server.

    Attributes:
        kind: ``rate-limit`` (429), ``server-error`` (500), ``unauthorized`` (401), ``forbidden``
            (403), ``unknown-model`` (404), ``bad-request`` (400), ``hang`` (no answer until the
            server stops), ``drip`` (the answer, a byte at a time, too slow to ever end),
            ``redirect`` (307 to `text`), ``huge`` (a text of `chars` characters), ``gzip-bomb``
            (the same, compressed), ``half-json`` (200, and the first half of the answer),
            ``html`` (200, and no JSON), ``truncate`` (cut off, finish_reason length), ``refuse``,
            ``empty``, ``say`` (answers `text`); and lasting ones: ``no-logprobs``,
            ``reject-logprobs``, ``ignore-schema``, ``reject-schema``, ``reject-system``,
            ``context`` (400 where the messages hold more than `chars`), ``parts`` (content as a
            list: a thought, then the text), ``odd-usage`` (counts as text), ``odd-logprobs``
            (tokens that are no text).
        times: How many requests it hits; every one if None.
        after: How many requests it lets pass before.
        retry_after: Seconds, sent with a 429 or a 500; no such header if None.
        text: What ``say`` answers; where ``redirect`` points.
        chars: What ``context`` allows; the size of ``huge`` and ``gzip-bomb``.

    Raises:
        InvalidInputError: An unknown kind.
    """

    kind: FaultKind
    times: int | None = None
    retry_after: float | None = None
    text: str = ""
    chars: int = 0
    after: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise InvalidInputError(
                f"unknown fault {self.kind!r}; one of {', '.join(get_args(FaultKind))}"
            )
