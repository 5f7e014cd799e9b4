from __future__ import annotations

import pytest

from secondpass.judge.chat.capabilities import failure_kind
from secondpass.judge.chat.protocol import ChatError
from secondpass.judge.chat.repair import is_refusal


@pytest.mark.parametrize("message", [
    "This model's maximum context length is 8192 tokens, however you requested 9000",
    "the request exceeds the available context size. try increasing the context size",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "Requested tokens (600) exceed context window of 512",
    "Input tokens exceed the configured limit; reduce the length of the messages",
    "context_length_exceeded",
])  # fmt: skip
def test_servers_say_too_long_in_many_ways(message: str) -> None:
    assert failure_kind(ChatError(message, 400)) == "too-long"
    assert failure_kind(RuntimeError(message)) == "too-long"  # a client of one's own has no status


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        ("response_format is not supported", 400, "request"),
        ("extra fields not permitted", 422, "request"),
        ("boom", 500, "request"),
        ("The response was filtered due to content management policy", 400, "filtered"),
        ("payload", 413, "too-long"),
        ("too many requests in this context window", 429, "other"),
        ("bad key", 401, "other"),
        ("connection refused", None, "other"),
    ],
)
def test_other_failures(message: str, status: int | None, kind: str) -> None:
    assert failure_kind(ChatError(message, status)) == kind


def test_the_status_is_found_where_clients_put_it() -> None:
    class Response:
        status_code = 413

    error = RuntimeError("x")
    error.response = Response()  # type: ignore[attr-defined]
    assert failure_kind(error) == "too-long"


def test_refusals_are_recognised() -> None:
    assert is_refusal("I\u2019m sorry, but I can't help with that.")
    assert is_refusal("As an AI, I have no opinion")
    assert not is_refusal("[k4] > [b2]")
    assert not is_refusal("Yes")
