"""One question, asked until the answer can be used, a few times at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from secondpass.judge.budget import NoCallsLeftError
from secondpass.judge.chat.capabilities import CapabilityProbe, Log, TooLongError
from secondpass.judge.chat.failure_kinds import unwilling
from secondpass.judge.chat.prompts import Prompts, filled
from secondpass.judge.chat.protocol import AnswerSchema, ChatError, Completion, Message
from secondpass.judge.chat.sanitise import sanitise

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was read in one answer.

    Attributes:
        value: None where nothing was.
        share: How much of what was asked it tells, 0 to 1.
        problem: Why to ask again; "" where there is no need.
    """

    value: T | None
    share: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PromptTask(Generic[T]):
    """A question and how to read its answer.

    Attributes:
        prompt: The whole prompt, given how to write the answer down.
        ids: Identifiers, as a text for the repair prompt.
        form: How to write the answer down, given whether it is to be JSON.
        read: Reads an answer.
        max_tokens: Longest answer.
        schema: JSON schema of the answer; None to ask for text.
        top_logprobs: How many alternatives to each token to ask for; None for none.
    """

    prompt: Callable[[str], str]
    ids: str
    form: Callable[[bool], str]
    read: Callable[[Completion], Found[T]]
    max_tokens: int
    schema: AnswerSchema | None = None
    top_logprobs: int | None = None

    def with_room(self, tokens: int) -> PromptTask[T]:
        """The same with so many more tokens for the answer."""
        return replace(self, max_tokens=self.max_tokens + tokens)


async def asked(
    question: PromptTask[T], exchange: CapabilityProbe, prompts: Prompts, repairs: int, log: Log
) -> Found[T]:
    """Ask, and ask again while the answer cannot be used.

    Returns:
        The best of all answers, by how much each tells.

    Raises:
        TooLongError: The question does not fit the model's context.
        NoCallsLeftError: The budget has no call left.
        SecondPassError: The model cannot be asked.
    """
    best: Found[T] | None = None
    limit, why = question.max_tokens, ""
    messages = _opening(question, exchange, prompts)
    for attempt in range(1 + repairs):
        structured = exchange.structured
        try:
            done = await exchange.complete(
                log,
                messages,
                schema=question.schema,
                max_tokens=limit,
                top_logprobs=question.top_logprobs,
            )
        except TooLongError:
            if best is None:
                raise
            break  # only the repair prompt did not fit
        except NoCallsLeftError:
            if best is None:
                raise
            log.tell("budget", "an answer could not be used, and no call was left to ask again")
            break
        except ChatError as error:
            if best is None:
                raise
            log.tell("failed", f"an answer could not be used, and asking again failed: {error}")
            break
        found = question.read(done)
        if structured and question.schema is not None and _ignored_schema(done):
            exchange.lost("schema", log)
        if best is None or found.share > best.share:
            best = found
        if not found.problem:
            if attempt:
                log.tell("repaired", f"an answer could not be used and was asked for again: {why}")
            break
        why = _why(done, found, log)
        if done.finish_reason == "length":
            limit *= 2
        messages = [
            *_opening(question, exchange, prompts),
            {"role": "assistant", "content": sanitise(done.text[:1000]).strip() or "(nothing)"},
            {"role": "user", "content": _repair(question, exchange, prompts, why)},
        ]
    assert best is not None
    return best


def _opening(question: PromptTask[T], exchange: CapabilityProbe, prompts: Prompts) -> list[Message]:
    form = question.form(question.schema is not None and exchange.structured)
    return [
        {"role": "system", "content": prompts.system},
        {"role": "user", "content": question.prompt(form)},
    ]


def _repair(question: PromptTask[T], exchange: CapabilityProbe, prompts: Prompts, why: str) -> str:
    form = question.form(question.schema is not None and exchange.structured)
    return filled(prompts.repair, problem=why, ids=question.ids, form=form)


def _why(done: Completion, found: Found[T], log: Log) -> str:
    filtered = bool(done.refusal) or done.finish_reason == "content_filter"
    if filtered or (found.value is None and unwilling(done.text)):
        log.tell("refused", "the model refused to answer")
        return "it is a refusal"
    if not done.text.strip():
        return "it is empty"
    if done.finish_reason == "length":
        return f"it was cut off, {found.problem}"
    return found.problem


def _ignored_schema(done: Completion) -> bool:
    """Whether a complete answer is text although JSON was asked for."""
    text = done.text.strip()
    complete = done.finish_reason != "length" and not done.refusal and not unwilling(text)
    return bool(text) and complete and "{" not in text
