"""The responses of the stand-in server: chat completions, and what can go wrong with them."""

from __future__ import annotations

import gzip
import json
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from secondpass.core.errors import InvalidInputError
from secondpass.testing.chat_answers import ModelAnswer

if TYPE_CHECKING:  # the kit without a server imports none
    from secondpass.testing.stand_in import Response

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
"""Faults that are properties of a server rather than accidents: they take effect together."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a stand-in server.

    Attributes:
        kind: ``rate-limit`` (429), ``server-error`` (500), ``unauthorized`` (401), ``forbidden``
            (403), ``unknown-model`` (404), ``bad-request`` (400), ``hang`` (no answer until the
            server stops), ``drip`` (the answer, a byte at a time, so slowly that it never ends),
            ``redirect`` (307 to `text`), ``huge`` (a text of `chars` characters), ``gzip-bomb``
            (the same, compressed), ``half-json`` (200, and the first half of the answer),
            ``html`` (200, and no JSON), ``truncate`` (cut off, finish_reason length), ``refuse``,
            ``empty``, ``say`` (answers `text`); and lasting ones: ``no-logprobs``,
            ``reject-logprobs``, ``ignore-schema``, ``reject-schema``, ``reject-system``,
            ``context`` (400 where the messages hold more than `chars`), ``parts`` (content as a
            list: a thought, then the text), ``odd-usage`` (counts as text), ``odd-logprobs``
            (tokens that are not text).
        times: The number of requests that it affects; every one if None.
        after: The number of requests that it lets pass before.
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


_ERRORS = {
    "rate-limit": (429, "Rate limit reached for requests", "rate_limit_exceeded"),
    "server-error": (500, "The server had an error", "server_error"),
    "unauthorized": (401, "Incorrect API key provided", "invalid_api_key"),
    "forbidden": (403, "You are not allowed to do this", "forbidden"),
    "unknown-model": (404, "The model does not exist", "model_not_found"),
    "bad-request": (400, "The request is malformed", "invalid_request_error"),
}
_REJECTED = {
    "reject-logprobs": ("logprobs", "logprobs are not supported by this model"),
    "reject-schema": ("response_format", "response_format of type json_schema is not supported"),
}
_TEXTS = {
    "refuse": ("I'm sorry, but I can't help with that.", "stop"),
    "empty": ("", "stop"),
    "truncate": ('{"order": ["', "length"),
}


def completion_body(
    body: dict[str, Any], answer: ModelAnswer, reason: str, logprobs: bool
) -> dict[str, Any]:
    """A chat completion in the shape of OpenAI's protocol."""
    prompt = sum(len(str(m.get("content"))) for m in body.get("messages", [])) // 4
    written = -(-len(answer.text) // 4)
    return {
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": str(body.get("model")),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "finish_reason": reason,
                "logprobs": _logprobs(answer, body) if logprobs else None,
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
        },
    }


def _logprobs(answer: ModelAnswer, body: dict[str, Any]) -> dict[str, Any]:
    top = int(body.get("top_logprobs") or 0)
    positions = answer.tokens or (((answer.text, 1.0),),)
    content = []
    for likely in positions:
        entries = [
            {"token": token, "logprob": math.log(max(p, 1e-30)), "bytes": list(token.encode())}
            for token, p in likely
        ]
        content.append({**entries[0], "top_logprobs": entries[:top]})
    return {"content": content, "refusal": None}


class OtherAnswer(Exception):
    """The model itself answers something else."""

    def __init__(self, answer: ModelAnswer, finish_reason: str) -> None:
        super().__init__(answer.text)
        self.answer, self.finish_reason = answer, finish_reason


def fault_response(fault: Fault, body: dict[str, Any]) -> Response | None:
    """The response to a request that a fault affects; None where it does not affect this one.

    Raises:
        OtherAnswer: The request is answered, by something else.
    """
    if fault.kind in _ERRORS:
        return error_response(fault.kind, fault.retry_after)
    if fault.kind in ("html", "redirect", "huge", "gzip-bomb"):
        return _not_an_answer(fault, body)
    if fault.kind == "say":
        raise OtherAnswer(ModelAnswer(fault.text), "stop")
    if fault.kind in _TEXTS:
        text, reason = _TEXTS[fault.kind]
        raise OtherAnswer(ModelAnswer(text), reason)
    if fault.kind in _REJECTED:
        option, message = _REJECTED[fault.kind]
        return (400, {}, _error(message, "unsupported")) if body.get(option) else None
    return _rejection(fault, body)


def reshape(response: Response, kinds: Collection[str]) -> Response:
    """Change an answer to another shape than the protocol's, by the kinds of active faults."""
    status, headers, body = response
    choice = body["choices"][0]
    if "parts" in kinds:
        text = choice["message"]["content"]
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm: 1, 2, or 3?"}]}
        choice["message"]["content"] = [thought, {"type": "text", "text": text}]
    if "odd-usage" in kinds:
        body["usage"] = {"prompt_tokens": "many", "completion_tokens": [1]}
    if "odd-logprobs" in kinds:
        choice["logprobs"] = {"content": [{"token": 5, "logprob": "low", "top_logprobs": [None]}]}
    if "half-json" in kinds:
        data = json.dumps(body)
        return status, headers, data[: len(data) // 2].encode()
    return status, headers, body


def error_response(kind: str, retry_after: float | None = None) -> Response:
    """The response of a server that does not answer at all."""
    status, message, code = _ERRORS[kind]
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return status, headers, _error(message, code)


def _not_an_answer(fault: Fault, body: dict[str, Any]) -> Response:
    if fault.kind == "html":
        return 200, {}, "<html><body>It works!</body></html>"
    if fault.kind == "redirect":
        return 307, {"Location": fault.text}, {}
    if fault.kind == "huge":
        return 200, {}, completion_body(body, ModelAnswer("x" * fault.chars), "stop", False)
    large = json.dumps(
        completion_body(body, ModelAnswer("x" * fault.chars), "stop", False)
    ).encode()
    return 200, {"Content-Encoding": "gzip"}, gzip.compress(large, mtime=0)


def _rejection(fault: Fault, body: dict[str, Any]) -> Response | None:
    messages = body.get("messages", [])
    if fault.kind == "reject-system" and any(m.get("role") == "system" for m in messages):
        return 400, {}, _error("System role not supported by this template", "template")
    if fault.kind == "context":
        size = sum(len(str(m.get("content"))) for m in messages)
        if size > fault.chars:
            message = (
                f"This model's maximum context length is {fault.chars} characters, and your "
                f"messages have {size}"
            )
            return 400, {}, _error(message, "context_length_exceeded")
    return None


def _error(message: str, code: str) -> dict[str, Any]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    }
