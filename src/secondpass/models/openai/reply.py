"""Reads the reply of an OpenAI-compatible server as a `Completion`, whatever its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secondpass.judge.chat.protocol import ChatError, Completion, TokenLogprob

_MAX_COUNT = 10**12
"""Tokens; a server that reports more did not count."""


def completion_of(reply: bytes, retries: int) -> Completion:
    """The first choice, with its usage.

    Values in another form than the protocol's are read if they are clear (content in parts, or as
    JSON), and else left out (counts that are not numbers, odd log-probabilities).

    Raises:
        ChatError: It is not a chat completion.
    """
    choice, usage = choice_of(reply)
    message = _mapping(choice.get("message"))
    refusal, reason = message.get("refusal"), choice.get("finish_reason")
    return Completion(
        text=_text(message.get("content")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        finish_reason=reason if isinstance(reason, str) else None,
        logprobs=_tokens(_mapping(choice.get("logprobs")).get("content")),
        refusal=refusal if isinstance(refusal, str) and refusal else None,
        retries=retries,
    )


def choice_of(reply: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The first choice and the usage.

    Raises:
        ChatError: There is none; the message says what it is instead.
    """
    try:
        parsed = json.loads(reply)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError too
        beginning = " ".join(reply[:200].decode("utf-8", "replace").split())[:80]
        problem = f"it is not JSON, and begins {beginning!r}" if beginning else "it is empty"
        raise ChatError(problem) from None
    choices = parsed.get("choices") if isinstance(parsed, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
        error = _mapping(parsed).get("error")  # some gateways answer so with status 200
        message = _mapping(error).get("message") or error
        raise ChatError(f"it says {str(message)[:300]!r}" if message else "it holds no message")
    return first, _mapping(parsed.get("usage"))


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(_part(part) for part in content)
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content)  # the server has parsed the model's JSON already


def _part(part: object) -> str:
    """The text of one part of a content; "" of thoughts, pictures and the like."""
    if isinstance(part, str):
        return part
    kind, text = _mapping(part).get("type", "text"), _mapping(part).get("text")
    return text if kind in ("text", "output_text") and isinstance(text, str) else ""


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        return None
    return value


def _tokens(content: object) -> tuple[TokenLogprob, ...] | None:
    """None where there are none, or where one is odd: probabilities with a gap mean nothing."""
    if not isinstance(content, list) or not content:
        return None
    tokens = []
    for entry in content:
        written = _token_and_logprob(entry)
        if written is None:
            return None
        top = _mapping(entry).get("top_logprobs")
        alternatives = map(_token_and_logprob, top) if isinstance(top, list) else ()
        tokens.append(TokenLogprob(*written, tuple(pair for pair in alternatives if pair)))
    return tuple(tokens)


def _token_and_logprob(entry: object) -> tuple[str, float] | None:
    text, logprob = _mapping(entry).get("token"), _mapping(entry).get("logprob")
    if not isinstance(text, str) or isinstance(logprob, bool):
        return None
    if not isinstance(logprob, int | float) or not logprob <= 1:  # false for NaN too
        return None
    return text, float(max(-1e9, logprob))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
