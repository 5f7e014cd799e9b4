"""What can go wrong with a chat server, to be tried in tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from secondpass.errors import InvalidInputError

FaultKind = Literal[
    "rate-limit", "server-error", "unauthorized", "unknown-model", "bad-request", "hang",
    "truncate", "refuse", "empty", "say", "html",
    "no-logprobs", "reject-logprobs", "ignore-schema", "reject-schema", "reject-system",
    "context",
]  # fmt: skip
LASTING = (
    "no-logprobs", "reject-logprobs", "ignore-schema", "reject-schema", "reject-system", "context",
)  # fmt: skip
"""Faults that are a way of being rather than an accident: they take effect together."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a stand-in server.

    Attributes:
        kind: ``rate-limit`` (429), ``server-error`` (500), ``unauthorized`` (401),
            ``unknown-model`` (404), ``bad-request`` (400), ``hang`` (no answer until the server
            stops), ``truncate`` (cut off, finish_reason length), ``refuse``, ``empty``, ``say``
            (answers `text`), ``html`` (200, and no JSON); and lasting ones: ``no-logprobs``,
            ``reject-logprobs``, ``ignore-schema``, ``reject-schema``, ``reject-system``,
            ``context`` (400 where the messages hold more than `chars`).
        times: How many requests it hits; every one if None.
        retry_after: Seconds, sent with a 429 or a 500; no such header if None.
        text: What ``say`` answers.
        chars: What ``context`` allows.

    Raises:
        InvalidInputError: An unknown kind.
    """

    kind: FaultKind
    times: int | None = None
    retry_after: float | None = None
    text: str = ""
    chars: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise InvalidInputError(
                f"unknown fault {self.kind!r}; one of {', '.join(get_args(FaultKind))}"
            )
