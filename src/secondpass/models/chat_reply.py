"""What an OpenAI-compatible server replied, as a `Completion`."""

from __future__ import annotations

from typing import Any

from openai.types.chat import ChatCompletion

from secondpass.judge.chat import ChatError, Completion, Token


def completion_of(parsed: object, retries: int) -> Completion:
    """The first choice, with what it cost.

    Raises:
        ChatError: It is no chat completion.
    """
    if not isinstance(parsed, ChatCompletion) or not parsed.choices:
        raise ChatError(
            "the server answered with something that is no chat completion; is base_url right? "
            "It usually ends in /v1"
        )
    choice = parsed.choices[0]
    usage = parsed.usage
    return Completion(
        choice.message.content or "",
        usage.prompt_tokens if usage else None,
        usage.completion_tokens if usage else None,
        choice.finish_reason,
        _tokens(choice.logprobs),
        choice.message.refusal,
        retries,
    )


def _tokens(logprobs: Any) -> tuple[Token, ...] | None:
    content = getattr(logprobs, "content", None)
    if not content:
        return None
    return tuple(
        Token(t.token, t.logprob, tuple((a.token, a.logprob) for a in t.top_logprobs or ()))
        for t in content
    )
