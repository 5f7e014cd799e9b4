"""What a chat gave back, made safe to read: of the right types, and of a bounded length."""

from __future__ import annotations

from dataclasses import replace

from secondpass.core.errors import InvalidInputError
from secondpass.judge.chat.protocol import Chat, Completion, TokenLogprob
from secondpass.judge.parsing.answer_text import LONGEST


def usable(done: object, chat: Chat) -> Completion:
    """The completion, cut to its end if it is very long; counts and tokens of wrong types dropped.

    Raises:
        InvalidInputError: It is no completion, and no text.
    """
    if isinstance(done, str):
        done = Completion(done)
    if not isinstance(done, Completion) or not isinstance(done.text, str):
        what = type(done.text).__name__ if isinstance(done, Completion) else type(done).__name__
        raise InvalidInputError(
            f"{chat.name!r} answered {what}; complete must return a Completion with a text"
        )
    prompt, completion = _count(done.prompt_tokens), _count(done.completion_tokens)
    if len(done.text) > LONGEST and completion is None:
        completion = len(done.text) // 4  # as it is written, though only its end is read
    logprobs = done.logprobs if all(map(_is_token, done.logprobs or ())) else None
    return replace(
        done,
        text=done.text[-LONGEST:],
        prompt_tokens=prompt,
        completion_tokens=completion,
        logprobs=logprobs,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_token(token: object) -> bool:
    if not isinstance(token, TokenLogprob):
        return False
    likely = [(token.text, token.logprob), *token.top]
    return all(isinstance(t, str) and isinstance(p, int | float) for t, p in likely)
